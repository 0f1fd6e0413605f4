"""Knowledge from the operator's files: read, cut into passages, indexed, and found for a question."""

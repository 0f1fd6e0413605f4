"""During a call, only the card that serves calls writes."""

"""What was said in calls and in chat, kept for as long as the operator wants."""

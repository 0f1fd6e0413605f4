"""Stored conversations: what was said in calls and in the text chat, kept for as long as the operator has set."""

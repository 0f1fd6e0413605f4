"""Persona and twin get into an argument when a conversation heats up."""

"""Transcribes voice messages and sound files that people send."""

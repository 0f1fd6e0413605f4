"""Transcription: turns the sound of a turn into text."""

"""Recordings' answers are made again by a better voice, between calls."""

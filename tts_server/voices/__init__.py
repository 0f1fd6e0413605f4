"""Voices made from recordings: what is taken, how it is kept."""

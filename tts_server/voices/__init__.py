"""Voices made from recordings: checking uploads, and storing voices."""

"""Speaks texts and answers in voice messages."""

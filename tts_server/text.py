"""Prepares what was written for being heard."""

from __future__ import annotations


def for_the_ear(text: str, language: str) -> str:
    """What is to be spoken of a segment; empty if there is nothing."""
    text = " ".join(text.split())
    return text if any(char.isalnum() for char in text) else ""

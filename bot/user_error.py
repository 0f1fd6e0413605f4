"""The error whose text is shown to a person."""

from __future__ import annotations


class UserError(Exception):
    """What somebody asked for can't be had; the text tells them why, and what they can do about it."""

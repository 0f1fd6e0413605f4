"""The error with a text for people."""

from __future__ import annotations


class UserError(Exception):
    """A person's request can't be fulfilled. The text tells them why, and what they can do about it."""

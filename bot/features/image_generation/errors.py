"""What can go wrong on the way to a picture, in words a Discord user can read."""

from __future__ import annotations


class DrawingError(Exception):
    """There is no picture; the text says why, for the person who asked."""


class UnreachableError(DrawingError):
    """ComfyUI does not answer."""


class CancelledByUserError(DrawingError):
    """Whoever asked for it does not want it any more."""

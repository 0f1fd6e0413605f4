"""Quotes texts of others in a prompt: each stands between marks, and can't contain the marks that would end it."""

from __future__ import annotations

from bot.llm.templates import without_control_marks

_OPEN, _CLOSE = "«««", "»»»"


def quoted(text: str) -> str:
    """The text between the marks, after :func:`quotable` has cleaned it."""
    return f"{_OPEN}\n{quotable(text)}\n{_CLOSE}"


def quotable(text: str) -> str:
    """A text without the marks and without control tokens.

    The text is searched again after each removal, because the removal may have joined the parts of another mark.
    """
    while (cleaned := without_control_marks(text).replace(_OPEN, "").replace(_CLOSE, "")) != text:
        text = cleaned
    return text

"""Helpers that read a model's answer."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.llm.answer import TextDelta
from bot.llm.filters.chain import Retraction


async def texts(answer: AsyncIterator[TextDelta]) -> list[str]:
    """The pieces of an answer's text, and retractions."""
    return [Retraction(piece.text) if piece.retracts else piece.text async for piece in answer]

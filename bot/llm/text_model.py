"""What the bot's features need of a language model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from bot.llm.messages import ChatMessage


class TextModel(Protocol):
    """Streams replies; :class:`~bot.llm.stream.ModelClient` is one."""

    def stream(self, messages: Sequence[ChatMessage], *, model: str | None = None) -> AsyncGenerator[str, None]:
        """The reply, piece by piece; close the generator to hang up. Raises :class:`~bot.llm.errors.ModelError`."""
        ...

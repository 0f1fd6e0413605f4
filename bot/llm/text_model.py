"""What the bot's features need of a language model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from bot.llm.messages import ChatMessage
from bot.llm.model_size import ModelSize
from bot.llm.speakers import NOBODY, Speakers


class TextModel(Protocol):
    """Streams replies; :class:`~bot.llm.stream.ModelClient` is one."""

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: Speakers = NOBODY,
        careful: bool = False,
    ) -> AsyncGenerator[str, None]:
        """The reply, piece by piece; close the generator to hang up. Raises :class:`~bot.llm.errors.ModelError`.

        ``speakers`` are the people in the conversation, whose names a model may write before lines. A piece may be a
        :class:`~bot.llm.filters.chain.Retraction`, unless ``careful`` is set.
        """
        ...

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """How large the model is, as far as it is known: small ones are asked in another way."""
        ...

"""What the bot's features need of a language model."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from typing import Protocol

from bot.llm.answer import TextDelta
from bot.llm.messages import ChatMessage
from bot.llm.model_size import ModelSize
from bot.llm.speakers import NOBODY, Speakers


class TextModel(Protocol):
    """Streams replies; :class:`~bot.llm.stream.ModelClient` is one."""

    def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: Speakers = NOBODY,
        careful: bool = False,
    ) -> AsyncGenerator[TextDelta, None]:
        """What the model says, piece by piece; see :meth:`bot.llm.stream.ModelClient.text` for tools that it calls.

        Close the generator to hang up. Raises :class:`~bot.llm.errors.ModelError`. ``speakers`` are the people in the
        conversation, whose names a model may write before lines. No piece retracts anything where ``careful`` is set.
        """
        ...

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """How large the model is, as far as it is known: small ones are asked in another way."""
        ...

"""The protocol for a language model that features use, and a helper that asks it for one short line."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from bot.llm.answer import TextDelta
from bot.llm.cleaning import DiscordNames, clean_prompt
from bot.llm.history import speakers_of_messages
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.personas import Persona
from bot.llm.small_model import ModelSize


class TextModel(Protocol):
    """Streams replies; :class:`~bot.llm.client.ModelClient` is one."""

    def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
    ) -> AsyncGenerator[TextDelta, None]:
        """What the model says, piece by piece; see :meth:`bot.llm.client.ModelClient.text` for tools that it calls.

        Close the generator to hang up. Raises :class:`~bot.llm.errors.ModelError`. ``speakers`` are the people in the
        conversation, whose names a model may write before lines. With
        ``never_retract`` no piece retracts anything.
        """
        ...

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """How large the model is, as far as it is known: small ones are asked in another way."""
        ...


MAX_CHARS = 300
_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'»”’)]*(?=\s|$)|[。！？]")


async def short_line(model: TextModel, messages: Sequence[ChatMessage], author: Persona) -> str:
    """The first line that the author's model writes, cut at the end of a sentence where it is too long; may be "".

    Hangs up as soon as there is enough. Raises :class:`~bot.llm.errors.ModelError`.
    """
    text = ""
    known = SpeakerNames.of(author.names, speakers_of_messages(messages))
    async with aclosing(model.text(messages, model=author.model, speakers=known, never_retract=True)) as pieces:
        async for piece in pieces:
            text = (text + piece.text).lstrip()
            if "\n" in text or len(text) > 2 * MAX_CHARS:
                break
    first_line = text.partition("\n")[0]
    return shortened(clean_prompt(first_line, DiscordNames()))


def shortened(line: str) -> str:
    """At most ``MAX_CHARS`` of it: whole sentences if there is one, else whole words if there is one."""
    if len(line) <= MAX_CHARS:
        return line
    ends = [match.end() for match in _SENTENCE_END.finditer(line) if match.end() <= MAX_CHARS]
    if ends:
        return line[: ends[-1]]
    words, space, _ = line[:MAX_CHARS].rpartition(" ")
    return f"{words if space else line[: MAX_CHARS - 1]}…"

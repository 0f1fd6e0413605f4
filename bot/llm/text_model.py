"""The language model as the bot's features use it: a protocol, and a function that asks for one short line."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.cleaning import DiscordNames, clean_prompt
from bot.llm.history import speakers_of_messages
from bot.llm.messages import NO_SPEAKERS, ChatMessage, SpeakerNames
from bot.llm.personas import Persona
from bot.llm.small_model import ModelSize
from bot.llm.tools import ToolDescription
from bot.metering import Account


class TextModel(Protocol):
    """A language model that streams text. :class:`~bot.llm.client.ModelClient` implements this protocol."""

    def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        never_retract: bool = False,
        progress: AnswerProgress = NOT_WATCHED,
    ) -> AsyncGenerator[TextDelta, None]:
        """Stream the text of a reply. Tool calls are ignored. Closing the generator ends the request.

        Args:
            messages: the conversation. The model answers its last message.
            model: the model to use; ``None`` for the configured one.
            speakers: the names that the model may write at the start of a line. They are removed from the text.
            never_retract: whether text that may turn out to be a thought is withheld, instead of being retracted later.
            progress: its functions are called while the reply is made.

        Raises:
            ModelError: there is no reply, or it broke off.
        """
        ...

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """The size of ``model``, or of the configured model. Small models get shorter prompts."""
        ...


class ToolModel(TextModel, Protocol):
    """A :class:`TextModel` that can call tools."""

    def stream(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        speakers: SpeakerNames = NO_SPEAKERS,
        tools: Sequence[ToolDescription] = (),
        progress: AnswerProgress = NOT_WATCHED,
    ) -> AsyncGenerator[AnswerPart, None]:
        """Stream a reply with its text and tool calls; see :meth:`bot.llm.client.ModelClient.stream`."""
        ...


MAX_CHARS = 300
"""Maximum number of characters in a short line."""
_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'»”’)]*(?=\s|$)|[。！？]")


async def short_line(model: TextModel, messages: Sequence[ChatMessage], author: Persona, place: int) -> str:
    """Ask the author's model for one short line, and return it cleaned; "" if the model wrote nothing usable.

    The request is charged to ``place``, the id of a Discord server.

    Only the first line of the reply is used. If it is too long, it is cut (:func:`shortened`). The request ends as soon
    as the first line is complete.

    Raises:
        ModelError: there is no reply, or it broke off.
    """
    text = ""
    known = SpeakerNames.of(author.names, speakers_of_messages(messages))
    watched = AnswerProgress(Account(place))
    asked = model.text(messages, model=author.model, speakers=known, never_retract=True, progress=watched)
    async with aclosing(asked) as pieces:
        async for piece in pieces:
            text = (text + piece.text).lstrip()
            if "\n" in text or len(text) > 2 * MAX_CHARS:
                break
    first_line = text.partition("\n")[0]
    return shortened(clean_prompt(first_line, DiscordNames()))


def shortened(line: str) -> str:
    """Cut ``line`` to ``MAX_CHARS`` characters: after a sentence if possible, otherwise after a word."""
    if len(line) <= MAX_CHARS:
        return line
    ends = [match.end() for match in _SENTENCE_END.finditer(line) if match.end() <= MAX_CHARS]
    if ends:
        return line[: ends[-1]]
    words, space, _ = line[:MAX_CHARS].rpartition(" ")
    return f"{words if space else line[: MAX_CHARS - 1]}…"

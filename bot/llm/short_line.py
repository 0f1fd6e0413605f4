"""One short line of a model's, such as people write in a chat."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import aclosing

from bot.llm.cleaning import DiscordNames, clean_prompt
from bot.llm.history import speakers
from bot.llm.messages import ChatMessage
from bot.llm.personas import Persona
from bot.llm.speakers import Speakers
from bot.llm.text_model import TextModel

MAX_CHARS = 300
_SENTENCE_END = re.compile(r"[.!?…。！？]+[\"'»”’)]*(?=\s|$)|[。！？]")


async def short_line(model: TextModel, messages: Sequence[ChatMessage], author: Persona) -> str:
    """The first line that the author's model writes, cut at the end of a sentence where it is too long; may be "".

    Hangs up as soon as there is enough. Raises :class:`~bot.llm.errors.ModelError`.
    """
    text = ""
    known = Speakers.of(author.names, speakers(messages))
    async with aclosing(model.text(messages, model=author.model, speakers=known, careful=True)) as pieces:
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

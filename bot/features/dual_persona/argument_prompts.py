"""The prompts of an argument between two personas. Each persona's model reads the other's lines like a person's."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from bot.llm.history import user_line
from bot.llm.messages import ChatMessage
from bot.llm.personas import Persona
from bot.llm.prompts import Circumstances

_CHARS_PER_SECOND = 20.0
_SHORTEST = 1.5
"""Shortest typing time in seconds, before it is randomised."""
_LONGEST = 6.0
"""Longest typing time in seconds, before it is randomised."""
_RULES = """\
You and {other} share one body and never agree. Right now the two of you argue in a text channel, and people read along.
- Write the next line of yours: one or two short sentences, in character, about what was said last.
- Be quick, funny and stubborn. Never turn on the people who read along.
- Write plain words only: no markdown, links, mentions or stage directions, and no name before your line.
- Write in the language of the people in the channel."""


@dataclass(frozen=True, slots=True)
class ArgumentLine:
    """One line of an argument, and the persona that said it."""

    author: Persona
    text: str


def messages_for(
    author: Persona, other: Persona, recent: Sequence[str], said: Sequence[ArgumentLine], circumstances: Circumstances
) -> tuple[ChatMessage, ...]:
    """The messages that ask the author's model for the next line.

    Args:
        recent: the last messages of people, as "NAME: text", oldest first.
        said: the lines of the argument so far.
        circumstances: the place and time of the argument.
    """
    parts = (
        f"You are {author.name}. {author.description}",
        author.style,
        _RULES.format(other=other.name),
        *circumstances.sections(),
    )
    opening = "\n".join((*recent, f"({other.name} is here. Say something that {other.name} can't leave alone.)"))
    messages = [ChatMessage("user", opening if not said or said[0].author is author else "\n".join(recent))]
    for line in said:
        if line.author is author:
            messages.append(ChatMessage("assistant", line.text))
        elif messages[-1].role == "user":
            text = f"{messages[-1].content}\n{user_line(other.name, line.text)}".lstrip()
            messages[-1] = ChatMessage("user", text)
        else:
            messages.append(ChatMessage("user", user_line(other.name, line.text)))
    return ChatMessage("system", "\n\n".join(part for part in parts if part)), *messages


def typing_time(line: ArgumentLine, rng: random.Random) -> float:
    """The seconds that a person would need to read a line and type an answer to it."""
    return min(_LONGEST, max(_SHORTEST, len(line.text) / _CHARS_PER_SECOND)) * rng.uniform(0.8, 1.2)

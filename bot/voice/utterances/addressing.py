"""Is an utterance meant for the bot? The policy of ``ANSWER_TO``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.text import plain_words
from bot.voice.utterances.names import Names
from config.sections import AnswerPolicy

CONTINUING = 12.0
"""Seconds after an answer within which whoever got it goes on talking to the bot."""
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True)
class Exchange:
    """How things stand when an utterance is made.

    ``partner`` is who last talked with the bot, unless somebody else has spoken since; ``since`` is how many seconds
    ago the bot fell silent (0 while it speaks).
    """

    partner: int | None = None
    since: float = 0.0


class Addressing:
    """Decides whom an utterance is for.

    Args:
        names: what the bot is called.
    """

    def __init__(self, policy: AnswerPolicy, names: Names) -> None:
        self._policy = policy
        self._names = names

    def is_addressed(self, person: int, text: str, others: tuple[str, ...], exchange: Exchange) -> bool:
        """Whether the bot is meant; ``others`` are the names of the other people there."""
        match self._policy:
            case AnswerPolicy.ALWAYS:
                return True
            case AnswerPolicy.NAME:
                return self._names.called_in(text)
            case AnswerPolicy.SMART:
                return (
                    not others
                    or self._names.called_in(text)
                    or (exchange.partner == person and exchange.since <= CONTINUING and not _calls_first(text, others))
                )


def _calls_first(text: str, others: tuple[str, ...]) -> bool:
    """Whether an utterance begins with somebody's name, perhaps behind a "hey"."""
    return Names(form for name in others for form in _forms(name)).called_first(text)


def _forms(name: str) -> tuple[str, ...]:
    """A name as it is shown, and what is left to say of "xX_Max_Xx" or "Anna | 99"."""
    words = plain_words(_DIGITS.sub(" ", name))
    return (name, max(words, key=len)) if words else (name,)

"""A model's answer: a stream of text and of calls of tools, in their order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.llm.deltas import LENGTH, Delta
from bot.llm.filters.chain import Retraction
from bot.llm.reply_text import ReplyText
from bot.llm.tool_calls import ToolCall, ToolCallAssembler


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of what the model says.

    ``retracts``: everything that it said before in this answer was a thought, and is to be forgotten; the calls stand.
    """

    text: str
    retracts: bool = False


AnswerPart = TextDelta | ToolCall


class Answer:
    """Makes the parts of one answer from the steps in which it comes.

    A call goes around the filters of the text. It does not overtake text that a filter still holds back: it waits until
    all of that is said, or the answer is over.
    """

    def __init__(self, text: ReplyText) -> None:
        self.text = text
        self.called = False
        """Whether there was a call."""
        self._calls = ToolCallAssembler()
        self._waiting: list[ToolCall] = []

    @property
    def ended(self) -> bool:
        """Whether the answer is over, whatever the server goes on to write."""
        return self.text.ended or self._calls.ended

    def take(self, delta: Delta) -> list[AnswerPart]:
        """The next step; returns what comes of it."""
        said = _deltas(self.text.take(delta))
        self._waiting += self._calls.take(delta.calls)
        return [*said, *([] if self.text.holds else self._released())]

    def end(self) -> list[AnswerPart]:
        """There are no more steps; returns the rest."""
        said = _deltas(self.text.end())
        self._waiting += self._calls.end(whole=self.text.finished and self.text.reason not in LENGTH)
        return [*said, *self._released()]

    def _released(self) -> list[ToolCall]:
        calls, self._waiting = self._waiting, []
        self.called = self.called or bool(calls)
        return calls


def _deltas(pieces: Sequence[str]) -> list[TextDelta]:
    return [TextDelta(piece, retracts=isinstance(piece, Retraction)) for piece in pieces]


def standing(parts: Sequence[AnswerPart]) -> list[AnswerPart]:
    """The parts without the text that a later one among them retracts."""
    retractions = [place for place, part in enumerate(parts) if isinstance(part, TextDelta) and part.retracts]
    last = retractions[-1] if retractions else 0
    return [part for place, part in enumerate(parts) if place >= last or isinstance(part, ToolCall)]

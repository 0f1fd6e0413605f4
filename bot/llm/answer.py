"""A model's answer: the stream of text pieces and tool calls, filtered for what must not be said."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.llm.deltas import LENGTH_REASONS, Delta
from bot.llm.filters.brief import BriefFilter
from bot.llm.filters.chain import FilterChain, Retraction, SurrogateFilter, TextFilter
from bot.llm.filters.harmony import HarmonyFilter
from bot.llm.filters.names import NameFilter
from bot.llm.filters.tags import TurnTokenFilter
from bot.llm.filters.thoughts import ThoughtFilter
from bot.llm.messages import NO_SPEAKERS, SpeakerNames
from bot.llm.thinking import ThinkingHabit
from bot.llm.tool_calls import ToolCall, ToolCallAssembler

MAX_CHARS = 400_000
"""No reply of so many tokens as can be set is longer; what comes after that is not read."""
_PART = 1_000


class ReplyText:
    """One reply's text, without what it must not carry.

    Args:
        habit: what is known of the model, and learns from this reply.
        speakers: whose names the model may write before lines.
        never_retract: withhold the reply of a model of which nothing is known until its end, so that not even its first
            thought is passed on.
        brief: keep the reply short, and let it end with a sentence.
    """

    def __init__(
        self,
        habit: ThinkingHabit,
        speakers: SpeakerNames = NO_SPEAKERS,
        *,
        never_retract: bool = False,
        brief: bool = False,
    ) -> None:
        self.spoke = False
        """Whether anything was said that stands."""
        self.finished = False
        """Whether the server marked the reply's end."""
        self.reason = ""
        """The server's word for why it ended."""
        self._habit = habit
        self._guessed = never_retract and not habit.known
        self._reasoned = False
        self._taken = 0
        self._harmony = HarmonyFilter()
        self._in_final_channel = False
        self._thoughts = ThoughtFilter(begins_inside=habit.begins_inside or self._guessed)
        self._speakers = speakers
        self._brief = BriefFilter() if brief else None
        self._chain = FilterChain(self._filters)

    def _filters(self) -> Sequence[TextFilter]:
        """The filters in their order. This is the place to add one: each gets what the one before it lets through."""
        if self._harmony.began_inside and not self._in_final_channel:
            # What it withheld was a thought.
            self._in_final_channel, self._thoughts = True, ThoughtFilter()
        if self._brief is not None:
            self._brief = BriefFilter()
        return (
            SurrogateFilter(),
            self._harmony,
            self._thoughts,
            TurnTokenFilter(),
            NameFilter(self._speakers),
            *([self._brief] if self._brief is not None else []),
        )

    @property
    def ended(self) -> bool:
        """Whether the reply is over, whatever the server goes on to write."""
        return self._chain.ended or self._taken >= MAX_CHARS

    @property
    def holds(self) -> bool:
        """Whether text that came is held back, and may be said yet."""
        return self._chain.holds

    @property
    def thought(self) -> bool:
        """Whether the model thought, in the text or apart from it."""
        return self._reasoned or self._thoughts.thought or self._harmony.thought

    def take(self, delta: Delta) -> list[str]:
        """The next step; returns what is said by it, and retractions."""
        if delta.finished:
            self.finished = True
            self.reason = delta.reason or self.reason
        if delta.reasoning.strip():
            self._reasoned = True
            if not self._habit.goes_on:
                self._thoughts.separate()
        self._taken += len(delta.text)
        return self._noted(without_retracted_pieces(self._chain.feed(delta.text))) if delta.text else []

    def end(self) -> list[str]:
        """There are no more steps; returns the rest of what is said."""
        cut_off = self.reason in LENGTH_REASONS
        if cut_off and not self._guessed:
            self._thoughts.cut_off()
        if cut_off and self._brief is not None:
            self._brief.cut_off()
        pieces = self._noted(without_retracted_pieces(self._chain.finish()))
        if self.spoke and not self._began_inside and not cut_off and not self.ended:
            self._habit.began_outside()
        return pieces

    def _noted(self, pieces: list[str]) -> list[str]:
        if self._began_inside:
            self._habit.began_inside(went_on=self._reasoned)
        noted: list[str] = []
        for piece in pieces:
            # Before the first word there is nothing to be forgotten, and no white space to be said.
            heard = piece if self.spoke else piece.lstrip()
            if not heard and not self.spoke:
                continue
            self.spoke = not isinstance(heard, Retraction)
            noted.append(heard)
        return noted

    @property
    def _began_inside(self) -> bool:
        return self._thoughts.began_inside or self._harmony.began_inside


def bounded_deltas(delta: Delta) -> Iterator[Delta]:
    """A step in steps of a bounded length: a filter's work grows with the square of what it is given at once."""
    *earlier, last = range(0, max(1, len(delta.text)), _PART)
    if not earlier:
        yield delta
        return
    yield Delta(delta.text[:_PART], delta.reasoning)
    for start in earlier[1:]:
        yield Delta(delta.text[start : start + _PART])
    yield Delta(delta.text[last:], finished=delta.finished, reason=delta.reason, calls=delta.calls)


def without_retracted_pieces(pieces: list[str]) -> list[str]:
    """The pieces without those that a later one among them retracts."""
    retractions = [place for place, piece in enumerate(pieces) if isinstance(piece, Retraction)]
    return pieces[retractions[-1] :] if retractions else pieces


def clean_text(text: str) -> str:
    """A whole reply without what it must not carry, where it came in one piece and belongs to no conversation."""
    reply = ReplyText(ThinkingHabit(), never_retract=True)
    said = [piece for part in bounded_deltas(Delta(text)) for piece in reply.take(part)]
    return "".join([*said, *reply.end()]).strip()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of what the model says.

    ``retracts``: everything that it said before in this answer was a thought, and is to be forgotten; the calls stand.
    """

    text: str
    retracts: bool = False


AnswerPart = TextDelta | ToolCall


class AnswerBuilder:
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
        self._waiting += self._calls.end(whole=self.text.finished and self.text.reason not in LENGTH_REASONS)
        return [*said, *self._released()]

    def _released(self) -> list[ToolCall]:
        calls, self._waiting = self._waiting, []
        self.called = self.called or bool(calls)
        return calls


def _deltas(pieces: Sequence[str]) -> list[TextDelta]:
    return [TextDelta(piece, retracts=isinstance(piece, Retraction)) for piece in pieces]


def without_retracted_parts(parts: Sequence[AnswerPart]) -> list[AnswerPart]:
    """The parts without the text that a later one among them retracts."""
    retractions = [place for place, part in enumerate(parts) if isinstance(part, TextDelta) and part.retracts]
    last = retractions[-1] if retractions else 0
    return [part for place, part in enumerate(parts) if place >= last or isinstance(part, ToolCall)]

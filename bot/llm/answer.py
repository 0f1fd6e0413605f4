"""Builds a model's answer, text and tool calls, from the deltas that the server sends, and filters the text."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Iterator, Sequence
from dataclasses import dataclass

from bot.llm.deltas import LENGTH_REASONS, Delta
from bot.llm.filters.brief import BriefFilter
from bot.llm.filters.chain import FilterChain, Retraction, SurrogateFilter, TextFilter
from bot.llm.filters.harmony import HarmonyFilter
from bot.llm.filters.mood import MoodFilter
from bot.llm.filters.names import NameFilter
from bot.llm.filters.tags import TurnTokenFilter
from bot.llm.filters.thoughts import ThoughtFilter
from bot.llm.filters.tool_calls import ToolCallFilter
from bot.llm.messages import NO_SPEAKERS, SpeakerNames
from bot.llm.thinking import ThinkingHabit
from bot.llm.tool_calls import CallPiece, ToolCall, ToolCallAssembler

_log = logging.getLogger(__name__)

MAX_CHARS = 400_000
"""Longest reply that is read, in characters. No token limit that can be set allows a longer reply."""
_PART = 1_000
"""Longer deltas are filtered in parts of this many characters."""


class ReplyFilter:
    """Filters the text of one reply. It removes thoughts, control tokens, marks of moods, and names at a line's start.

    Args:
        habit: remembers whether the model's replies begin inside a thought, which then has an end tag and no start
            tag. The filter updates it from this reply.
        speakers: names that the model may write at the start of a line.
        never_retract: while the model's habit is unknown, withhold the complete reply until its end, so that nothing
            has to be retracted.
        brief: keep the reply short, and end it after a sentence.
        quotes_people: whether the reply may begin with lines of other people, before the model's own line.
        takes_calls: whether tools were offered. Otherwise, tool calls in the text are only removed from it.
    """

    def __init__(
        self,
        habit: ThinkingHabit,
        speakers: SpeakerNames = NO_SPEAKERS,
        *,
        never_retract: bool = False,
        brief: bool = False,
        quotes_people: bool = True,
        takes_calls: bool = False,
    ) -> None:
        self.has_text = False
        """Whether there was text that was not retracted."""
        self.finished = False
        """Whether the server marked the end of the reply."""
        self.reason = ""
        """The server's finish reason; "" if it gave none."""
        self._habit = habit
        self._guessed = never_retract and not habit.known
        """Whether it is only assumed that the reply begins inside a thought."""
        self._reasoned = False
        """Whether the server has sent thoughts in a separate field."""
        self._chars_read = 0
        """Number of characters of text that were read."""
        self._harmony = HarmonyFilter()
        self._in_final_channel = False
        self._thoughts = ThoughtFilter(begins_inside=habit.begins_inside or self._guessed)
        self._speakers = speakers
        self._quotes_people = quotes_people
        self._takes_calls = takes_calls
        self._tool_calls = ToolCallFilter(takes_calls=takes_calls)
        # A mark may stand before or after the persona's name.
        self._moods = (MoodFilter(), MoodFilter())
        self._brief = BriefFilter() if brief else None
        self._chain = FilterChain(self._filters)

    def _filters(self) -> Sequence[TextFilter]:
        """The filters in their order. Each one gets the text that the one before it lets through. Add new ones here."""
        if self._harmony.began_inside and not self._in_final_channel:
            # All text before Harmony's final channel was a thought. The old ThoughtFilter may still withhold some of
            # that text, so a new filter replaces it.
            self._in_final_channel, self._thoughts = True, ThoughtFilter()
        if self._brief is not None:
            self._brief = BriefFilter()
        self._tool_calls = ToolCallFilter(takes_calls=self._takes_calls)
        before_name, after_name = self._moods = (MoodFilter(), MoodFilter())
        return (
            SurrogateFilter(),
            self._harmony,
            self._thoughts,
            self._tool_calls,
            TurnTokenFilter(),
            before_name,
            NameFilter(self._speakers, quotes_people=self._quotes_people),
            after_name,
            *([self._brief] if self._brief is not None else []),
        )

    @property
    def ended(self) -> bool:
        """Whether the reply is over, even if the server sends more text."""
        return self._chain.ended or self._chars_read >= MAX_CHARS

    @property
    def holds(self) -> bool:
        """Whether a filter withholds text that it may still let through."""
        return self._chain.holds

    @property
    def mood(self) -> str | None:
        """The mood that the head of the reply names, as the model wrote it; ``None`` if it names none."""
        return next((each.mood for each in self._moods if each.mood is not None), None)

    @property
    def thought(self) -> bool:
        """Whether there was a thought, in the text or in a separate field."""
        return self._reasoned or self._thoughts.thought or self._harmony.thought

    def take_calls(self) -> tuple[CallPiece, ...]:
        """The tool calls that were found in the text since this was called last, in order."""
        return self._tool_calls.take_calls()

    def take(self, delta: Delta) -> list[str]:
        """Take the next delta; returns pieces of filtered text and retractions."""
        if delta.finished:
            self.finished = True
            self.reason = delta.reason or self.reason
        if delta.reasoning.strip():
            self._reasoned = True
            if not self._habit.goes_on:
                self._thoughts.separate()
        self._chars_read += len(delta.text)
        return self._record(_without_retracted(self._chain.feed(delta.text))) if delta.text else []

    def end(self) -> list[str]:
        """End the reply; returns the rest of the filtered text, and retractions."""
        cut_off = self.reason in LENGTH_REASONS
        if cut_off and not self._guessed:
            self._thoughts.cut_off()
        if cut_off and self._brief is not None:
            self._brief.cut_off()
        pieces = self._record(_without_retracted(self._chain.finish()))
        if self.has_text and not self._began_inside and not cut_off and not self.ended:
            self._habit.began_outside()
        return pieces

    def _record(self, pieces: list[str]) -> list[str]:
        if self._began_inside:
            self._habit.began_inside(went_on=self._reasoned)
        recorded: list[str] = []
        for piece in pieces:
            # Before the first word there is nothing to retract, so retractions are left out, and so is white space.
            heard = piece if self.has_text else piece.lstrip()
            if not heard and not self.has_text:
                continue
            self.has_text = not isinstance(heard, Retraction)
            recorded.append(heard)
        return recorded

    @property
    def _began_inside(self) -> bool:
        return self._thoughts.began_inside or self._harmony.began_inside


def bounded_deltas(delta: Delta) -> Iterator[Delta]:
    """Split a delta into deltas of bounded length, because a filter's work grows with the square of the length."""
    *earlier, last = range(0, max(1, len(delta.text)), _PART)
    if not earlier:
        yield delta
        return
    yield Delta(delta.text[:_PART], delta.reasoning)
    for start in earlier[1:]:
        yield Delta(delta.text[start : start + _PART])
    yield Delta(delta.text[last:], finished=delta.finished, reason=delta.reason, calls=delta.calls)


def _without_retracted(pieces: list[str]) -> list[str]:
    """Drop the pieces that are retracted by a later piece."""
    retractions = [place for place, piece in enumerate(pieces) if isinstance(piece, Retraction)]
    return pieces[retractions[-1] :] if retractions else pieces


def clean_text(text: str) -> str:
    """Filter a complete reply that came in one piece and belongs to no conversation."""
    reply = ReplyFilter(ThinkingHabit(), never_retract=True)
    said = [piece for part in bounded_deltas(Delta(text)) for piece in reply.take(part)]
    return "".join([*said, *reply.end()]).strip()


@dataclass(frozen=True, slots=True)
class TextDelta:
    """The next piece of an answer's text.

    Attributes:
        retracts: whether all text before this piece was a thought and must be forgotten. Tool calls stay valid.
        mood: the mood that the head of the reply names, as the model wrote it: a name that may be unknown. Only the
            first piece of a reply has it.
    """

    text: str
    retracts: bool = False
    mood: str | None = None


AnswerPart = TextDelta | ToolCall


async def fixed_answer(text: str) -> AsyncGenerator[AnswerPart, None]:
    """An answer that no model has written."""
    yield TextDelta(text)


class AnswerBuilder:
    """Builds the parts of one answer, text and tool calls, from its deltas.

    A tool call may come in a field of its own or in the text. A call in the text is taken out of it. A call never
    overtakes text: it waits until no filter withholds text any more, or until the answer ends.
    """

    def __init__(self, reply_filter: ReplyFilter) -> None:
        self.filter = reply_filter
        self.called = False
        """Whether there was a tool call."""
        self._calls = ToolCallAssembler()
        self._waiting: list[ToolCall] = []
        self._at_head = True

    @property
    def ended(self) -> bool:
        """Whether the answer is over, even if the server sends more."""
        return self.filter.ended or self._calls.ended

    def take(self, delta: Delta) -> list[AnswerPart]:
        """Take the next delta; returns the parts that are ready."""
        said = self._as_text_deltas(self.filter.take(delta))
        self._waiting += self._calls.take((*self.filter.take_calls(), *delta.calls))
        return [*said, *(self._released() if self._waiting and not self.filter.holds else ())]

    def end(self) -> list[AnswerPart]:
        """End the answer; returns the remaining parts."""
        said = self._as_text_deltas(self.filter.end())
        self._waiting += self._calls.take(self.filter.take_calls())
        self._waiting += self._calls.end(whole=self.filter.finished and self.filter.reason not in LENGTH_REASONS)
        return [*said, *self._released()]

    def _released(self) -> list[ToolCall]:
        calls, self._waiting = self._waiting, []
        self.called = self.called or bool(calls)
        return calls

    def _as_text_deltas(self, pieces: Sequence[str]) -> list[TextDelta]:
        deltas: list[TextDelta] = []
        for piece in pieces:
            retracts = isinstance(piece, Retraction)
            deltas.append(TextDelta(piece, retracts, self.filter.mood if self._at_head and not retracts else None))
            self._at_head = retracts
        return deltas


def without_retracted_parts(parts: Sequence[AnswerPart]) -> list[AnswerPart]:
    """Drop the text that is retracted by a later part. Tool calls are kept."""
    retractions = [place for place, part in enumerate(parts) if isinstance(part, TextDelta) and part.retracts]
    last = retractions[-1] if retractions else 0
    return [part for place, part in enumerate(parts) if place >= last or isinstance(part, ToolCall)]


def parts_for_caller(parts: Sequence[AnswerPart], runs_tools: bool) -> Iterator[AnswerPart]:
    """Drop tool calls, and log them, unless the caller runs tools."""
    for part in parts:
        if isinstance(part, ToolCall) and not runs_tools:
            _log.info("The model calls the tool %s; there are no tools, so the call is ignored", part.name)
        else:
            yield part

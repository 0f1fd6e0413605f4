"""The latest turns of all calls, with their figures. No words, names or ids of people are kept."""

from __future__ import annotations

import statistics
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from bot.monitoring.day import DayFigures
from bot.voice.events import CallBegan, CallEnded, CallEvent, ReplyEnded, SpeechStarted, SpeechStopped
from bot.voice.metrics import ReplyTrace, Summary
from bot.voice.turn import TurnId

KEPT_TURNS = 200
"""Number of the newest turns that are kept."""
RECENT_TURNS = 5
"""Number of the newest turns whose median says how fast an engine is now."""
UNKNOWN = "unknown"
"""The transport of a call whose beginning was not seen."""


def stt_ms(trace: ReplyTrace) -> float | None:
    """How long the transcription took, from the last pause of the turn."""
    return _between(trace.speech_paused, trace.transcribed)


def first_token_ms(trace: ReplyTrace) -> float | None:
    """How long the model's first token took, from the beginning of the reply."""
    return _between(trace.waited, trace.first_token)


def tts_ms(trace: ReplyTrace) -> float | None:
    """How long the first sound took, from the first clause."""
    return _between(trace.first_clause, trace.first_audio)


def first_packet_ms(trace: ReplyTrace) -> float | None:
    """How long people waited for the reply's first sound."""
    return trace.first_packet


def _between(begun: float | None, done: float | None) -> float | None:
    return None if begun is None or done is None else round(max(0.0, done - begun), 2)


FIGURES: Mapping[str, Callable[[ReplyTrace], float | None]] = MappingProxyType(
    {"first_packet_ms": first_packet_ms, "stt_ms": stt_ms, "first_token_ms": first_token_ms, "tts_ms": tts_ms}
)
"""The figures of a turn in milliseconds: of the whole turn, the transcriber, the model and the voice."""


@dataclass(frozen=True, slots=True)
class TurnFigures:
    """The figures of one turn.

    Attributes:
        number: counts the turns since the start, from 1.
        at: when the turn ended, in seconds since 1970.
        transport: the kind of transport of the call.
        spoken: whether the prompt was spoken; otherwise it was typed.
        trace: the timings.
    """

    number: int
    at: float
    transport: str
    spoken: bool
    trace: ReplyTrace

    def figure(self, name: str) -> float | None:
        """One of :data:`FIGURES`; ``None`` if the turn did not get so far."""
        return FIGURES[name](self.trace)


@dataclass(slots=True)
class _CallSeen:
    """A call that is on."""

    transport: str
    since: float
    speaking: set[TurnId] = field(default_factory=set)


class TurnLog:
    """A watcher of all calls that keeps the figures of their turns. Use it only on the event loop.

    Args:
        now: returns the seconds since 1970.

    Attributes:
        turns: the newest :data:`KEPT_TURNS` turns, the newest last.
        day: figures of the turns of the last 24 hours.
        now: returns the seconds since 1970.
    """

    def __init__(self, now: Callable[[], float] = time.time) -> None:
        self.turns: deque[TurnFigures] = deque(maxlen=KEPT_TURNS)
        self.day = DayFigures(tuple(FIGURES), now)
        self.now = now
        self._count = 0
        self._calls: dict[str, _CallSeen] = {}
        self._listeners: list[Callable[[TurnFigures], None]] = []

    @property
    def newest(self) -> int:
        """Number of the newest turn; 0 before the first one."""
        return self._count

    def since(self, call: str) -> float | None:
        """When a call (by id) began, in seconds since 1970; ``None`` if it is not on."""
        seen = self._calls.get(call)
        return None if seen is None else seen.since

    def people_speaking(self, call: str) -> bool:
        """Whether anybody speaks in a call at the moment."""
        seen = self._calls.get(call)
        return seen is not None and bool(seen.speaking)

    def subscribe(self, listener: Callable[[TurnFigures], None]) -> None:
        """Pass each new turn on to ``listener``."""
        self._listeners.append(listener)

    def __call__(self, event: CallEvent) -> None:
        """Note an event of a call."""
        seen = self._calls.get(event.call)
        match event:
            case CallBegan(transport):
                self._calls[event.call] = _CallSeen(transport, self.now())
            case CallEnded():
                self._calls.pop(event.call, None)
            case SpeechStarted(turn) if seen is not None:
                seen.speaking.add(turn)
            case SpeechStopped(turn) if seen is not None:
                seen.speaking.discard(turn)
            case ReplyEnded(trace):
                transport = UNKNOWN if seen is None else seen.transport
                self._add(trace, transport, spoken=event.turn is not None)
            case _:
                pass

    def _add(self, trace: ReplyTrace, transport: str, *, spoken: bool) -> None:
        self._count += 1
        turn = TurnFigures(self._count, self.now(), transport, spoken, trace)
        self.turns.append(turn)
        self.day.add(turn.at, [turn.figure(name) for name in FIGURES])
        for listener in self._listeners:
            listener(turn)

    def after(self, number: int) -> tuple[TurnFigures, ...]:
        """The kept turns after ``number``, the newest last; all of them if no turn has had that number yet."""
        return tuple(turn for turn in self.turns if turn.number > number or number > self._count)

    def summary(self, figure: str) -> Summary | None:
        """Median and 95th percentile of a figure over the kept turns; ``None`` if no turn has it."""
        return Summary.of([value for turn in self.turns if (value := turn.figure(figure)) is not None])

    def recent_median(self, figure: str) -> float | None:
        """Median of a figure over the newest :data:`RECENT_TURNS` turns that have it; ``None`` if there are none."""
        values = [value for turn in reversed(self.turns) if (value := turn.figure(figure)) is not None]
        return statistics.median(values[:RECENT_TURNS]) if values else None

    def tokens_per_second(self) -> float | None:
        """Median speed of the model over the newest turns; ``None`` if the server does not count its tokens."""
        values = [speed for turn in reversed(self.turns) if (speed := turn.trace.tokens_per_second) is not None]
        return statistics.median(values[:RECENT_TURNS]) if values else None

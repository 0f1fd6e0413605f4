"""The echo gate: drops the events of turns that are only an echo of the bot's voice, from a person's loudspeakers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Protocol

import numpy as np

from audio.samples import HEARING_RATE, Sound16
from bot.voice.frames import AudioFrame
from bot.voice.turns.events import SpeechPaused, SpeechSoFar, TurnDropped, TurnEnded, TurnEvent, TurnStarted

COMPARED_SAMPLES = int(0.4 * HEARING_RATE)
"""Number of a person's newest samples that are compared with the bot's sound."""
CHECK_INTERVAL = 0.1
"""Seconds between two checks of a turn."""
CHECKED_SECONDS = 0.7
"""A turn is checked for at least this many seconds from its beginning, because its first syllable proves little."""

TRANSMISSION_GAP = 0.2
"""Seconds between two transmissions after which the sound of the first one is no longer compared."""


class TurnEcho(Enum):
    """Whether the sound of a turn is an echo of what the bot has sent: it can't be, it may be, or it certainly is."""

    NO = auto()
    POSSIBLE = auto()
    CERTAIN = auto()


class EchoComparison(Protocol):
    """Compares people's sound with what the bot has sent; see :class:`~bot.voice.echo.detector.EchoDetector`.

    All sound is mono, 16,000 Hz; ``at`` is the arrival of the sound's end, in monotonic seconds.
    """

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        """True if a person's newest sound is the bot's own voice."""
        ...

    def turn_echo(self, person: int, sound: Sound16, at: float) -> TurnEcho:
        """Whether the sound of a person's turn is an echo of the bot's own voice."""
        ...


def begins_anew(frame: AudioFrame, heard_at: float, ended: bool) -> bool:
    """True if a frame does not continue the sound before it: the person has paused.

    If only its packet comes late, since the network or the machine stood still, the frame continues the sound.

    Args:
        frame: a person's newest frame.
        heard_at: when their frame before it arrived, in monotonic seconds.
        ended: True if their transmission has ended in between, or seemed to.
    """
    return ended and not frame.delayed and frame.at - heard_at > TRANSMISSION_GAP


@dataclass(slots=True, eq=False)
class _Turn:
    """The echo checks of one turn.

    Attributes:
        start: the event with which the turn began.
        at: time of the last check of its newest sound, in monotonic seconds.
        echo: True if the turn is an echo, by the last check.
        paused: True if the person pauses.
        settled: True if its newest sound is not checked any more. Its whole sound still is.
        latest: the newest event that was held back, if the turn is an echo so far.
    """

    start: TurnStarted
    at: float
    echo: bool
    paused: bool = False
    settled: bool = False
    latest: TurnEvent | None = None


@dataclass(slots=True, eq=False)
class _Person:
    """State of one person.

    Attributes:
        recent: the newest sound.
        heard_at: when it arrived, in monotonic seconds.
        ended: True if a transmission has ended since then.
        turn: the checks of their turn, while there is one.
    """

    recent: Sound16 = field(default_factory=lambda: np.zeros(0, np.float32))
    heard_at: float = 0.0
    ended: bool = False
    turn: _Turn | None = None


class EchoGate:
    """Filter between the turn detectors and the event loop: it lets through the events of turns that are no echo.

    Pure logic without a clock. Use it on one thread.

    Args:
        echo: compares sound with what the bot has sent.
    """

    def __init__(self, echo: EchoComparison) -> None:
        self._echo = echo
        self._people: dict[int, _Person] = {}

    def process_frame(self, frame: AudioFrame) -> list[TurnEvent]:
        """Take a person's frame, before their turn detector takes it, and check their turn again if that is due.

        Returns:
            The events that follow if the result of the check has changed: the drop of a turn that is an echo after all,
            or the start and the newest event of a turn that is no echo after all.
        """
        person = self._people.setdefault(frame.person, _Person())
        before = person.recent[:0] if begins_anew(frame, person.heard_at, person.ended) else person.recent
        person.recent = np.concatenate([before, frame.sound])[-COMPARED_SAMPLES:]
        person.heard_at, person.ended = frame.at, False
        turn = person.turn
        if turn is None or turn.settled or frame.at - turn.at < CHECK_INTERVAL:
            return []
        # In a pause there is only room noise, so a check would find no echo even if the turn is one.
        if turn.echo and turn.paused:
            return []
        turn.at = frame.at
        echo = self._echo.is_echo(frame.person, person.recent, frame.at)
        if echo is turn.echo:
            turn.settled = not echo and frame.at - turn.start.at > CHECKED_SECONDS
            return []
        turn.echo = echo
        if echo:
            return [TurnDropped(turn.start.turn, frame.at)]
        latest, turn.latest = turn.latest, None
        return [turn.start, *([self._judge(latest)[0]] if latest is not None else [])]

    def transmission_ended(self, person: int) -> None:
        """Note that a person's transmission has ended, or that it seems so because no packets come."""
        if person in self._people:
            self._people[person].ended = True

    def echoes(self, person: int, at: float) -> bool:
        """Whether the newest sound of a person, heard at ``at``, counts as an echo.

        If the newest sound of the person's turn is being checked, this is the result of the last check. Otherwise the
        sound is compared now, which takes about 1 ms.
        """
        state = self._people.get(person)
        if state is None:
            return False
        turn = state.turn
        return self._echo.is_echo(person, state.recent, at) if turn is None or turn.settled else turn.echo

    def filter(self, event: TurnEvent) -> list[TurnEvent]:
        """Take an event of a turn detector; returns the event to pass on, or nothing if the turn is an echo.

        If the turn turns out to be an echo by its whole sound, the event to pass on is its drop. If it no longer
        counts as one, because the person has gone on, its start is passed on again, before the event.
        """
        person = self._people.setdefault(event.turn.person, _Person())
        if isinstance(event, TurnStarted):
            echo = self._echo.is_echo(event.turn.person, person.recent, event.at)
            person.turn = _Turn(event, event.at, echo)
            return [] if echo else [event]
        turn = person.turn
        if turn is None or turn.start.turn != event.turn:
            return [self._judge(event)[0]]
        if isinstance(event, TurnEnded | TurnDropped):
            person.turn = None
        turn.paused = isinstance(event, SpeechPaused)
        if turn.echo and not turn.settled:
            turn.latest = event
            return []
        if not isinstance(event, SpeechSoFar | SpeechPaused):
            return [] if turn.echo else [event]
        judged, certain = self._judge(event)
        was_echo, turn.echo = turn.echo, certain
        turn.settled = turn.settled or certain
        if certain:
            return [] if was_echo else [TurnDropped(event.turn, event.at)]
        return [turn.start, judged] if was_echo else [judged]

    def _judge(self, event: TurnEvent) -> tuple[TurnEvent, bool]:
        """The event with ``may_be_echo`` set, if its sound will be transcribed; and whether this sound is certainly an
        echo. Takes up to 6 ms.
        """
        if not isinstance(event, SpeechSoFar | SpeechPaused):
            return event, False
        echo = self._echo.turn_echo(event.turn.person, event.sound, event.at)
        return replace(event, may_be_echo=echo is not TurnEcho.NO), echo is TurnEcho.CERTAIN

    def forget(self, person: int) -> None:
        """Delete all that is known of a person."""
        self._people.pop(person, None)

"""The echo gate removes the events of turns that are only an echo of the bot's voice from a person's loudspeakers."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
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
"""Seconds without sound after which the sound before the gap is no longer compared."""


class EchoComparison(Protocol):
    """Compares people's sound with what the bot has sent; see :class:`~bot.voice.echo.detector.EchoDetector`.

    All sound is mono, 16,000 Hz; ``at`` is the arrival of the sound's end, in monotonic seconds.
    """

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        """True if a person's newest sound is the bot's own voice."""
        ...

    def may_be_echo(self, sound: Sound16, at: float) -> bool:
        """False if the sound of a turn is certainly no echo of the bot's own voice."""
        ...


@dataclass(slots=True, eq=False)
class _Check:
    """The echo check of one turn.

    Attributes:
        start: the event with which the turn began.
        at: time of the last check, in monotonic seconds.
        echo: result of the last check: True if the turn is an echo.
        latest: the newest event that was held back, if the turn is an echo so far.
    """

    start: TurnStarted
    at: float
    echo: bool
    latest: TurnEvent | None = None


@dataclass(slots=True, eq=False)
class _Person:
    """State of one person: their newest sound, when it arrived, and the check of their turn while there is one."""

    recent: Sound16 = field(default_factory=lambda: np.zeros(0, np.float32))
    heard_at: float = 0.0
    check: _Check | None = None


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
        before = person.recent if frame.at - person.heard_at <= TRANSMISSION_GAP else person.recent[:0]
        person.recent, person.heard_at = np.concatenate([before, frame.sound])[-COMPARED_SAMPLES:], frame.at
        check = person.check
        # After a pause there is only room noise. It resembles no voice, so it can't show whether the turn is an echo.
        if check is None or isinstance(check.latest, SpeechPaused) or frame.at - check.at < CHECK_INTERVAL:
            return []
        check.at = frame.at
        echo = self._echo.is_echo(frame.person, person.recent, frame.at)
        if echo is check.echo:
            if not echo and frame.at - check.start.at > CHECKED_SECONDS:
                person.check = None
            return []
        check.echo = echo
        if echo:
            return [TurnDropped(check.start.turn, frame.at)]
        latest, check.latest = check.latest, None
        return [check.start, *([self._with_may_be_echo(latest)] if latest is not None else [])]

    def echoes(self, person: int, at: float) -> bool:
        """Whether the newest sound of a person, heard at ``at``, counts as an echo.

        If the person's turn is being checked, this is the result of its last check. Otherwise the sound is compared
        now, which takes about 1 ms.
        """
        state = self._people.get(person)
        if state is None:
            return False
        return self._echo.is_echo(person, state.recent, at) if state.check is None else state.check.echo

    def filter(self, event: TurnEvent) -> list[TurnEvent]:
        """Take an event of a turn detector; returns the event to pass on, or nothing if the turn is an echo."""
        person = self._people.setdefault(event.turn.person, _Person())
        if isinstance(event, TurnStarted):
            echo = self._echo.is_echo(event.turn.person, person.recent, event.at)
            person.check = _Check(event, event.at, echo)
            return [] if echo else [event]
        check = person.check
        if check is None or check.start.turn != event.turn:
            return [self._with_may_be_echo(event)]
        if isinstance(event, TurnEnded | TurnDropped):
            person.check = None
        if not check.echo:
            return [self._with_may_be_echo(event)]
        check.latest = event
        return []

    def _with_may_be_echo(self, event: TurnEvent) -> TurnEvent:
        """The event with ``may_be_echo`` set, if it is an event whose sound will be transcribed."""
        if not isinstance(event, SpeechSoFar | SpeechPaused):
            return event
        return replace(event, may_be_echo=self._echo.may_be_echo(event.sound, event.at))

    def forget(self, person: int) -> None:
        """Delete all that is known of a person."""
        self._people.pop(person, None)

"""Keeps the bot's own voice, back from somebody's loudspeakers, from being taken for a person who speaks."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np

from audio.samples import HEARING_RATE, Sound16
from bot.voice.frames import AudioFrame
from bot.voice.turns.events import SpeechPaused, SpeechSoFar, TurnDropped, TurnEnded, TurnEvent, TurnStarted

LOOKED_AT = int(0.4 * HEARING_RATE)
"""Samples of a person's newest sound that are compared with what the bot said."""
LOOK_AGAIN = 0.1
"""Seconds between two looks at a turn."""
DOUBT = 0.7
"""Seconds from a turn's beginning in which it may still turn out to be an echo: a first syllable proves little."""

TRANSMISSION_GAP = 0.2
"""Seconds without sound after which what was heard before says nothing of what comes."""


class Comparing(Protocol):
    """Compares sound with what the bot has said; see :class:`~bot.voice.echo.detector.EchoDetector`."""

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        """Whether a person's newest sound, that ended at a monotonic time, is the bot's own voice."""
        ...

    def may_be_echo(self, sound: Sound16, at: float) -> bool:
        """Whether the sound of a turn, that ended at a monotonic time, may be that: False only where it is sure."""
        ...


@dataclass(slots=True, eq=False)
class _Look:
    """A turn that is looked at: an echo so far, or perhaps one after all. ``latest`` is its newest event kept back."""

    began: TurnStarted
    at: float
    echo: bool
    latest: TurnEvent | None = None


@dataclass(slots=True, eq=False)
class _Person:
    recent: Sound16 = field(default_factory=lambda: np.zeros(0, np.float32))
    heard_at: float = 0.0
    look: _Look | None = None


class EchoGate:
    """Between the detectors and the conversation: passes on the events of turns that are no echo. Pure; one thread."""

    def __init__(self, echo: Comparing) -> None:
        self._echo = echo
        self._people: dict[int, _Person] = {}

    def heard(self, heard: AudioFrame) -> list[TurnEvent]:
        """Take a person's sound, before their detector does; returns what follows from another look at their turn."""
        person = self._people.setdefault(heard.person, _Person())
        before = person.recent if heard.at - person.heard_at <= TRANSMISSION_GAP else person.recent[:0]
        person.recent, person.heard_at = np.concatenate([before, heard.sound])[-LOOKED_AT:], heard.at
        look = person.look
        # What follows a pause is room noise: it is like no voice, and says nothing of whose turn it was.
        if look is None or isinstance(look.latest, SpeechPaused) or heard.at - look.at < LOOK_AGAIN:
            return []
        look.at = heard.at
        echo = self._echo.is_echo(heard.person, person.recent, heard.at)
        if echo is look.echo:
            if not echo and heard.at - look.began.at > DOUBT:
                person.look = None
            return []
        look.echo = echo
        if echo:
            return [TurnDropped(look.began.turn, heard.at)]
        latest, look.latest = look.latest, None
        return [look.began, *([self._compared(latest)] if latest is not None else [])]

    def passed(self, event: TurnEvent) -> list[TurnEvent]:
        """What to pass on of a detector's event."""
        person = self._people.setdefault(event.turn.person, _Person())
        if isinstance(event, TurnStarted):
            echo = self._echo.is_echo(event.turn.person, person.recent, event.at)
            person.look = _Look(event, event.at, echo)
            return [] if echo else [event]
        look = person.look
        if look is None or look.began.turn != event.turn:
            return [self._compared(event)]
        if isinstance(event, TurnEnded | TurnDropped):
            person.look = None
        if not look.echo:
            return [self._compared(event)]
        look.latest = event
        return []

    def _compared(self, event: TurnEvent) -> TurnEvent:
        """The same event; it knows whether its sound may be an echo, where its words are to be classified."""
        if not isinstance(event, SpeechSoFar | SpeechPaused):
            return event
        return replace(event, may_be_echo=self._echo.may_be_echo(event.sound, event.at))

    def forget(self, person: int) -> None:
        """Keep nothing of this person."""
        self._people.pop(person, None)

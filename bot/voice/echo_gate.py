"""Keeps the bot's own voice, back from somebody's loudspeakers, from being taken for a person who speaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from bot.voice.heard import HEARING_RATE, Sound16, SoundHeard
from bot.voice.turns.events import SpeechBegan, TurnDropped, TurnEnded, TurnEvent, TurnId

LOOKED_AT = int(0.4 * HEARING_RATE)
"""Samples of a person's newest sound that are compared with what the bot said."""
LOOK_AGAIN = 0.1
"""Seconds between two looks at a turn that began as an echo."""

IsEcho = Callable[[int, Sound16, float], bool]
"""Whether a person's newest sound, that ended at a monotonic time, is the bot's own voice."""


@dataclass(slots=True, eq=False)
class _Suspicion:
    """A turn that began as an echo; it becomes a turn when something else is heard in it."""

    began: SpeechBegan
    looked_at: float
    latest: TurnEvent | None = None


@dataclass(slots=True, eq=False)
class _Person:
    recent: Sound16 = field(default_factory=lambda: np.zeros(0, np.float32))
    suspicion: _Suspicion | None = None


class EchoGate:
    """Between the detectors and the conversation: passes on the events of turns that are no echo. Pure; one thread."""

    def __init__(self, is_echo: IsEcho) -> None:
        self._is_echo = is_echo
        self._people: dict[int, _Person] = {}

    def heard(self, heard: SoundHeard) -> list[TurnEvent]:
        """Take a person's sound, before it goes to their detector; returns what a suspicion gave up lets out."""
        person = self._people.setdefault(heard.person, _Person())
        person.recent = np.concatenate([person.recent, heard.sound])[-LOOKED_AT:]
        suspicion = person.suspicion
        if suspicion is None or heard.at - suspicion.looked_at < LOOK_AGAIN:
            return []
        suspicion.looked_at = heard.at
        if self._is_echo(heard.person, person.recent, heard.at):
            return []
        person.suspicion = None
        return [suspicion.began, *([suspicion.latest] if suspicion.latest is not None else [])]

    def passed(self, event: TurnEvent) -> list[TurnEvent]:
        """What to pass on of a detector's event."""
        person = self._people.setdefault(event.turn.person, _Person())
        if isinstance(event, SpeechBegan):
            if not self._is_echo(event.turn.person, person.recent, event.at):
                return [event]
            person.suspicion = _Suspicion(event, event.at)
            return []
        if not self._suspects(person, event.turn):
            return [event]
        if isinstance(event, TurnEnded | TurnDropped):
            person.suspicion = None
        elif person.suspicion is not None:
            person.suspicion.latest = event
        return []

    @staticmethod
    def _suspects(person: _Person, turn: TurnId) -> bool:
        return person.suspicion is not None and person.suspicion.began.turn == turn

    def forget(self, person: int) -> None:
        """Keep nothing of this person."""
        self._people.pop(person, None)

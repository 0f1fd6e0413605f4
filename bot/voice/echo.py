"""Tells the bot's own voice, back through somebody's loudspeakers and microphone, from that person's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bot.voice.echo_match import match
from bot.voice.heard import HEARING_RATE, Sound16

REFERENCE_SECONDS = 2.0
"""How much of what was sent is kept: the longest delay, and the stretch that is compared."""
SHORTEST_DELAY, LONGEST_DELAY = 0.05, 1.5
"""Seconds from the bot's sending until its echo arrives."""
REFERENCE_SAMPLES = int(REFERENCE_SECONDS * HEARING_RATE)
LEAST_SECONDS, MOST_SECONDS = 0.1, 0.4
"""Less of a person's sound proves nothing, and only their newest is compared."""
PROOF = 4.7
"""Evidence from which a sound is an echo; benchmarks/echo.py shows what it costs. Two voices at once have less."""
PROOF_AT_KNOWN_DELAY = 4.5
SAME_DELAY = 0.04
"""Seconds by which the delay of one person's echo may vary."""
FADED = 0.25
"""How loud the end of an echo is at most, of the echo before it."""
FADING_SECONDS = 1.5
PACE_JITTER = 0.03
"""Seconds between two sent frames that are still no pause."""


@dataclass(frozen=True, slots=True)
class _Echo:
    """One person's newest echo. ``level`` is its root mean square, ``at`` when it was heard."""

    delay: float
    level: float
    at: float


class EchoDetector:
    """Belongs to one thread; told all that is sent, asked about what is heard, at about 1 ms a time.

    A person whose echo has been heard is known to have loudspeakers, and its delay: there, less proof is enough.
    """

    def __init__(self) -> None:
        self._sent = np.zeros(0, np.float32)
        self._sent_until = 0.0
        self._echoes: dict[int, _Echo] = {}

    def played(self, sound: Sound16, at: float) -> None:
        """The bot sends this, whose first sample leaves at ``at`` (monotonic seconds)."""
        pause = at - self._sent_until
        if pause > REFERENCE_SECONDS or not len(self._sent):
            self._sent, pause = np.zeros(0, np.float32), 0.0
        silence = np.zeros(int(pause * HEARING_RATE) if pause > PACE_JITTER else 0, np.float32)
        self._sent = np.concatenate([self._sent, silence, sound])[-REFERENCE_SAMPLES:]
        self._sent_until = at + len(sound) / HEARING_RATE

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        """Whether a person's newest sound, whose end arrived at ``at``, is what the bot has said.

        Right after an echo, what is hardly heard is its end.
        """
        newest = sound[-int(MOST_SECONDS * HEARING_RATE) :]
        if len(newest) < LEAST_SECONDS * HEARING_RATE:
            return False
        known, level = self._echoes.get(person), _level(newest)
        delay = None if known is None else self._delay(newest, at, PROOF_AT_KNOWN_DELAY, known.delay)
        if delay is None:
            delay = self._delay(newest, at, PROOF)
        if delay is None:
            return known is not None and at - known.at <= FADING_SECONDS and level <= known.level * FADED
        self._echoes[person] = _Echo(delay, level, at)
        return True

    def _delay(self, sound: Sound16, at: float, proof: float, known: float | None = None) -> float | None:
        """How long ago this was sent, in seconds, if at all; near a ``known`` delay, or anywhere."""
        shortest, longest = SHORTEST_DELAY, LONGEST_DELAY
        if known is not None:
            shortest, longest = known - SAME_DELAY, known + SAME_DELAY
        sent = self._sent_before(at)
        undelayed = len(sent) - len(sound)
        first = max(0, undelayed - round(longest * HEARING_RATE))
        found = match(sound, sent, first, undelayed - round(shortest * HEARING_RATE))
        return (undelayed - found.place) / HEARING_RATE if found is not None and found.evidence >= proof else None

    def _sent_before(self, at: float) -> Sound16:
        """What was sent in the last :data:`REFERENCE_SECONDS`, silence included, as far as it is kept."""
        since = round((at - self._sent_until) * HEARING_RATE)
        if since < 0:
            return self._sent[:since]
        silence = np.zeros(min(since, REFERENCE_SAMPLES), np.float32)
        return np.concatenate([self._sent, silence])[-REFERENCE_SAMPLES:]

    def forget(self, person: int) -> None:
        """Keep nothing of this person."""
        self._echoes.pop(person, None)


def _level(sound: Sound16) -> float:
    return float(np.sqrt(np.mean(np.square(sound))))

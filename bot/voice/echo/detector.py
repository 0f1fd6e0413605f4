"""Tells the bot's own voice, back through somebody's loudspeakers and microphone, from that person's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio.level import rms
from audio.samples import HEARING_RATE, Sound16
from bot.voice.echo.match import match

REFERENCE_SECONDS = 2.0
"""How much of what was sent is kept: the longest delay, and the stretch that is compared."""
SHORTEST_DELAY, LONGEST_DELAY = 0.05, 1.5
"""Seconds from the bot's sending until its echo arrives."""
REFERENCE_SAMPLES = int(REFERENCE_SECONDS * HEARING_RATE)
LATEST_DELAY = 2.4
"""Seconds in which any loudspeaker and network must have brought back what was sent: what comes later is no echo."""
LEAST_TURN_SAMPLES, TURN_SAMPLES = HEARING_RATE * 8 // 10, HEARING_RATE * 16 // 10
"""Of a whole turn, less proves nothing, and only the newest are compared."""
POSSIBLE = 4.3
"""Evidence without which a turn is no echo.

People who repeat the bot's words right after it have 4.1 at most. Echoes have at least 5.7 in the rooms of
benchmarks/echo.py, and 4.3 where room, noise and canceller are worse than any of those.
"""
KEPT_SAMPLES = TURN_SAMPLES + int(LATEST_DELAY * HEARING_RATE)
LEAST_SAMPLES, MOST_SAMPLES = HEARING_RATE // 10, HEARING_RATE * 4 // 10
"""Less of a person's sound proves nothing, and only their newest is compared."""
PROOF, PROOF_PER_SECOND = 4.8, 0.4
"""Evidence that it takes, and how much more for longer sound, where an echo under a person's voice has more as well.

Set where about 1 % of what people say over a weaker echo passes for an echo; benchmarks/echo.py shows it.
"""
SAME_DELAY = 0.04
"""Seconds by which the delay of one person's echo may vary."""
PROOF_GOING_ON = 4.3
"""The same for what follows an echo, whose delay it shares."""
FADED = 0.25
"""How loud, of the echo before it, the last :data:`LEAST_SAMPLES` at the end of an echo are at most."""
GOES_ON_SECONDS, FADING_SECONDS = 0.5, 1.5
"""How long after an echo its next part and its end may come."""
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

    Where a person's echo has been heard, its delay is known, and looked at first.
    """

    def __init__(self) -> None:
        self._sent = np.zeros(MOST_SAMPLES, np.float32)
        self._sent_until = 0.0
        # The newest samples of it that one look compares.
        self._looked_at = MOST_SAMPLES
        self._echoes: dict[int, _Echo] = {}

    def played(self, sound: Sound16, at: float) -> None:
        """The bot sends this, whose first sample leaves at ``at`` (monotonic seconds)."""
        pause = at - self._sent_until
        silent = min(int(pause * HEARING_RATE), KEPT_SAMPLES) if pause > PACE_JITTER else 0
        self._sent = np.concatenate([self._sent, np.zeros(silent, np.float32), sound])[-KEPT_SAMPLES:]
        # After a long pause there is room enough to compare with what began in the silence before.
        before = MOST_SAMPLES if pause > REFERENCE_SECONDS else self._looked_at + silent
        self._looked_at = min(before + len(sound), REFERENCE_SAMPLES, len(self._sent))
        self._sent_until = at + len(sound) / HEARING_RATE

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        """Whether a person's newest sound, whose end arrived at ``at``, is what the bot has said.

        Right after an echo, what is hardly heard is its end.
        """
        newest = sound[-MOST_SAMPLES:]
        if len(newest) < LEAST_SAMPLES:
            return False
        known = self._echoes.get(person)
        found = None if known is None else self._near(known, newest, at)
        if found is None:
            found = self._anywhere(newest, at)
        if found is not None:
            self._echoes[person] = _Echo(found, rms(newest), at)
            return True
        if known is None or at - known.at > FADING_SECONDS:
            return False
        return rms(newest[-LEAST_SAMPLES:]) <= known.level * FADED

    def may_be_echo(self, sound: Sound16, at: float) -> bool:
        """Whether so much of a turn, whose end arrived at ``at``, may be what the bot has said; about 3 ms.

        It says no only where that is sure: what began long after the bot fell silent, and what is unlike all that it
        said. Whether the rest is an echo, its words must tell.
        """
        newest = sound[-TURN_SAMPLES:]
        if len(newest) < LEAST_TURN_SAMPLES:
            return True
        sent = self._all_before(at)
        found = match(newest, sent, 0, len(sent) - len(newest))
        return found is not None and found.evidence >= POSSIBLE

    def _near(self, known: _Echo, sound: Sound16, at: float) -> float | None:
        """The delay, if it is about the known one."""
        proof = PROOF_GOING_ON if at - known.at <= GOES_ON_SECONDS else _proof(sound)
        return self._delay(sound, at, max(known.delay - SAME_DELAY, 0.0), known.delay + SAME_DELAY, proof)

    def _anywhere(self, sound: Sound16, at: float) -> float | None:
        return self._delay(sound, at, SHORTEST_DELAY, LONGEST_DELAY, _proof(sound))

    def _delay(self, sound: Sound16, at: float, shortest: float, longest: float, proof: float) -> float | None:
        """How long ago this was sent, in seconds, if it was."""
        sent = self._sent_before(at)
        undelayed = len(sent) - len(sound)
        first = max(0, undelayed - round(longest * HEARING_RATE))
        found = match(sound, sent, first, undelayed - round(shortest * HEARING_RATE))
        return (undelayed - found.place) / HEARING_RATE if found is not None and found.evidence >= proof else None

    def _sent_before(self, at: float) -> Sound16:
        """What was sent in the last :data:`REFERENCE_SECONDS`, silence included, as far as one look compares it."""
        return self._until(at, self._sent[len(self._sent) - self._looked_at :])[-REFERENCE_SAMPLES:]

    def _all_before(self, at: float) -> Sound16:
        """What was sent in the last seconds that are kept, silence included."""
        sent = self._until(at, self._sent)[-KEPT_SAMPLES:]
        return np.pad(sent, (KEPT_SAMPLES - len(sent), 0))

    def _until(self, at: float, sent: Sound16) -> Sound16:
        """The newest sound that was sent, up to a moment before or after its end."""
        since = round((at - self._sent_until) * HEARING_RATE)
        if since < 0:
            return sent[:since]
        return np.concatenate([sent, np.zeros(min(since, KEPT_SAMPLES), np.float32)])

    def forget(self, person: int) -> None:
        """Keep nothing of this person."""
        self._echoes.pop(person, None)


def _proof(sound: Sound16) -> float:
    return PROOF + PROOF_PER_SECOND * len(sound) / HEARING_RATE

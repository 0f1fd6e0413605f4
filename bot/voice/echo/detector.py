"""The echo detector: tells the bot's own voice, heard through a person's microphone, from that person's voice."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from audio.level import rms
from audio.samples import HEARING_RATE, Sound16
from bot.voice.echo.gate import TurnEcho
from bot.voice.echo.match import Match, match
from bot.voice.echo.sent_sound import SentSound

REFERENCE_SECONDS = 2.0
"""A person's newest sound is compared with this many seconds of sent sound.

They cover the longest delay of an echo and the duration of the compared sound.
"""
SHORTEST_DELAY, MAX_DELAY = 0.05, 1.5
"""Range of delays in which :meth:`EchoDetector.is_echo` searches: seconds from sending to the echo's arrival."""
REFERENCE_SAMPLES = int(REFERENCE_SECONDS * HEARING_RATE)
LATEST_DELAY = 2.4
"""Longest delay of an echo over any loudspeaker and network, in seconds. Sound that arrives later is no echo."""
MIN_TURN_SAMPLES, TURN_SAMPLES = HEARING_RATE * 8 // 10, HEARING_RATE * 16 // 10
"""Minimum number of samples of a turn that allow a decision, and number of its newest samples that are compared."""
MIN_TURN_EVIDENCE = 4.3
"""Minimum evidence (:attr:`~bot.voice.echo.match.Match.evidence`) with which a turn may be an echo.

People who repeat the bot's words right after it reach 4.1 at most. Echoes reach at least 5.7 in the rooms of
benchmarks/echo.py, and 4.3 if room, noise and echo canceller are worse than in any of these rooms.
"""
CERTAIN_TURN_EVIDENCE = 5.1
"""Evidence with which a turn is certainly an echo.

People who say short words over the echo of a song reach 4.9 at most. Of pieces of 0.8 s with that echo alone, 99 of 100
reach this value.
"""
KEPT_SAMPLES = TURN_SAMPLES + int(LATEST_DELAY * HEARING_RATE)
"""Number of sent samples that are kept."""
MIN_SAMPLES, MAX_SAMPLES = HEARING_RATE // 10, HEARING_RATE * 4 // 10
"""Minimum number of samples of a person's sound that allow a decision, and number of their newest samples that are
compared."""
MIN_EVIDENCE, EVIDENCE_PER_SECOND = 4.8, 0.4
"""Minimum evidence of an echo, and the addition for each second of compared sound.

The addition is needed, because a person's voice with an echo beneath it also gives more evidence the longer it is.
With these values, about 1 % of what people say over a weaker echo counts as an echo; benchmarks/echo.py measures it.
"""
MIN_AUDIBLE = 0.1
"""A match with fewer seconds of audible sent sound than this needs :data:`BRIEF_EVIDENCE` more.

If the compared sound is short, half of its length is enough.
"""
BRIEF_EVIDENCE = 2.0
"""Additional evidence that a match with little audible sent sound needs, if the delay of the person's echo is unknown.

By chance, a few frames resemble almost any sound. Without this addition, people who speak right after the bot's first
frames would often count as its echo (``tests/voice/echo/test_detector.py`` counts how often).
"""
SAME_DELAY = 0.04
"""Seconds by which the delay of one person's echo may vary."""
MIN_EVIDENCE_GOING_ON = 4.3
"""Minimum evidence of an echo if the person's last echo came just before this one, with the same delay."""
FADED_SHARE = 0.25
"""If sound after an echo has at most this share of the echo's level, it counts as the end of the echo."""
GOES_ON_SECONDS, FADING_SECONDS = 0.5, 1.5
"""Seconds after an echo in which the echo may go on, and in which its quiet end may come."""
MAX_RISE = 16.0
"""Factor by which the level of an echo may rise in a second.

If the sound gets louder faster, the person may have begun to speak: for 0.2 s, the echo is still found beneath their
words. If the level of the words counted as that of the echo, a pause between two words would count as the echo's end.
"""


@dataclass(frozen=True, slots=True)
class _Echo:
    """The newest echo of one person.

    Attributes:
        delay: seconds from sending to arrival.
        level: root mean square of the sound, as far as it has not risen faster than :data:`MAX_RISE` allows.
        at: arrival of the sound's end, in monotonic seconds.
    """

    delay: float
    level: float
    at: float


class EchoDetector:
    """Compares people's sound with the sound that the bot has sent. Use it on one thread.

    One comparison takes about 1 ms. After a person's first echo its delay is known, and is tried first.
    """

    def __init__(self) -> None:
        self._sent = SentSound(KEPT_SAMPLES, longest_pause=REFERENCE_SECONDS)
        self._echoes: dict[int, _Echo] = {}

    def played(self, sound: Sound16, at: float) -> None:
        """Take sound that the bot sends. Its first sample is sent at ``at`` (monotonic seconds)."""
        self._sent.append(sound, at)

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        """True if a person's newest sound is an echo of what the bot has sent.

        Sound that comes right after an echo, and is much quieter than the echo, counts as its end.

        Args:
            person: user id of the person.
            sound: the newest sound: mono, 16,000 Hz.
            at: arrival of the sound's end, in monotonic seconds.
        """
        newest = sound[-MAX_SAMPLES:]
        if len(newest) < MIN_SAMPLES:
            return False
        known = self._echoes.get(person)
        found = None if known is None else self._near(known, newest, at)
        if found is None:
            found = self._anywhere(newest, at)
        if found is not None:
            self._echoes[person] = _Echo(found, _echo_level(rms(newest), known, at), at)
            return True
        if known is None or at - known.at > FADING_SECONDS:
            return False
        return rms(newest[-MIN_SAMPLES:]) <= known.level * FADED_SHARE

    def turn_echo(self, person: int, sound: Sound16, at: float) -> TurnEcho:
        """Whether the sound of a turn is an echo. Takes about 3 ms, and 6 after the machine stood still.

        A turn that is too short for a decision may be an echo. Others are no echo if they began long after the bot's
        last sound, or if nothing that the bot has sent resembles them. If a turn may be an echo, its words decide.

        Args:
            person: user id of the person. It is not used, since an echo sounds alike from everyone.
            sound: the turn so far: mono, 16,000 Hz.
            at: arrival of the sound's end, in monotonic seconds.
        """
        del person
        newest = sound[-TURN_SAMPLES:]
        if len(newest) < MIN_TURN_SAMPLES:
            return TurnEcho.POSSIBLE
        sents = (_padded(sent, KEPT_SAMPLES)[-KEPT_SAMPLES:] for sent in self._sent.before(at, KEPT_SAMPLES))
        matches = (match(newest, sent, 0, len(sent) - len(newest)) for sent in sents)
        evidence = max((found.evidence for found in matches if found is not None), default=-math.inf)
        if evidence >= CERTAIN_TURN_EVIDENCE:
            return TurnEcho.CERTAIN
        return TurnEcho.POSSIBLE if evidence >= MIN_TURN_EVIDENCE else TurnEcho.NO

    def _near(self, known: _Echo, sound: Sound16, at: float) -> float | None:
        """The delay of the echo in seconds, if ``sound`` is an echo with about the known delay."""
        least_evidence = MIN_EVIDENCE_GOING_ON if at - known.at <= GOES_ON_SECONDS else _least_evidence(sound)
        delay, found = self._match(sound, at, max(known.delay - SAME_DELAY, 0.0), known.delay + SAME_DELAY)
        return delay if found is not None and found.evidence >= least_evidence else None

    def _anywhere(self, sound: Sound16, at: float) -> float | None:
        """The delay of the echo in seconds, if ``sound`` is an echo with any delay."""
        delay, found = self._match(sound, at, SHORTEST_DELAY, MAX_DELAY)
        if found is None:
            return None
        brief = found.audible < min(MIN_AUDIBLE, len(sound) / HEARING_RATE / 2)
        return delay if found.evidence >= _least_evidence(sound) + BRIEF_EVIDENCE * brief else None

    def _match(self, sound: Sound16, at: float, shortest: float, longest: float) -> tuple[float, Match | None]:
        """The best match of ``sound`` in the sent sound, and its delay. Delays are in seconds."""
        best: tuple[float, Match | None] = 0.0, None
        # Of a long pause, it is enough to search the last MAX_SAMPLES, since no compared sound is longer.
        searched = min(MAX_SAMPLES + self._sent.going_on, REFERENCE_SAMPLES)
        for sent in self._sent.before(at, searched):
            sent = _padded(sent, MAX_SAMPLES)[-REFERENCE_SAMPLES:]
            undelayed = len(sent) - len(sound)
            first = max(0, undelayed - round(longest * HEARING_RATE))
            found = match(sound, sent, first, undelayed - round(shortest * HEARING_RATE))
            if found is not None and (best[1] is None or found.evidence > best[1].evidence):
                best = (undelayed - found.position) / HEARING_RATE, found
        return best

    def forget(self, person: int) -> None:
        """Delete what is known of a person's echo."""
        self._echoes.pop(person, None)


def _echo_level(level: float, before: _Echo | None, at: float) -> float:
    """The level of an echo without the words over it.

    Args:
        level: root mean square of the sound in which the echo was found.
        before: the same person's echo before it.
        at: arrival of the sound's end, in monotonic seconds.
    """
    if before is None or at - before.at > FADING_SECONDS:
        return level
    return min(level, before.level * math.pow(MAX_RISE, max(at - before.at, 0.0)))


def _least_evidence(sound: Sound16) -> float:
    """Minimum evidence with which ``sound`` is an echo."""
    return MIN_EVIDENCE + EVIDENCE_PER_SECOND * len(sound) / HEARING_RATE


def _padded(sent: Sound16, samples: int) -> Sound16:
    """Sent sound with silence before it, so that there are at least ``samples`` samples."""
    return np.pad(sent, (max(samples - len(sent), 0), 0))

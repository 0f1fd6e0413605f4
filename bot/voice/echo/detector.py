"""The echo detector: tells the bot's own voice, heard through a person's microphone, from that person's voice."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from audio.level import rms
from audio.samples import HEARING_RATE, Sound16
from bot.voice.echo.match import Match, match

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
KEPT_SAMPLES = TURN_SAMPLES + int(LATEST_DELAY * HEARING_RATE)
"""Number of sent samples that are kept."""
MIN_SAMPLES, MAX_SAMPLES = HEARING_RATE // 10, HEARING_RATE * 4 // 10
"""Minimum number of samples of a person's sound that allow a decision, and number of their newest samples that are
compared."""
MIN_EVIDENCE, EVIDENCE_PER_SECOND = 4.8, 0.4
"""Minimum evidence of an echo, and the addition for each second of compared sound.

The addition is needed, because longer sound also gives more evidence if it is a person's voice with an echo beneath it.
With these values, about 1 % of what people say over a weaker echo counts as an echo; benchmarks/echo.py measures it.
"""
MIN_AUDIBLE = 0.1
"""Number of seconds of audible sent sound that a match needs, or half of the compared sound, if that is less. A match
with less sound needs :data:`BRIEF_EVIDENCE` more.
"""
BRIEF_EVIDENCE = 2.0
"""Additional evidence that a match with little audible sent sound needs, if the delay of the person's echo is unknown.

By chance, a few frames resemble almost any sound. Without this addition, people who speak right after the bot's first
frames would often count as its echo (``tests/voice/echo/test_detector.py`` counts how often).
"""
SAME_DELAY = 0.04
"""Seconds by which the delay of one person's echo may vary."""
MIN_EVIDENCE_GOING_ON = 4.3
"""Minimum evidence of an echo if the person's last echo was just before it and had the same delay."""
FADED_SHARE = 0.25
"""If sound after an echo has at most this share of the echo's level, it counts as the end of the echo."""
GOES_ON_SECONDS, FADING_SECONDS = 0.5, 1.5
"""Seconds after an echo in which the echo may go on, and in which its quiet end may come."""
PACE_JITTER = 0.03
"""If the gap between two sent frames is longer than this, in seconds, it counts as a pause."""
LONGEST_STALL = 0.4
"""A pause of at most this many seconds is only a stall of the machine if the frames after it come faster than one every
20 ms: the machine catches up. The person's loudspeakers have played on meanwhile, from their buffer.
"""


@dataclass(frozen=True, slots=True)
class _Echo:
    """The newest echo of one person.

    Attributes:
        delay: seconds from sending to arrival.
        level: root mean square of the sound.
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
        self._sent = np.zeros(MAX_SAMPLES, np.float32)
        self._sent_until = 0.0
        # The newest pause in `_sent`, if it may have been a stall: number of samples in it, and number after it.
        self._stall, self._after_stall = 0, 0
        # Number of the newest samples of `_sent` in which `is_echo` searches.
        self._searched = MAX_SAMPLES
        self._echoes: dict[int, _Echo] = {}

    def played(self, sound: Sound16, at: float) -> None:
        """Take sound that the bot sends. Its first sample is sent at ``at`` (monotonic seconds)."""
        pause = at - self._sent_until
        silent = min(int(pause * HEARING_RATE), KEPT_SAMPLES) if pause > PACE_JITTER else 0
        if silent:
            self._stall, self._after_stall = (silent, 0) if pause <= LONGEST_STALL else (0, 0)
        elif self._stall and pause < 0:
            self._shorten_stall(-pause)
        self._after_stall += len(sound)
        self._sent = np.concatenate([self._sent, np.zeros(silent, np.float32), sound])[-KEPT_SAMPLES:]
        # After a long pause, it is enough to search the last MAX_SAMPLES of it, since no compared sound is longer.
        before = MAX_SAMPLES if pause > REFERENCE_SECONDS else self._searched + silent
        self._searched = min(before + len(sound), REFERENCE_SAMPLES, len(self._sent))
        self._sent_until = at + len(sound) / HEARING_RATE

    def _shorten_stall(self, early: float) -> None:
        """Take silence out of the newest pause, because the next frame comes ``early`` seconds before it is due."""
        taken = min(self._stall, round(early * HEARING_RATE), len(self._sent) - self._after_stall)
        if taken <= 0:
            return
        end = len(self._sent) - self._after_stall
        self._sent = np.delete(self._sent, slice(end - taken, end))
        self._searched = min(self._searched, len(self._sent))
        self._sent_until -= taken / HEARING_RATE
        self._stall -= taken

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
            self._echoes[person] = _Echo(found, rms(newest), at)
            return True
        if known is None or at - known.at > FADING_SECONDS:
            return False
        return rms(newest[-MIN_SAMPLES:]) <= known.level * FADED_SHARE

    def may_be_echo(self, sound: Sound16, at: float) -> bool:
        """False if the sound of a turn is certainly no echo. Takes about 3 ms.

        The turn is certainly no echo if it began long after the bot's last sound, or if nothing that the bot has sent
        resembles it. In all other cases the words of the turn have to decide.

        Args:
            sound: the turn so far: mono, 16,000 Hz.
            at: arrival of the sound's end, in monotonic seconds.
        """
        newest = sound[-TURN_SAMPLES:]
        if len(newest) < MIN_TURN_SAMPLES:
            return True
        sent = self._all_before(at)
        found = match(newest, sent, 0, len(sent) - len(newest))
        return found is not None and found.evidence >= MIN_TURN_EVIDENCE

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
        sent = self._sent_before(at)
        undelayed = len(sent) - len(sound)
        first = max(0, undelayed - round(longest * HEARING_RATE))
        found = match(sound, sent, first, undelayed - round(shortest * HEARING_RATE))
        return (undelayed - found.position) / HEARING_RATE if found is not None else 0.0, found

    def _sent_before(self, at: float) -> Sound16:
        """The sent sound of the last :data:`REFERENCE_SECONDS` before ``at``, silence included, for :meth:`is_echo`."""
        return self._until(at, self._sent[len(self._sent) - self._searched :])[-REFERENCE_SAMPLES:]

    def _all_before(self, at: float) -> Sound16:
        """The last :data:`KEPT_SAMPLES` sent samples before ``at``, silence included."""
        sent = self._until(at, self._sent)[-KEPT_SAMPLES:]
        return np.pad(sent, (KEPT_SAMPLES - len(sent), 0))

    def _until(self, at: float, sent: Sound16) -> Sound16:
        """The part of ``sent`` before ``at``, padded with silence if ``at`` is after its end."""
        since = round((at - self._sent_until) * HEARING_RATE)
        if since < 0:
            return sent[:since]
        return np.concatenate([sent, np.zeros(min(since, KEPT_SAMPLES), np.float32)])

    def forget(self, person: int) -> None:
        """Delete what is known of a person's echo."""
        self._echoes.pop(person, None)


def _least_evidence(sound: Sound16) -> float:
    """Minimum evidence with which ``sound`` is an echo."""
    return MIN_EVIDENCE + EVIDENCE_PER_SECOND * len(sound) / HEARING_RATE

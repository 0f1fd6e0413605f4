"""Silences the echo of music before turns are detected: music may contain voices, and goes on for minutes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np

from audio.samples import HEARING_RATE, Sound16
from bot.voice.echo.gate import (
    CHECK_INTERVAL,
    CHECKED_SECONDS,
    COMPARED_SAMPLES,
    EchoComparison,
    TurnEcho,
    begins_anew,
)
from bot.voice.frames import AudioFrame

AFTER_MUSIC = 2.4
"""Seconds after the last music in which its echo may still come."""
MUTE_CHECKS, RELEASE_CHECKS = 3, 4
"""Number of checks in a row that mute a person, and that let them be heard again.

While only an echo comes, up to 3 % of the checks find none, but seldom four in a row. While a person is 6 dB louder
than an echo, up to 3 % of the checks find an echo.
"""
FIRST_CHECKS = 2
"""Number of checks in a row that let a person be heard when they begin to transmit.

It is less than :data:`RELEASE_CHECKS`, since a short answer is over before more checks are made.
"""
AFTER_RELEASE = CHECKED_SECONDS + 2 * CHECK_INTERVAL
"""Seconds after a person was let through in which their sound is no echo for the echo gate.

After a short word, only the echo comes again. That proves nothing against the turn that the word has begun.
"""
GIVEN_BACK = round(0.7 * HEARING_RATE)
"""Largest number of newest samples that are let through when a person is heard again.

They hold at least what was said while the checks went on.
"""


@dataclass(slots=True, eq=False)
class _Person:
    """What is known of one person.

    Attributes:
        recent: the newest sound.
        heard_at, checked_at: when it came, and when it was checked last, in monotonic seconds.
        ended: True if a transmission has ended since the newest sound.
        loudspeakers: True if an echo of the music was found.
        released_at: when they were last let through after they had been muted, in monotonic seconds.
        muted: True while only an echo comes.
        muted_samples: number of samples since the person was muted.
        different: number of checks in a row whose result contradicts ``muted``.
    """

    recent: Sound16 = field(default_factory=lambda: np.zeros(0, np.float32))
    heard_at: float = 0.0
    checked_at: float = 0.0
    ended: bool = False
    loudspeakers: bool = False
    released_at: float = -math.inf
    muted: bool = False
    muted_samples: int = 0
    different: int = 0


class EchoMute:
    """Replaces people's sound by silence while only an echo of music comes from them. Pure logic; use it on one thread.

    It does nothing while no music is played, and to people from whom no echo has come yet. When a person speaks over
    the echo, the sound is let through again, together with what came while that was not certain yet.

    It compares sound for the echo gate too. For people from whom an echo comes, it answers with the result of several
    checks, and not by the newest sound alone.

    Args:
        echo: compares sound with what the bot has sent.
    """

    def __init__(self, echo: EchoComparison) -> None:
        self._echo = echo
        self._people: dict[int, _Person] = {}
        self._music_at = -AFTER_MUSIC

    def music_played(self, at: float) -> None:
        """Note that music was sent at ``at`` (monotonic seconds)."""
        self._music_at = at

    def process(self, frame: AudioFrame) -> AudioFrame:
        """Take a person's frame; returns the frame for their turn detector."""
        if frame.at - self._music_at > AFTER_MUSIC:
            self._people.pop(frame.person, None)
            return frame
        person = self._people.setdefault(frame.person, _Person())
        if begins_anew(frame, person.heard_at, person.ended):
            person.recent, person.muted, person.muted_samples = person.recent[:0], person.loudspeakers, 0
            # The first check has to wait for some sound.
            person.different, person.checked_at = RELEASE_CHECKS - FIRST_CHECKS, frame.at
        person.recent = np.concatenate([person.recent, frame.sound])[-GIVEN_BACK:]
        person.heard_at, person.ended = frame.at, False
        if frame.at - person.checked_at >= CHECK_INTERVAL:
            person.checked_at = frame.at
            self._check(person, frame)
            if person.muted and person.different == RELEASE_CHECKS:
                return self._release(person, frame)
            if not person.muted and person.different == MUTE_CHECKS:
                person.loudspeakers = person.muted = True
                person.different = person.muted_samples = 0
        if not person.muted:
            return frame
        person.muted_samples += len(frame.sound)
        return replace(frame, sound=np.zeros_like(frame.sound))

    def transmission_ended(self, person: int) -> None:
        """Note that a person's transmission has ended, or that it seems so because no packets come."""
        if person in self._people:
            self._people[person].ended = True

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        """True if a person is muted, or if the newest sound of a person without loudspeakers is an echo."""
        known = self._people.get(person)
        if known is None or not known.loudspeakers:
            return self._echo.is_echo(person, sound, at)
        return known.muted and at - known.released_at > AFTER_RELEASE

    def turn_echo(self, person: int, sound: Sound16, at: float) -> TurnEcho:
        """Whether the sound of a turn is an echo. This can be certain only for people with loudspeakers.

        For all others, the words have to decide, however alike the sounds are.
        """
        echo, known = self._echo.turn_echo(person, sound, at), self._people.get(person)
        by_mistake = known is not None and known.loudspeakers
        return TurnEcho.POSSIBLE if echo is TurnEcho.CERTAIN and not by_mistake else echo

    def _check(self, person: _Person, frame: AudioFrame) -> None:
        echo = self._echo.is_echo(frame.person, person.recent[-COMPARED_SAMPLES:], frame.at)
        person.different = 0 if echo is person.muted else person.different + 1

    @staticmethod
    def _release(person: _Person, frame: AudioFrame) -> AudioFrame:
        given_back = min(person.muted_samples + len(frame.sound), GIVEN_BACK)
        person.muted, person.different, person.released_at = False, 0, frame.at
        return replace(frame, sound=person.recent[-given_back:])

    def forget(self, person: int) -> None:
        """Delete all that is known of a person."""
        self._people.pop(person, None)

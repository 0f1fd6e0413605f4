"""Tells who speaks at this moment, so that music gets quieter. A turn is noticed later, and is more certain."""

from __future__ import annotations

import math
from typing import Protocol

from bot.voice.echo.gate import CHECK_INTERVAL


class SpeechFollower(Protocol):
    """Is told who speaks; see :class:`~bot.voice.mixing.mixer.Mixer`. Its methods must not wait."""

    @property
    def ducks(self) -> bool:
        """Whether there is something that gets quieter while people speak."""
        ...

    def speaks(self, person: int, speaking: bool) -> None:
        """Note that a person begins or ceases to speak."""
        ...


class VoicedPeople(Protocol):
    """Says whose newest sound is voiced; see :class:`~bot.voice.turns.turns.TurnDetectors`."""

    def speaking(self, person: int) -> bool:
        """Whether the person's newest sound is voiced."""
        ...


class Echoes(Protocol):
    """Says whose newest sound is an echo; see :class:`~bot.voice.echo.gate.EchoGate`."""

    def echoes(self, person: int, at: float) -> bool:
        """Whether the newest sound of a person, heard at ``at``, counts as an echo."""
        ...


class _SilentCall:
    """A follower in whose call nothing gets quieter."""

    ducks = False

    def speaks(self, person: int, speaking: bool) -> None:
        """Ignore it."""


SILENT_CALL: SpeechFollower = _SilentCall()


class SpeechWatch:
    """Tells a follower, frame by frame, when people begin and cease to speak. Pure logic; use it on one thread.

    A turn begins later: it needs voice for longer. A voiced moment of noise counts as speech here, until the next
    frame. An echo of the bot's own sound does not count; it is looked for every 100 ms.

    Args:
        voiced: says whose newest sound is voiced.
        echoes: says whose newest sound is an echo.
        follower: is told who speaks.
    """

    def __init__(self, voiced: VoicedPeople, echoes: Echoes, follower: SpeechFollower) -> None:
        self._voiced = voiced
        self._echoes = echoes
        self._follower = follower
        # When the sound of each person who speaks was last compared with the bot's own sound.
        self._compared_at: dict[int, float] = {}

    def update(self, person: int, at: float) -> None:
        """Look at a person again, whose newest frame was processed at ``at`` (monotonic seconds) or who has left."""
        before = person in self._compared_at
        # All questions cost time, so they are not asked if nobody needs the answer.
        if not (self._follower.ducks and self._voiced.speaking(person)):
            self._compared_at.pop(person, None)
        elif at - self._compared_at.get(person, -math.inf) >= CHECK_INTERVAL:
            # A comparison takes about 1 ms, so it is not made for each frame of somebody who speaks.
            if self._echoes.echoes(person, at):
                self._compared_at.pop(person, None)
            else:
                self._compared_at[person] = at
        if (speaking := person in self._compared_at) != before:
            self._follower.speaks(person, speaking)

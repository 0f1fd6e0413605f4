"""Who speaks at this moment, for the music that gets quieter. It is known sooner than a turn, and is less certain."""

from __future__ import annotations

from typing import Protocol


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
    frame. An echo of the bot's own sound does not count.

    Args:
        voiced: says whose newest sound is voiced.
        echoes: says whose newest sound is an echo.
        follower: is told who speaks.
    """

    def __init__(self, voiced: VoicedPeople, echoes: Echoes, follower: SpeechFollower) -> None:
        self._voiced = voiced
        self._echoes = echoes
        self._follower = follower
        self._speaking: set[int] = set()

    def update(self, person: int, at: float) -> None:
        """Look at a person again, whose newest frame was processed at ``at`` (monotonic seconds) or who has left."""
        # Both questions cost time, so they are not asked if nobody needs the answer.
        speaking = self._follower.ducks and self._voiced.speaking(person) and not self._echoes.echoes(person, at)
        if speaking == (person in self._speaking):
            return
        if speaking:
            self._speaking.add(person)
        else:
            self._speaking.discard(person)
        self._follower.speaks(person, speaking)

"""Everybody's turns: a detector for each person, and what they say of the words in between."""

from __future__ import annotations

from itertools import count
from pathlib import Path

from bot.voice.frames import Heard, PersonLeft, SoundHeard
from bot.voice.turn import TurnId
from bot.voice.turns.detector import TurnDetector
from bot.voice.turns.end_of_turn import EndOfTurn, LastWords
from bot.voice.turns.events import TurnEvent
from bot.voice.turns.settings import OF_SILERO_VADS_NETWORK, TurnSettings
from bot.voice.turns.silero import Silero


def turns_with(network: Path | None) -> Turns:
    """Turns by this file of Silero's network, or by the one that faster-whisper carries, each with its own numbers.

    Raises:
        SileroMissing: the network is not there.
    """
    return Turns() if network is None else Turns(Silero(network), settings=OF_SILERO_VADS_NETWORK)


class Turns:
    """Hands each person's sound to a detector of their own; nothing but the network is shared. One thread at a time.

    Args:
        silero: the network; loaded from faster-whisper's files if none is given (about 50 ms).
        end_of_turn: judges the words of pauses.

    Raises:
        SileroMissing: the network is not there.
    """

    def __init__(
        self,
        silero: Silero | None = None,
        end_of_turn: EndOfTurn | None = None,
        settings: TurnSettings | None = None,
    ) -> None:
        self._silero = silero or Silero()
        self._end_of_turn = end_of_turn or LastWords()
        self._settings = settings or TurnSettings()
        self._detectors: dict[int, TurnDetector] = {}
        # One count for everyone: whoever leaves and comes back must not get the number of an old turn again.
        self._numbers = count(1)

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due next, in monotonic seconds; ``None`` while only more sound can change anything."""
        deadlines = (detector.deadline for detector in self._detectors.values())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def heard(self, heard: Heard) -> list[TurnEvent]:
        """What one person's sound, its end, or their leaving means for their turn."""
        if isinstance(heard, PersonLeft):
            detector = self._detectors.pop(heard.person, None)
            return [] if detector is None else detector.left(heard)
        if isinstance(heard, SoundHeard):
            return self._detector(heard.person).hear(heard)
        return self._detector(heard.person).transmission_ended(heard)

    def tick(self, now: float) -> list[TurnEvent]:
        """The ends that are due."""
        return [event for detector in self._detectors.values() for event in detector.tick(now)]

    def transcript(self, turn: TurnId, text: str) -> None:
        """What the sound of this turn's last :class:`SpeechPaused` says; may bring :attr:`deadline` forward."""
        if (detector := self._detectors.get(turn.person)) is not None:
            detector.transcript(turn, text)

    def _detector(self, person: int) -> TurnDetector:
        if person not in self._detectors:
            self._detectors[person] = TurnDetector(
                person, self._silero.listen(), self._end_of_turn, self._settings, self._numbers
            )
        return self._detectors[person]

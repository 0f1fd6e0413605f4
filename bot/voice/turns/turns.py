"""The turns of everybody: the turn policy, and a detector for each person."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import count
from pathlib import Path

from bot.voice.frames import AudioFrame, InputEvent, PersonLeft
from bot.voice.turn import TurnId
from bot.voice.turns.detector import TurnDetector
from bot.voice.turns.end_of_turn import EndOfTurn, RuleBasedEndOfTurn
from bot.voice.turns.events import TurnEvent
from bot.voice.turns.settings import OF_SILERO_VADS_NETWORK, TurnSettings
from bot.voice.turns.voice_activity import Silero, VoiceActivityModel


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """How a call makes turns of people's sound. It keeps nothing of a call, so one serves all calls.

    Attributes:
        voice_activity: tells speech from noise, on the input thread.
        end_of_turn: estimates by what was said how likely pauses are the end, on the event loop.
        settings: the waits and thresholds, which are right for this ``voice_activity``.
    """

    voice_activity: VoiceActivityModel
    end_of_turn: EndOfTurn
    settings: TurnSettings


def load_turn_policy(network: Path | None = None) -> TurnPolicy:
    """Silero and the rules on the last words. Blocks, about 100 ms: called once, in a thread, when the bot starts.

    Args:
        network: a file of Silero's network; the one that faster-whisper carries if none is given.

    Raises:
        SileroMissing: the network is not there, or is damaged.
        EndingsError: the lists of last words can't be used.
    """
    settings = TurnSettings() if network is None else OF_SILERO_VADS_NETWORK
    return TurnPolicy(Silero(network), RuleBasedEndOfTurn(), settings)


class Turns:
    """Hands each person's sound to a detector of their own; nothing but the policy is shared. One thread at a time."""

    def __init__(self, policy: TurnPolicy) -> None:
        self._policy = policy
        self._detectors: dict[int, TurnDetector] = {}
        # One count for everyone: whoever leaves and comes back must not get the number of an old turn again.
        self._numbers = count(1)

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due next, in monotonic seconds; ``None`` while only more sound can change anything."""
        deadlines = (detector.deadline for detector in self._detectors.values())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def heard(self, heard: InputEvent) -> list[TurnEvent]:
        """What one person's sound, its end, or their leaving means for their turn."""
        if isinstance(heard, PersonLeft):
            detector = self._detectors.pop(heard.person, None)
            return [] if detector is None else detector.left(heard)
        if isinstance(heard, AudioFrame):
            return self._detector(heard.person).hear(heard)
        return self._detector(heard.person).transmission_ended(heard)

    def tick(self, now: float) -> list[TurnEvent]:
        """The ends that are due."""
        return [event for detector in self._detectors.values() for event in detector.tick(now)]

    def end_of_turn_estimated(self, turn: TurnId, over: float, *, wordless: bool = False) -> None:
        """Pass an estimate on, see :meth:`TurnDetector.end_of_turn_estimated`; may bring :attr:`deadline` forward."""
        if (detector := self._detectors.get(turn.person)) is not None:
            detector.end_of_turn_estimated(turn, over, wordless=wordless)

    def _detector(self, person: int) -> TurnDetector:
        if person not in self._detectors:
            self._detectors[person] = TurnDetector(
                person, self._policy.voice_activity.listen(), self._policy.settings, self._numbers
            )
        return self._detectors[person]

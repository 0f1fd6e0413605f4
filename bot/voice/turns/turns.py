"""Turn detection for all people of a call: the turn policy, and a turn detector for each person."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from bot.voice.frames import AudioFrame, InputEvent, PersonLeft
from bot.voice.turn import TurnId
from bot.voice.turns.detector import TurnDetector
from bot.voice.turns.end_of_turn import EndOfTurn, RuleBasedEndOfTurn
from bot.voice.turns.events import TurnEvent
from bot.voice.turns.settings import (
    SILERO_VAD_PACKAGE_SETTINGS,
    TELEPHONE_SETTINGS,
    TELEPHONE_SILERO_VAD_PACKAGE_SETTINGS,
    TurnSettings,
)
from bot.voice.turns.voice_activity import Silero, VoiceActivityModel


@dataclass(frozen=True, slots=True)
class TurnPolicy:
    """The models and settings with which turns are detected. A policy has no state of a call, so one serves all calls.

    Attributes:
        voice_activity: model that tells speech from noise. It runs on the input threads.
        end_of_turn: model that estimates whether a pause is the end of a turn. It runs on the event loop.
        settings: waits and thresholds that fit ``voice_activity``.
        telephone_settings: waits and thresholds for the narrow band of telephones; ``None`` to use ``settings``.
    """

    voice_activity: VoiceActivityModel
    end_of_turn: EndOfTurn
    settings: TurnSettings
    telephone_settings: TurnSettings | None = None

    def with_interims(self) -> TurnPolicy:
        """The same policy for a call with interim transcripts: the sound of a turn that goes on is reported often."""
        return replace(self, settings=replace(self.settings, next_interim=self.settings.next_interim_often))

    def for_telephones(self) -> TurnPolicy:
        """The same policy for a call whose sound has the narrow band of telephones."""
        return replace(self, settings=self.telephone_settings or self.settings)


def load_turn_policy(network: Path | None = None) -> TurnPolicy:
    """Load the models of the policy: Silero's network, and the rules on the last words.

    It blocks for about 100 ms, so it is called once, in a thread, when the bot starts.

    Args:
        network: file of Silero's network; the one in faster-whisper if none is given.

    Raises:
        SileroUnusable: the network is missing or damaged.
        EndingsError: the word lists of :mod:`bot.voice.turns.end_of_turn` can't be used.
    """
    if network is None:
        settings, telephone = TurnSettings(), TELEPHONE_SETTINGS
    else:
        settings, telephone = SILERO_VAD_PACKAGE_SETTINGS, TELEPHONE_SILERO_VAD_PACKAGE_SETTINGS
    return TurnPolicy(Silero(network), RuleBasedEndOfTurn(), settings, telephone)


class TurnDetectors:
    """The turn detectors of a call: one for each person who has spoken. Not thread-safe.

    Args:
        policy: models and settings, shared by all detectors.
    """

    def __init__(self, policy: TurnPolicy) -> None:
        self._policy = policy
        self._detectors: dict[int, TurnDetector] = {}
        # All detectors share one counter, so that a person who comes back does not get the number of an old turn.
        self._numbers = count(1)

    @property
    def deadline(self) -> float | None:
        """Time at which :meth:`tick` is due, in monotonic seconds; ``None`` if only more sound can change a turn."""
        deadlines = (detector.deadline for detector in self._detectors.values())
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def process(self, event: InputEvent) -> list[TurnEvent]:
        """Pass an input event to the person's detector; returns the turn events that follow from it."""
        if isinstance(event, PersonLeft):
            detector = self._detectors.pop(event.person, None)
            return [] if detector is None else detector.person_left(event)
        if isinstance(event, AudioFrame):
            return self._detector(event.person).process_frame(event)
        return self._detector(event.person).transmission_ended(event)

    def speaking(self, person: int) -> bool:
        """Whether the person's newest sound is voiced; see :attr:`TurnDetector.speaking`."""
        detector = self._detectors.get(person)
        return detector is not None and detector.speaking

    def tick(self, now: float) -> list[TurnEvent]:
        """End the turns that are due at ``now`` (monotonic seconds)."""
        return [event for detector in self._detectors.values() for event in detector.tick(now)]

    def end_of_turn_estimated(self, turn: TurnId, probability: float, *, wordless: bool = False) -> None:
        """Pass an estimate to the person's detector; see :meth:`TurnDetector.end_of_turn_estimated`.

        It may change :attr:`deadline`.
        """
        if (detector := self._detectors.get(turn.person)) is not None:
            detector.end_of_turn_estimated(turn, probability, wordless=wordless)

    def _detector(self, person: int) -> TurnDetector:
        """The detector of a person; a new one if the person has not spoken yet."""
        if person not in self._detectors:
            self._detectors[person] = TurnDetector(
                person, self._policy.voice_activity.make_stream(), self._policy.settings, self._numbers
            )
        return self._detectors[person]

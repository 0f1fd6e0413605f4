"""A scripted person for tests of turn detection, whose voice is detected by its level."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from audio.level import rms
from audio.samples import HEARING_RATE, Sound16
from bot.voice.frames import AudioFrame, TransmissionEnded
from bot.voice.turn import Microphone, TurnId
from bot.voice.turns.detector import TurnDetector
from bot.voice.turns.end_of_turn import RuleBasedEndOfTurn
from bot.voice.turns.events import TurnEvent
from bot.voice.turns.settings import TurnSettings
from tests.voice.effects import only

Kind = TypeVar("Kind")
PERSON = 7
PACKET = HEARING_RATE // 50


class LoudIsVoice:
    """A voice activity model for which every window above an RMS of 0.05 is certainly voiced, and no other."""

    def __call__(self, window: Sound16) -> float:
        return 1.0 if rms(window) > 0.05 else 0.0

    def peek(self, window: Sound16) -> float:
        return self(window)


class Person:
    """A person who sends packets of 20 ms to a turn detector, and who keeps its events. Each packet moves the clock.

    The packets tell the kind of the ``microphone``, if it is given.
    """

    def __init__(self, settings: TurnSettings | None = None, microphone: Microphone | None = None) -> None:
        self._microphone = microphone
        self.detector = TurnDetector(PERSON, LoudIsVoice(), settings)
        self.now = 100.0
        self.events: list[TurnEvent] = []
        self.sent: list[Sound16] = []
        self._samples = 0
        self._stalled = False

    def talk(self, seconds: float) -> None:
        self.send(self._sound(seconds, 0.2))

    def stay_quiet(self, seconds: float) -> None:
        """Send quiet sound: the microphone stays open."""
        self.send(self._sound(seconds, 0.001))

    def send(self, sound: Sound16) -> None:
        for at in range(0, len(sound), PACKET):
            packet = sound[at : at + PACKET]
            self.pass_time(len(packet) / HEARING_RATE)
            self.sent.append(packet)
            frame = AudioFrame(PERSON, packet, self.now, self._microphone, delayed=self._stalled)
            self._stalled = False
            self.events += self.detector.process_frame(frame)

    def stall(self, seconds: float) -> None:
        """Let no packet through for some seconds, as if the microphone had closed. The next packet shows that it had
        not.
        """
        self.close(announced=False)
        self.pass_time(seconds)
        self._stalled = True

    def close(self, *, announced: bool = True) -> None:
        """Close the microphone. If ``announced``, frames of silence announce the end."""
        self.pass_time(0.02)
        self.events += self.detector.transmission_ended(TransmissionEnded(PERSON, self.now, announced))

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.detector.deadline) is not None and due <= until:
            self.now = max(due, self.now)
            self.events += self.detector.tick(self.now)
        self.now = until

    def transcribed(self, turn: TurnId, text: str) -> None:
        """Give the detector the end-of-turn estimate of the rules, for the words up to the last pause."""
        over = RuleBasedEndOfTurn().estimate(text) if text.strip() else 1.0
        self.detector.end_of_turn_estimated(turn, over, wordless=not text.strip())

    def named(self) -> list[str]:
        """The class names of the events so far."""
        return [type(event).__name__ for event in self.events]

    def only(self, kind: type[Kind]) -> list[Kind]:
        return only(kind, self.events)

    def _sound(self, seconds: float, level: float) -> Sound16:
        """A sound at a level. No two samples of a person are equal, so that each can be recognised in the events."""
        numbers = self._samples + np.arange(round(seconds * HEARING_RATE))
        self._samples += len(numbers)
        return (level * (1 + numbers * 5e-7) * np.where(numbers % 2, 1, -1)).astype(np.float32)


def joined(sounds: Sequence[Sound16]) -> Sound16:
    return np.concatenate([np.zeros(0, np.float32), *sounds])

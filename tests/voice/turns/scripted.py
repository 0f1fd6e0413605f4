"""For tests of turns: a detector that takes loud for voiced, a person who makes packets, and real sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

from audio.level import rms
from audio.samples import HEARING_RATE, Sound16
from bot.voice.frames import AudioFrame, TransmissionEnded
from bot.voice.turn import TurnId
from bot.voice.turns.detector import TurnDetector
from bot.voice.turns.end_of_turn import RuleBasedEndOfTurn
from bot.voice.turns.events import TurnEvent
from bot.voice.turns.settings import TurnSettings
from tests.voice.effects import only

Kind = TypeVar("Kind")
PERSON = 7
PACKET = HEARING_RATE // 50


class LoudIsVoice:
    """A window above an RMS of 0.05 is voiced, for sure; no other is."""

    def __call__(self, window: Sound16) -> float:
        return 1.0 if rms(window) > 0.05 else 0.0


class Person:
    """Talks to a detector in packets of 20 ms, and lets time pass; keeps every event."""

    def __init__(self, settings: TurnSettings | None = None) -> None:
        self.detector = TurnDetector(PERSON, LoudIsVoice(), settings)
        self.now = 100.0
        self.events: list[TurnEvent] = []
        self.sent: list[Sound16] = []
        self._samples = 0

    def talk(self, seconds: float) -> None:
        self.send(self._sound(seconds, 0.2))

    def hush(self, seconds: float) -> None:
        """Quiet, but the microphone stays open."""
        self.send(self._sound(seconds, 0.001))

    def send(self, sound: Sound16) -> None:
        for at in range(0, len(sound), PACKET):
            packet = sound[at : at + PACKET]
            self.pass_time(len(packet) / HEARING_RATE)
            self.sent.append(packet)
            self.events += self.detector.process_frame(AudioFrame(PERSON, packet, self.now))

    def close(self, *, announced: bool = True) -> None:
        """The microphone closes: a frame of silence comes."""
        self.pass_time(0.02)
        self.events += self.detector.transmission_ended(TransmissionEnded(PERSON, self.now, announced))

    def pass_time(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.detector.deadline) is not None and due <= until:
            self.now = max(due, self.now)
            self.events += self.detector.tick(self.now)
        self.now = until

    def understood(self, turn: TurnId, text: str) -> None:
        """The words of the last pause are known, and estimated by the rules."""
        over = RuleBasedEndOfTurn().finished(text) if text.strip() else 1.0
        self.detector.end_of_turn_estimated(turn, over, wordless=not text.strip())

    def named(self) -> list[str]:
        """The kinds of the events so far."""
        return [type(event).__name__ for event in self.events]

    def only(self, kind: type[Kind]) -> list[Kind]:
        return only(kind, self.events)

    def _sound(self, seconds: float, level: float) -> Sound16:
        """No sample of a person is like another, so that each can be told where it comes back."""
        numbers = self._samples + np.arange(round(seconds * HEARING_RATE))
        self._samples += len(numbers)
        return (level * (1 + numbers * 5e-7) * np.where(numbers % 2, 1, -1)).astype(np.float32)


def joined(sounds: Sequence[Sound16]) -> Sound16:
    return np.concatenate([np.zeros(0, np.float32), *sounds])

"""Takes voice samples in a call.

During a sample the bot is silent. It answers nothing that the person says from the beginning of the sample to the first
pause after the sample, so that they can read their text to its end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from audio.samples import Sound16
from bot.voice.input_processor import SoundReceiver
from bot.voice.ports import ReplyControl
from bot.voice.records.voice_sample import SampleError, VoiceSample
from bot.voice.turn import TurnId

SAMPLE_TURN = -1
"""Turn number that stands for the speech of a sample. Turn detectors never use this number."""


class SoundDiverter(Protocol):
    """The part of the input thread that voice samples need: it can divert one person's sound from turn detection."""

    def divert(self, person: int, receiver: SoundReceiver) -> Callable[[], None]:
        """Pass a person's sound to ``receiver`` and detect no turns in it, until the returned function is called."""
        ...


class VoiceSamples:
    """Takes the voice samples of one call, one at a time. Use it only on the event loop.

    Args:
        sound: passes on a person's sound.
        replies: the conversation, which is kept silent.
        admits: returns whether a person (user id) may be listened to.
    """

    def __init__(self, sound: SoundDiverter, replies: ReplyControl, admits: Callable[[int], bool]) -> None:
        self._sound = sound
        self._replies = replies
        self._admits = admits
        self._sample: VoiceSample | None = None

    async def take(self, person: int) -> Sound16:
        """Take a sample of a person who has agreed to it. Returns mono sound at 16,000 Hz.

        Raises:
            SampleError: another sample is being taken, the person said nothing, or the sample was dropped.
        """
        if self._sample is not None:
            raise SampleError("I'm already recording somebody's voice.")
        if not self._admits(person):
            raise SampleError("I don't listen to that person.")
        sample = self._sample = VoiceSample(person)
        turn = TurnId(person, SAMPLE_TURN)
        end_diversion = self._sound.divert(person, sample.heard)
        self._replies.interruption_started(turn)
        try:
            return await sample.whole()
        finally:
            self._sample = None
            self._replies.release_floor(turn)
            _call_after_pause(sample, end_diversion)

    def drop(self, reason: str, person: int | None = None) -> None:
        """Drop the current sample, so that :meth:`take` raises an error with this reason.

        If ``person`` is given, a sample of another person is not dropped.
        """
        if self._sample is not None and person in (None, self._sample.person):
            self._sample.drop(reason)


def _call_after_pause(sample: VoiceSample, end_diversion: Callable[[], None]) -> None:
    remaining = sample.until_pause()
    if remaining <= 0:
        end_diversion()
    else:
        asyncio.get_running_loop().call_later(remaining, _call_after_pause, sample, end_diversion)

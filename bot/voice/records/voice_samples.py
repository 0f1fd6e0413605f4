"""Taking a sample of somebody's voice in a call: nobody answers what is said for it, and the bot is silent."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from audio.samples import Sound16
from bot.voice.input_thread import SoundReceiver
from bot.voice.ports import ReplyControl
from bot.voice.records.voice_sample import SampleError, VoiceSample
from bot.voice.turn import TurnId

SAMPLE_TURN = -1
"""The number of a turn that no detector gives: in it a person speaks for a sample."""
AFTER_SAMPLE = 2.0
"""Seconds in which somebody may finish what they said for a sample without being answered."""


class SoundDiverter(Protocol):
    """Gives away what a person says."""

    def divert(self, person: int, receiver: SoundReceiver) -> Callable[[], None]:
        """Give what a person says to ``receiver`` and make no turn of it, until the returned function is called."""
        ...


class VoiceSamples:
    """One sample at a time. Belongs to the event loop.

    Args:
        admits: whether a person may be listened to.
    """

    def __init__(self, sound: SoundDiverter, replies: ReplyControl, admits: Callable[[int], bool]) -> None:
        self._sound = sound
        self._replies = replies
        self._admits = admits
        self._sample: VoiceSample | None = None

    async def take(self, person: int) -> Sound16:
        """Some seconds of what a person says, who has agreed to give them.

        Raises:
            SampleError: they can't be had, or are no longer to be had.
        """
        if self._sample is not None:
            raise SampleError("I'm already recording somebody's voice.")
        if not self._admits(person):
            raise SampleError("I don't listen to them.")
        sample = self._sample = VoiceSample(person)
        turn = TurnId(person, SAMPLE_TURN)
        end_diversion = self._sound.divert(person, sample.heard)
        self._replies.interruption_started(turn)
        try:
            return await sample.whole()
        finally:
            self._sample = None
            self._replies.release_floor(turn)
            asyncio.get_running_loop().call_later(AFTER_SAMPLE, end_diversion)

    def drop(self, reason: str, person: int | None = None) -> None:
        """Forget the sample that is being taken, or that of this person alone; whoever waits for it is told why."""
        if self._sample is not None and person in (None, self._sample.person):
            self._sample.drop(reason)

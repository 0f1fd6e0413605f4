"""Voice samples: some seconds of a person's speech, from which a voice is cloned."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable

import numpy as np

from audio.level import rms
from audio.samples import HEARING_RATE, Sound16
from bot.voice.records.recorder import SLACK_SECONDS

SAMPLE_SECONDS = 10.0
"""Length of a sample in seconds."""
TIMEOUT = 10.0
"""Maximum number of seconds to wait for the first sound."""
PAUSE_SECONDS = 1.0
"""After a sample, a pause of this many seconds is the end of what the person says."""
MAX_REST = 10.0
"""What the person says after a sample counts as over after this many seconds, even without a pause."""
QUIET = 0.1
"""Sound below this share of the person's loudest sound is a pause (20 dB quieter)."""


class SampleError(Exception):
    """No sample could be taken, and none of its sound is kept. The message says why, for users."""


class VoiceSample:
    """A sample of one person's speech. It begins with the first sound that arrives.

    :meth:`heard` may be called from any thread. Use everything else only on the event loop.

    Args:
        person: the person's user id.
        seconds: length of the sample.
        timeout: how long to wait for the first sound, in seconds.
        clock: returns the time in monotonic seconds.
    """

    def __init__(
        self,
        person: int,
        *,
        seconds: float = SAMPLE_SECONDS,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.person = person
        self._seconds = seconds
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._begun: asyncio.Future[None] = self._loop.create_future()
        self._dropped: asyncio.Future[None] = self._loop.create_future()
        self._first_at = 0.0
        self._loudest = 0.0
        self._clock = clock
        self._voiced_at = self._complete_at = clock()
        self._length = 0
        self._parts: list[Sound16] = []

    def heard(self, sound: Sound16, at: float) -> None:
        """Add sound, mono at 16,000 Hz. ``at`` is its time of arrival in monotonic seconds."""
        # When a call ends, its event loop may be closed while the input thread still has a packet.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._take, sound, at)

    def _take(self, sound: Sound16, at: float) -> None:
        level = rms(sound)
        self._loudest = max(self._loudest, level)
        if level > QUIET * self._loudest:
            self._voiced_at = at
        if self._dropped.done():
            return
        if not self._begun.done():
            self._begun.set_result(None)
            self._first_at = at
        # A microphone that closes between two words sends nothing. The pause is a part of the person's speech.
        behind = round((at - self._first_at) * HEARING_RATE) - self._length
        if behind > SLACK_SECONDS * HEARING_RATE:
            self._add(np.zeros(behind, np.float32))
        self._add(sound)

    def _add(self, sound: Sound16) -> None:
        self._parts.append(sound)
        self._length += len(sound)

    def drop(self, reason: str) -> None:
        """Drop the sample. :meth:`whole` raises an error with this reason."""
        self._parts.clear()
        if not self._dropped.done():
            self._dropped.set_exception(SampleError(reason))
            self._dropped.exception()  # Marks the exception as retrieved, in case nobody waits any more.

    async def whole(self) -> Sound16:
        """Wait until the sample is complete, and return it: mono at 16,000 Hz.

        Raises:
            SampleError: no sound came in time, or the sample was dropped.
        """
        await self._wait_or_raise(self._begun, self._timeout)
        if not self._begun.done():
            raise SampleError("I heard nothing. Is your microphone on, and are you in the call?")
        await self._wait_or_raise(None, self._seconds)
        self._complete_at = self._clock()
        return np.concatenate(self._parts)[: round(self._seconds * HEARING_RATE)]

    def until_pause(self) -> float:
        """The seconds until the person has paused, if they say no more; 0 or less once they have paused."""
        end = min(self._voiced_at + PAUSE_SECONDS, self._complete_at + MAX_REST)
        return end - self._clock()

    async def _wait_or_raise(self, future: asyncio.Future[None] | None, seconds: float) -> None:
        """Wait for ``future``, at most ``seconds``. Raises :class:`SampleError` if the sample is dropped."""
        waited = {self._dropped, future} if future is not None else {self._dropped}
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._dropped.done():
            self._dropped.result()

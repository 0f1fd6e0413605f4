"""Some seconds of one person's voice, which they have agreed to give: what a voice is learnt from."""

from __future__ import annotations

import asyncio
import contextlib

import numpy as np

from audio.samples import HEARING_RATE, Sound16

SAMPLE_SECONDS = 10.0
TIMEOUT = 10.0
"""Seconds to wait for the first word."""
SLACK_SECONDS = 0.12
"""Packets arrive unevenly: a gap shorter than this is none."""


class SampleError(Exception):
    """There is no sample, and nothing of it is kept; the text says why, for people."""


class VoiceSample:
    """Keeps what one person says for :data:`SAMPLE_SECONDS` seconds, counted from their first word.

    :meth:`heard` may be called from any thread; all else belongs to the event loop.
    """

    def __init__(self, person: int, *, seconds: float = SAMPLE_SECONDS, timeout: float = TIMEOUT) -> None:
        self.person = person
        self._seconds = seconds
        self._timeout = timeout
        self._loop = asyncio.get_running_loop()
        self._begun: asyncio.Future[None] = self._loop.create_future()
        self._dropped: asyncio.Future[None] = self._loop.create_future()
        self._first_at = 0.0
        self._length = 0
        self._parts: list[Sound16] = []

    def heard(self, sound: Sound16, at: float) -> None:
        """Take sound; ``at`` is when it arrived, in monotonic seconds."""
        # A call that is ending closes its loop while the listening thread may still hold a packet.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._take, sound, at)

    def _take(self, sound: Sound16, at: float) -> None:
        if self._dropped.done():
            return
        if not self._begun.done():
            self._begun.set_result(None)
            self._first_at = at
        # Where a microphone closes between two words, nothing comes; the pause belongs to how they speak.
        behind = round((at - self._first_at) * HEARING_RATE) - self._length
        if behind > SLACK_SECONDS * HEARING_RATE:
            self._add(np.zeros(behind, np.float32))
        self._add(sound)

    def _add(self, sound: Sound16) -> None:
        self._parts.append(sound)
        self._length += len(sound)

    def drop(self, reason: str) -> None:
        """Forget what there is and take no more; whoever waits for it is told why."""
        self._parts.clear()
        if not self._dropped.done():
            self._dropped.set_exception(SampleError(reason))
            self._dropped.exception()  # Seen, even if nobody waits any more.

    async def whole(self) -> Sound16:
        """Wait until it is whole.

        Raises:
            SampleError: nothing was said, or it was dropped.
        """
        await self._either(self._begun, self._timeout)
        if not self._begun.done():
            raise SampleError("I heard nothing. Is your microphone on, and are you in the call?")
        await self._either(None, self._seconds)
        return np.concatenate(self._parts)[: round(self._seconds * HEARING_RATE)]

    async def _either(self, future: asyncio.Future[None] | None, seconds: float) -> None:
        """Wait for it, or for so long; raises :class:`SampleError` as soon as the sample is dropped."""
        waited = {self._dropped, future} if future is not None else {self._dropped}
        await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if self._dropped.done():
            self._dropped.result()

"""The sound of a Realtime client on its way to the call: resampled, and fed no faster than a call may be fed."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable

from audio.pcm import SAMPLE_BYTES
from audio.samples import HEARING_RATE
from bot.http.realtime.formats import SoundDecoder
from bot.http.realtime.session import PCM, RealtimeError
from bot.voice.browser.audio_input import MAX_AHEAD, MAX_BEHIND, seconds_of

MAX_WAITING = 120.0
"""Largest number of seconds of sound that wait. Clients may send a recording faster than it was spoken."""
MIN_COMMITTED = 0.1
"""Shortest sound that can be committed, in seconds."""
_AHEAD = MAX_AHEAD - 0.5
"""Sound is fed at most this many seconds ahead of the clock. A call refuses sound that is ``MAX_AHEAD`` ahead."""
_PIECE = HEARING_RATE * SAMPLE_BYTES
"""Largest piece that is fed at once, in bytes: one second of sound."""


class SoundIn:
    """The queue of a client's sound. Use it on the event loop, with :meth:`run` in a task.

    Args:
        feed: takes sound for the call: 16-bit mono, 16,000 Hz.
        talk: called around sound that was committed, with True before it and False after it.
        clock: returns monotonic seconds.
        sleep: waits the given seconds.

    Attributes:
        held: whether sound is kept until :meth:`commit`, because the client decides when a turn is over.
    """

    def __init__(
        self,
        feed: Callable[[bytes], None],
        talk: Callable[[bool], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.held = False
        self._feed = feed
        self._talk = talk
        self._clock = clock
        self._sleep = sleep
        self._decoder = SoundDecoder(PCM)
        self._uncommitted = bytearray()
        self._waiting: deque[bytes | bool] = deque()
        self._seconds = 0.0
        self._ahead, self._at = 0.0, clock()
        self._more = asyncio.Event()

    def restart_clock(self) -> None:
        """Count the time from zero again, because the call does so too."""
        self._ahead, self._at = 0.0, self._clock()

    def use_format(self, kind: str) -> None:
        """Take sound of another format from now on."""
        self._decoder = SoundDecoder(kind)

    def append(self, data: bytes) -> None:
        """Take sound in the client's format; raises :class:`RealtimeError` if it is invalid, or too much waits."""
        if self._seconds + seconds_of(self._uncommitted) > MAX_WAITING:
            raise RealtimeError("buffer_full", f"More than {MAX_WAITING:.0f} s of sound wait to be heard.", "audio")
        sound = self._decoder.decode(data)
        if self.held:
            self._uncommitted += sound
        else:
            self._put(sound)

    def commit(self) -> None:
        """End the turn after the sound so far; raises :class:`RealtimeError` if there is hardly any."""
        if not self.held:
            self._waiting.append(False)
            self._more.set()
            return
        if seconds_of(self._uncommitted) < MIN_COMMITTED:
            text = "Less than 100 ms of sound are in the buffer."
            raise RealtimeError("input_audio_buffer_commit_empty", text)
        sound, self._uncommitted = bytes(self._uncommitted), bytearray()
        self._waiting.append(True)
        self._put(sound)
        self._waiting.append(False)

    def clear(self) -> None:
        """Drop the sound that the call has not been fed yet, and that was not committed."""
        self._uncommitted.clear()
        if not self.held:
            self._waiting.clear()
            self._seconds = 0.0

    def _put(self, sound: bytes) -> None:
        for start in range(0, len(sound), _PIECE):
            self._waiting.append(sound[start : start + _PIECE])
        self._seconds += seconds_of(sound)
        self._more.set()

    async def run(self) -> None:
        """Feed the call until cancelled."""
        while True:
            while not self._waiting:
                self._more.clear()
                await self._more.wait()
            if isinstance(self._waiting[0], bool):
                await self._talk(bool(self._waiting.popleft()))
            elif (early := self._early()) > 0:
                await self._sleep(early)
            else:
                piece = self._waiting.popleft()
                if isinstance(piece, bytes):
                    self._ahead += seconds_of(piece)
                    self._seconds -= seconds_of(piece)
                    self._feed(piece)

    def _early(self) -> float:
        """Seconds until the next piece may be fed."""
        piece, now = self._waiting[0], self._clock()
        self._ahead = max(self._ahead - (now - self._at), -MAX_BEHIND)
        self._at = now
        return self._ahead + (seconds_of(piece) if isinstance(piece, bytes) else 0.0) - _AHEAD

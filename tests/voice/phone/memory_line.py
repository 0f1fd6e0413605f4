"""A phone line in memory."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import soxr
from numpy.typing import NDArray

from audio.g711 import Law, encode_g711
from audio.pcm import to_int16
from bot.voice.phone.line import FRAME_BYTES, LineEnd, LineListener


class MemoryLine:
    """A ``PhoneLine`` whose network holds ``held`` samples back. What the caller has heard is in ``heard``."""

    kind = "sip"

    def __init__(self, number: str = "+4930123456", law: Law = "alaw", *, held: int = 0, source: str = "") -> None:
        self.number, self.law, self.held, self.cleared = number, law, held, 0
        self.source = source or number
        self.heard, self.waiting = bytearray(), bytearray()
        self.listener: LineListener | None = None
        self.ended: LineEnd | None = None
        self._speaking = asyncio.Lock()

    @property
    def unheard(self) -> int:
        return len(self.waiting)

    def start(self, listener: LineListener) -> None:
        self.listener = listener
        if self.ended is not None:
            listener.ended(self.ended)

    def send(self, frame: bytes) -> None:
        self.waiting += frame
        ready = max(0, len(self.waiting) - self.held)
        self.heard += self.waiting[:ready]
        del self.waiting[:ready]

    def clear(self) -> None:
        self.cleared += 1
        self.waiting.clear()

    async def hang_up(self) -> None:
        self.end(LineEnd.BOT)

    def end(self, cause: LineEnd = LineEnd.CALLER) -> None:
        if self.ended is None and self.listener is not None:
            self.listener.ended(cause)
        self.ended = self.ended or cause

    async def speak(self, sound: NDArray[np.float32]) -> None:
        """Speak a sound (48,000 Hz) in real time, after what is being spoken already."""
        data = encode_g711(to_int16(soxr.resample(sound, 48_000, 8_000)), self.law)
        async with self._speaking:
            began = time.monotonic()
            for number, at in enumerate(range(0, len(data) - FRAME_BYTES + 1, FRAME_BYTES)):
                await asyncio.sleep(began + 0.02 * number - time.monotonic())
                if self.listener is not None and self.ended is None:
                    self.listener.sound(data[at : at + FRAME_BYTES], time.monotonic())

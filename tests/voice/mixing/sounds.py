"""For tests of the mixer: a scripted voice, tones as streams, and the level and the peak of frames."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import numpy as np

from audio.samples import SPEAKING_FRAME
from bot.voice.mixing.levels import Stereo, to_frame
from bot.voice.mixing.stream import Channel, MixedStream


class ScriptedReply:
    """The bot's voice: frames that the test gives, and nothing between them."""

    def __init__(self) -> None:
        self.wake: Callable[[], None] = self._count
        self.heard: Callable[[str, int], int] = lambda reply, sent: sent
        self.frames: deque[bytes | None] = deque()
        self.woken = 0
        self.making = False
        self.sounding: str | None = None

    def _count(self) -> None:
        self.woken += 1

    def take(self, *, silence: bool = True) -> bytes | None:
        del silence
        return self.frames.popleft() if self.frames else None

    def report(self) -> None:
        pass


def tone(frames: int, level: float, pitch: float = 1_000.0, *, begin: int = 0) -> list[bytes]:
    """Frames of a tone of ``level`` in both channels. At 1,000 Hz each frame holds whole waves."""
    at = np.arange(begin * SPEAKING_FRAME, (begin + frames) * SPEAKING_FRAME) / 48_000
    both = np.repeat((level * np.sin(2 * np.pi * pitch * at)).astype(np.float32)[:, np.newaxis], 2, axis=1)
    return [to_frame(both[n : n + SPEAKING_FRAME]) for n in range(0, len(both), SPEAKING_FRAME)]


def stream_of(frames: list[bytes], channel: Channel = Channel.MUSIC, *, ended: bool = True) -> MixedStream:
    """A stream that has all its frames already."""
    stream = MixedStream(channel)
    for frame in frames:
        stream.write(frame)
    if ended:
        stream.end()
    return stream


def samples(frame: bytes) -> Stereo:
    return np.frombuffer(frame, "<i2").reshape(-1, 2).astype(np.float32) / np.float32(32_767)


def level(frame: bytes) -> float:
    """The root mean square of a frame."""
    return float(np.sqrt(np.mean(np.square(samples(frame)))))


def peak(frame: bytes) -> float:
    return float(np.abs(samples(frame)).max())

"""For tests of the playback: a listener that keeps its reports, sound with known samples, and ways to take frames."""

from __future__ import annotations

import asyncio

import numpy as np

from audio.samples import Samples
from bot.voice.playback.playback import SILENT_FRAME, ReplyPlayback
from tests.timing import Clock


class RecordingListener:
    """A listener that records its calls."""

    def __init__(self) -> None:
        self.journal: list[tuple[object, ...]] = []

    def first_frame(self, reply: str, at: float) -> None:
        self.journal.append(("first", reply, at))

    def marked(self, reply: str, number: int, at: float) -> None:
        self.journal.append(("mark", reply, number))

    def drained(self, reply: str, at: float, samples: int, underruns: int) -> None:
        self.journal.append(("drained", reply, samples, underruns))


def make_playback(clock: Clock | None = None) -> tuple[ReplyPlayback, RecordingListener]:
    """A playback and its listener. Without a clock, the time is always 7 s."""
    source, heard = ReplyPlayback(asyncio.get_running_loop(), clock=clock or Clock(7.0)), RecordingListener()
    source.listener = heard
    return source, heard


def ramp(length: int, start: int = 0) -> Samples:
    """Samples that all differ, so that each can be told from its neighbours."""
    return ((np.arange(start, start + length) % 20_000) / 32767).astype(np.float32)


def left_channel(frames: list[bytes]) -> list[int]:
    """The samples of one channel. Both must be the same."""
    stereo = np.frombuffer(b"".join(frames), "<i2").reshape(-1, 2)
    assert (stereo[:, 0] == stereo[:, 1]).all()
    return [int(sample) for sample in stereo[:, 0]]


def take_all(source: ReplyPlayback) -> list[bytes]:
    """The frames up to the end of the reply."""
    frames = []
    while (frame := source.take()) is not None:
        assert len(frame) == len(SILENT_FRAME)
        frames.append(frame)
    return frames


def take_for(source: ReplyPlayback, clock: Clock, frames: int) -> list[bytes | None]:
    """The frames that the sending thread takes in this number of steps of 20 ms."""
    taken = []
    for _ in range(frames):
        taken.append(source.take())
        clock.now += 0.02
    return taken

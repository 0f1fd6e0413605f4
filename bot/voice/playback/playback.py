"""Playback of the bot's replies: gives the sending thread a frame every 20 ms, and counts what was sent."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Protocol, TypeVarTuple, Unpack

import numpy as np

from audio.pcm import to_int16
from audio.samples import FRAME_SECONDS, SPEAKING_FRAME, SPEAKING_RATE, Samples
from bot.voice.playback.frame_queue import End, Frame, FrameQueue, Mark, Pause, Track

SILENT_FRAME = bytes(SPEAKING_FRAME * 2 * 2)
"""20 ms of stereo 16-bit silence."""
MAX_VOLUME = 2.0
MAX_GAP = 0.5
"""Maximum number of seconds of silence in an underrun (a reply's sound is late). After that, nothing is sent until
sound comes."""

Arguments = TypeVarTuple("Arguments")


class PlaybackListener(Protocol):
    """Is notified on the event loop of what the sending thread has taken from the queue.

    ``reply`` is the id of a reply. ``at`` is the time of taking, in monotonic seconds.
    """

    def first_frame(self, reply: str, at: float) -> None:
        """The first voiced frame of a reply was taken."""
        ...

    def marked(self, reply: str, number: int, at: float) -> None:
        """The sending thread has passed mark ``number``: the next frame is the first one after it."""
        ...

    def drained(self, reply: str, at: float, samples: int, underruns: int) -> None:
        """The sending thread has reached the end of a reply's sound.

        Args:
            samples: number of samples of the reply that were sent.
            underruns: length of all underruns of the reply, in frames of 20 ms.
        """
        ...


class ReplyPlayback:
    """The playback of a call's replies, one after another. It is the source of frames for the sending thread.

    Only the sending thread calls :meth:`take` and :meth:`report`; everything else is used on the event loop.

    Attributes:
        listener: is notified of what was sent.
        wake: called on the event loop when there may be something to send. The sending thread sets it.
        heard: gets a reply's id and the number of its samples that were sent; returns how many of these have been
            heard. A transport whose listeners have a buffer sets it.
        sounding: id of the reply whose frame was taken last. Only the sending thread uses it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.listener: PlaybackListener | None = None
        self.wake: Callable[[], None] = lambda: None
        self.heard: Callable[[str, int], int] = lambda reply, sent: sent
        self.sounding: str | None = None
        self._loop = loop
        self._clock = clock
        self._queue = FrameQueue()
        self._track: Track | None = None
        self._making: str | None = None
        self._held = False
        self._volume = 1.0
        self._room = asyncio.Event()
        # Only the sending thread uses this one.
        self._unreported: deque[Callable[[], None]] = deque()

    @property
    def volume(self) -> float:
        """The volume, 0 to 2. A change takes effect with the next frame."""
        return self._volume

    @volume.setter
    def volume(self, value: float) -> None:
        self._volume = min(max(value, 0.0), MAX_VOLUME)

    @property
    def buffered_seconds(self) -> float:
        """Seconds of sound that wait to be sent."""
        track = self._track
        return 0.0 if track is None else (track.queued - track.sent) / SPEAKING_RATE

    @property
    def making(self) -> bool:
        """Whether a reply is being made and no frame of it was sent yet. Meanwhile the sender may send silence."""
        return self._making is not None

    def begin(self, reply: str) -> None:
        """Begin a new reply. Queued sound of another reply is dropped.

        The sending thread is not woken before :meth:`prime`, because its work could delay the request to the model.
        """
        self._drop_track()
        self._track = Track(reply)
        self._making = reply

    def prime(self) -> None:
        """Have the sending thread send silence ahead of the reply."""
        self.wake()

    def write(self, reply: str, samples: Samples) -> None:
        """Queue mono sound at 48,000 Hz, of any length. Sound of a reply that is over is ignored."""
        track = self._open_track(reply)
        if track is None or len(samples) == 0:
            return
        self._queue.add(track, samples)
        self.wake()

    def mark(self, reply: str, number: int) -> None:
        """Tell the listener when the sound that is written next starts to be sent. The place is exact to a frame."""
        track = self._open_track(reply)
        if track is not None:
            self._queue.mark(track, number)

    def pause(self, reply: str) -> None:
        """Allow silence from here on, until more sound of this reply is written. An incomplete frame is padded."""
        track = self._open_track(reply)
        if track is not None:
            self._queue.pause(track)
            self.wake()

    def trim(self, reply: str, samples: int) -> None:
        """Drop the reply's sound behind its first ``samples`` samples, as far as it was not sent.

        Marks stay: the sound that is written next takes the place of what was dropped.
        """
        track = self._open_track(reply)
        if track is not None:
            self._queue.trim(track, samples)
            self._room.set()

    def finish(self, reply: str) -> None:
        """End the reply's sound. An incomplete frame is padded with silence."""
        track = self._open_track(reply)
        if track is None:
            return
        self._queue.pad(track)
        self._making = None
        self._queue.end(track)
        self.wake()

    def cut(self, reply: str, samples: int) -> None:
        """End the reply's sound after its first ``samples`` samples, rounded up to whole frames.

        What is marked there or later is not reported any more, since nobody will hear it. If more samples were sent
        already, the sound ends at once. This also works after :meth:`finish`.
        """
        track = self._track
        if track is None or track.reply != reply:
            return
        self._queue.cut(track, samples)
        self._making = None
        self._queue.end(track)
        self._room.set()
        self.wake()

    def drop(self, reply: str) -> int:
        """Drop the reply's sound that was not sent. Returns how many of its samples were sent.

        No further frame of the reply is taken. A frame that the sending thread has taken already may still be sent.
        """
        track = self._track
        if track is None or track.reply != reply:
            return 0
        self._drop_track()
        self.wake()
        return track.sent

    def _drop_track(self) -> None:
        self._track = None
        self._making = None
        self._queue.clear()
        self._room.set()

    def hold(self) -> None:
        """Fall silent from the next frame on, and keep the queued sound until :meth:`resume`."""
        self._held = True

    def resume(self) -> None:
        """Continue where :meth:`hold` stopped."""
        self._held = False
        self.wake()

    def position(self, reply: str) -> int:
        """Number of samples of the reply that were sent and heard; 0 if it is not the current reply."""
        track = self._track
        return self.heard(reply, track.sent) if track is not None and track.reply == reply else 0

    def sent(self, reply: str) -> int:
        """Number of samples of the reply that were sent; 0 if it is not the current reply."""
        track = self._track
        return track.sent if track is not None and track.reply == reply else 0

    async def wait_for_room(self, seconds: float) -> None:
        """Wait until less than ``seconds`` of sound is queued."""
        while self.buffered_seconds >= seconds:
            self._room.clear()
            await self._room.wait()

    def _open_track(self, reply: str) -> Track | None:
        """The track of a reply, if the reply is the current one and may still get sound."""
        track = self._track
        return track if track is not None and track.reply == reply and not track.finished else None

    def take(self, *, silence: bool = True) -> bytes | None:
        """The next 20 ms, stereo 16-bit at 48,000 Hz: 3,840 bytes. Never blocks.

        Returns ``None`` between replies and while the playback is held. In an underrun, returns silence for the first
        :data:`MAX_GAP` seconds and then ``None``. Without ``silence``, it returns ``None`` when sound is late, and does
        not count that as an underrun yet.

        :meth:`report` tells the listener what was taken; the next call of this method does so at the latest.
        """
        self.report()
        frame = self._take(silence)
        if frame is None:
            self.report()
        return frame

    def report(self) -> None:
        """Tell the listener what was taken. The sending thread calls it as soon as it has sent the frame."""
        while self._unreported:
            # When a call ends, its event loop may be closed while the sending thread still has a frame.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._unreported.popleft())

    def _take(self, silence: bool) -> bytes | None:
        if self._held:
            # The silence of a hold does not count as an underrun.
            if self._track is not None:
                self._track.underrun_since = None
            return None
        while True:
            match self._queue.take():
                case None:
                    return self._underrun() if silence else None
                case Frame(track, pcm, samples):
                    return self._play(track, pcm, samples)
                case Mark(track, number, _):
                    if self.listener is not None:
                        self._call_on_loop(self.listener.marked, track.reply, number, self._clock())
                case Pause(track):
                    track.paused, track.underrun_since = True, None
                case End(track):
                    if self.listener is not None:
                        self._call_on_loop(
                            self.listener.drained, track.reply, self._clock(), track.sent, track.underruns
                        )

    def _play(self, track: Track, pcm: Samples, samples: int) -> bytes:
        """Count a frame as sent. Returns it as stereo 16-bit PCM at the current volume."""
        if not track.started:
            track.started = True
            self.sounding = track.reply
            self._making = None
            if self.listener is not None:
                self._call_on_loop(self.listener.first_frame, track.reply, self._clock())
        if track.underrun_since is not None:
            # A thread that was late takes frames faster than every 20 ms, until it has caught up. Then it may have sent
            # more silence than the gap lasted.
            lasted = round((self._clock() - track.underrun_since) / FRAME_SECONDS)
            track.underruns += max(lasted, track.silent_frames)
            track.underrun_since = None
        track.paused = False
        track.sent += samples
        if not self._room.is_set():
            self._call_on_loop(self._room.set)
        return np.repeat(to_int16(pcm * np.float32(self._volume)), 2).tobytes()

    def _underrun(self) -> bytes | None:
        """A frame of silence if a reply has begun and its sound is late; ``None`` otherwise, or after a long gap."""
        track = self._track
        if track is None or not track.started or track.paused or track.finished:
            return None
        now = self._clock()
        if track.underrun_since is None:
            track.underrun_since, track.silent_frames = now, 0
        if now - track.underrun_since >= MAX_GAP:
            return None
        track.silent_frames += 1
        return SILENT_FRAME

    def _call_on_loop(self, callback: Callable[[Unpack[Arguments]], None], *arguments: *Arguments) -> None:
        self._unreported.append(partial(callback, *arguments))

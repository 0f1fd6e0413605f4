"""Queue of the bot's speech: cuts sound into frames of 20 ms for the sending thread, and counts what was sent."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVarTuple, Unpack

import numpy as np

from audio.pcm import to_int16
from audio.samples import SPEAKING_RATE, Samples

FRAME_SAMPLES = 960
"""Number of samples in a frame: 20 ms at 48,000 Hz."""
SILENT_FRAME = bytes(FRAME_SAMPLES * 2 * 2)
"""20 ms of stereo 16-bit silence."""
FRAME_SECONDS = FRAME_SAMPLES / SPEAKING_RATE
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


@dataclass(slots=True, eq=False)
class _Track:
    """The sound of one reply.

    The sending thread changes ``sent``, ``underruns``, ``started``, ``paused``, ``underrun_since`` and
    ``silent_frames``. The event loop changes all other attributes.

    Attributes:
        queued: number of samples that were queued.
        sent: number of samples that the sending thread has taken.
        underruns: length of the past underruns, in frames of 20 ms.
        started: whether the first frame was taken.
        paused: whether silence is allowed now, so that it is no underrun.
        underrun_since: start of the current underrun, in monotonic seconds.
        silent_frames: number of frames of silence that were sent in the current underrun.
        finished: whether there will be no more sound.
        rest: queued samples that do not fill a frame yet.
    """

    reply: str
    queued: int = 0
    sent: int = 0
    underruns: int = 0
    started: bool = False
    paused: bool = False
    underrun_since: float | None = None
    silent_frames: int = 0
    finished: bool = False
    rest: Samples | None = None

    @property
    def length(self) -> int:
        """Number of samples so far: those that were queued, and the rest."""
        return self.queued + (0 if self.rest is None else len(self.rest))


@dataclass(frozen=True, slots=True, eq=False)
class _Frame:
    """20 ms of one reply. The first ``samples`` samples are sound of the reply, the others are padding."""

    track: _Track
    pcm: Samples
    samples: int


@dataclass(frozen=True, slots=True)
class _Mark:
    """A place in the queue that is reported when the sending thread passes it: behind the reply's sample ``at``."""

    track: _Track
    number: int
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class _Pause:
    """A place in the queue after which silence is no underrun."""

    track: _Track


@dataclass(frozen=True, slots=True, eq=False)
class _End:
    """The end of a reply's sound."""

    track: _Track


class ReplyPlayback:
    """The playback of a call's replies, one after another. It is the source of frames for the sending thread.

    Only the sending thread calls :meth:`take` and :meth:`report`; everything else is used on the event loop. The two
    threads share a deque, whose operations are atomic. They need no lock, so neither waits for the other.

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
        self._queue: deque[_Frame | _Mark | _Pause | _End] = deque()
        self._track: _Track | None = None
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

        The sending thread is not woken before :meth:`prime`: it would compete with the request to the model.
        """
        self._drop_track()
        self._track = _Track(reply)
        self._making = reply

    def prime(self) -> None:
        """Have the sending thread send silence ahead of the reply."""
        self.wake()

    def write(self, reply: str, samples: Samples) -> None:
        """Queue mono sound at 48,000 Hz, of any length. Sound of a reply that is over is ignored."""
        track = self._open_track(reply)
        if track is None or len(samples) == 0:
            return
        whole = samples if track.rest is None else np.concatenate([track.rest, samples])
        end = len(whole) - len(whole) % FRAME_SAMPLES
        self._queue.extend(
            _Frame(track, whole[at : at + FRAME_SAMPLES], FRAME_SAMPLES) for at in range(0, end, FRAME_SAMPLES)
        )
        track.rest = whole[end:] if end < len(whole) else None
        track.queued += end
        self.wake()

    def mark(self, reply: str, number: int) -> None:
        """Tell the listener when the sound that is written next starts to be sent. The place is exact to a frame."""
        track = self._open_track(reply)
        if track is not None:
            self._queue.append(_Mark(track, number, track.length))

    def pause(self, reply: str) -> None:
        """Allow silence from here on, until more sound of this reply is written. An incomplete frame is padded."""
        track = self._open_track(reply)
        if track is not None:
            self._pad_rest(track)
            self._queue.append(_Pause(track))
            self.wake()

    def trim(self, reply: str, samples: int) -> None:
        """Drop the reply's sound behind its first ``samples`` samples, as far as it was not sent.

        Marks stay: the sound that is written next takes the place of what was dropped.
        """
        track = self._open_track(reply)
        if track is None:
            return
        kept = list[_Mark]()
        excess = track.length - samples
        while excess > 0 and (item := self._last_item(track)) is not None:
            if isinstance(item, _Mark):
                kept.append(item)
                continue
            length = min(item.samples, excess)
            excess -= length
            if length < item.samples:
                track.rest = item.pcm[: item.samples - length]
        self._queue.extend(replace(mark, at=track.length) for mark in reversed(kept))
        self._room.set()

    def _last_item(self, track: _Track) -> _Frame | _Mark | None:
        """Take the last sound or mark from the end of the queue; ``None`` if there is none."""
        if track.rest is not None:
            rest, track.rest = track.rest, None
            return _Frame(track, rest, len(rest))
        with contextlib.suppress(IndexError):
            while True:
                match self._queue.pop():
                    case _Frame(_, _, samples) as frame:
                        track.queued -= samples
                        return frame
                    case _Mark() as mark:
                        return mark
                    case _:
                        # A place where silence was allowed.
                        pass
        return None

    def finish(self, reply: str) -> None:
        """End the reply's sound. An incomplete frame is padded with silence."""
        track = self._open_track(reply)
        if track is None:
            return
        self._pad_rest(track)
        track.finished = True
        self._making = None
        self._queue.append(_End(track))
        self.wake()

    def _pad_rest(self, track: _Track) -> None:
        if track.rest is None:
            return
        padded = np.zeros(FRAME_SAMPLES, np.float32)
        padded[: len(track.rest)] = track.rest
        self._queue.append(_Frame(track, padded, len(track.rest)))
        track.queued += len(track.rest)
        track.rest = None

    def cut(self, reply: str, samples: int) -> None:
        """End the reply's sound after its first ``samples`` samples, rounded up to whole frames.

        What is marked there or later is not reported any more: it does not begin to be heard. If more samples were sent
        already, the sound ends at once. This also works after :meth:`finish`.
        """
        track = self._track
        if track is None or track.reply != reply:
            return
        self._pad_rest(track)
        # The sending thread may take frames meanwhile, from the other end of the queue.
        with contextlib.suppress(IndexError):
            while True:
                item = self._queue.pop()
                if isinstance(item, _Frame):
                    if track.queued - item.samples < samples:
                        self._drop_marks(samples)
                        self._queue.append(item)
                        break
                    track.queued -= item.samples
        track.finished = True
        self._making = None
        self._queue.append(_End(track))
        self._room.set()
        self.wake()

    def _drop_marks(self, samples: int) -> None:
        """Drop the marks at the end of the queue that are behind the first ``samples`` samples.

        Such a mark may be ahead of the frame that has the last of these samples, if that frame has more sound.
        """
        with contextlib.suppress(IndexError):
            while True:
                item = self._queue.pop()
                if not isinstance(item, _Mark) or item.at < samples:
                    self._queue.append(item)
                    return

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

    def _open_track(self, reply: str) -> _Track | None:
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
            try:
                item = self._queue.popleft()
            except IndexError:
                return self._underrun() if silence else None
            match item:
                case _Frame(track, pcm, samples):
                    return self._play(track, pcm, samples)
                case _Mark(track, number, _):
                    if self.listener is not None:
                        self._call_on_loop(self.listener.marked, track.reply, number, self._clock())
                case _Pause(track):
                    track.paused, track.underrun_since = True, None
                case _End(track):
                    if self.listener is not None:
                        self._call_on_loop(
                            self.listener.drained, track.reply, self._clock(), track.sent, track.underruns
                        )

    def _play(self, track: _Track, pcm: Samples, samples: int) -> bytes:
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

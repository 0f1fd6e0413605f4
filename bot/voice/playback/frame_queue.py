"""Queue of a reply's sound: cuts it into frames of 20 ms, which the sending thread takes."""

from __future__ import annotations

import contextlib
from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from audio.samples import SPEAKING_FRAME, Samples


@dataclass(slots=True, eq=False)
class Track:
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
class Frame:
    """20 ms of one reply. The first ``samples`` samples are sound of the reply, the others are padding."""

    track: Track
    pcm: Samples
    samples: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A place behind the reply's first ``at`` samples. It is reported when the sending thread passes it."""

    track: Track
    number: int
    at: int


@dataclass(frozen=True, slots=True, eq=False)
class Pause:
    """A place in the queue after which silence is no underrun."""

    track: Track


@dataclass(frozen=True, slots=True, eq=False)
class End:
    """The end of a reply's sound."""

    track: Track


class FrameQueue:
    """The sound of a reply that waits to be sent, and the marks, pauses and the end in it.

    Only the sending thread calls :meth:`take`, which takes from the front. All other methods are called on the
    event loop, and work from the back. The two threads share a deque, whose operations are atomic. They need no lock,
    so neither waits for the other.
    """

    def __init__(self) -> None:
        self._items: deque[Frame | Mark | Pause | End] = deque()

    def take(self) -> Frame | Mark | Pause | End | None:
        """The next item; ``None`` if there is none."""
        try:
            return self._items.popleft()
        except IndexError:
            return None

    def add(self, track: Track, samples: Samples) -> None:
        """Add sound of any length. What does not fill a frame is the track's rest, until more comes."""
        whole = samples if track.rest is None else np.concatenate([track.rest, samples])
        end = len(whole) - len(whole) % SPEAKING_FRAME
        self._items.extend(
            Frame(track, whole[at : at + SPEAKING_FRAME], SPEAKING_FRAME) for at in range(0, end, SPEAKING_FRAME)
        )
        track.rest = whole[end:] if end < len(whole) else None
        track.queued += end

    def mark(self, track: Track, number: int) -> None:
        """Mark the place at which the sound that is added next begins. The place is exact to a frame."""
        self._items.append(Mark(track, number, track.length))

    def pause(self, track: Track) -> None:
        """Allow silence from here on. The track's rest is padded."""
        self.pad(track)
        self._items.append(Pause(track))

    def pad(self, track: Track) -> None:
        """Fill the frame of the track's rest with silence, if there is a rest."""
        if track.rest is None:
            return
        padded = np.zeros(SPEAKING_FRAME, np.float32)
        padded[: len(track.rest)] = track.rest
        self._items.append(Frame(track, padded, len(track.rest)))
        track.queued += len(track.rest)
        track.rest = None

    def trim(self, track: Track, samples: int) -> None:
        """Drop the sound behind the track's first ``samples`` samples, as far as it was not taken. Marks stay."""
        kept = list[Mark]()
        excess = track.length - samples
        while excess > 0 and (item := self._last_item(track)) is not None:
            if isinstance(item, Mark):
                kept.append(item)
                continue
            length = min(item.samples, excess)
            excess -= length
            if length < item.samples:
                track.rest = item.pcm[: item.samples - length]
        self._items.extend(replace(mark, at=track.length) for mark in reversed(kept))

    def cut(self, track: Track, samples: int) -> None:
        """Drop all that is behind the track's first ``samples`` samples (rounded up to whole frames), also its end.

        The track's rest is padded.
        """
        self.pad(track)
        # The sending thread may take frames meanwhile, from the other end of the queue.
        with contextlib.suppress(IndexError):
            while True:
                item = self._items.pop()
                if isinstance(item, Frame):
                    if track.queued - item.samples < samples:
                        self._drop_marks(samples)
                        self._items.append(item)
                        break
                    track.queued -= item.samples

    def end(self, track: Track) -> None:
        """End a track's sound. The track must have no rest any more; see :meth:`pad`."""
        track.finished = True
        self._items.append(End(track))

    def clear(self) -> None:
        """Drop everything."""
        self._items.clear()

    def _last_item(self, track: Track) -> Frame | Mark | None:
        """Take the last sound or mark from the end of the queue; ``None`` if there is none."""
        if track.rest is not None:
            rest, track.rest = track.rest, None
            return Frame(track, rest, len(rest))
        with contextlib.suppress(IndexError):
            while True:
                match self._items.pop():
                    case Frame(_, _, samples) as frame:
                        track.queued -= samples
                        return frame
                    case Mark() as mark:
                        return mark
                    case _:
                        # A place where silence was allowed: it is dropped too.
                        pass
        return None

    def _drop_marks(self, samples: int) -> None:
        """Drop the marks at the end of the queue that are behind the first ``samples`` samples.

        Such a mark may be ahead of the frame that has the last of these samples, if that frame has more sound.
        """
        with contextlib.suppress(IndexError):
            while True:
                item = self._items.pop()
                if not isinstance(item, Mark) or item.at < samples:
                    self._items.append(item)
                    return

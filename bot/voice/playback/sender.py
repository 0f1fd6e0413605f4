"""The sending thread: takes a frame from the playback every 20 ms and sends it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from audio.samples import FRAME_SECONDS
from bot.voice.transport import FrameSource

_log = logging.getLogger(__name__)

TAIL_FRAMES = 5
"""Frames of silence after a transmission (Discord's rule). Without them, receivers would extrapolate its last frame."""
PRIMING_SECONDS = 3.0
"""Maximum number of seconds of silence that are sent ahead of a reply. Without silence, listeners would miss the
first syllable."""
REBASE_SECONDS = 0.1
"""If a frame is later than this (in seconds), the clock restarts at now. Catching up would send a burst of frames."""
RECONNECT_POLL = 0.05
"""While the connection is down: seconds between two checks whether it is up again."""


class PacketSink(Protocol):
    """Encodes and sends packets. The sending thread calls it. It must not wait and must not raise."""

    @property
    def lead(self) -> float:
        """Seconds of sound that are sent ahead when a reply begins, for listeners that have a buffer; 0 for others."""
        ...

    @property
    def connected(self) -> bool:
        """Whether packets can be sent."""
        ...

    def send(self, pcm: bytes) -> None:
        """Encode, encrypt and send 20 ms of stereo 16-bit PCM."""
        ...

    def send_silence(self) -> None:
        """Send 20 ms of silence. On Discord it is Opus's frame of silence, which is not encrypted end to end."""
        ...

    def set_speaking(self, speaking: bool) -> None:
        """Turn the speaking indicator on or off. On Discord it is the ring around the bot's picture."""
        ...


class FrameClock:
    """The clock of a transmission. Each frame is due 20 ms after the last one was due, so that delays don't add up.

    Attributes:
        due: when the next frame is due, in monotonic seconds.
        lead: a frame may be sent this many seconds before it is due.
        sent: number of frames that were sent.
        late: number of frames that were sent more than 20 ms after they were due.
    """

    def __init__(self) -> None:
        self.due = 0.0
        self.lead = 0.0
        self.sent = 0
        self.late = 0

    def start(self, now: float, lead: float = 0.0) -> None:
        """Start the clock: the next frame is due now. If listeners still have sound that was sent ahead, the clock just
        goes on."""
        if not self.ahead(now):
            self.due, self.lead = now, lead

    def ahead(self, now: float) -> float:
        """Seconds of sound that were sent ahead and that listeners still have; 0 if they have played all of it."""
        return min(self.lead, max(0.0, self.due - now))

    def tick(self, now: float) -> None:
        """Note that the next frame is sent now."""
        self.sent += 1
        behind = now - self.due
        if behind > FRAME_SECONDS:
            self.late += 1
        self.due = now + FRAME_SECONDS if behind > REBASE_SECONDS else self.due + FRAME_SECONDS

    def wait(self, now: float) -> float:
        """Seconds until the next frame may be sent; 0 if it may be sent now."""
        return max(0.0, self.due - self.lead - now)


class _Phase(Enum):
    """The state of the sender.

    ``PRIMING`` sends silence ahead of a reply, ``VOICED`` sends its frames, and ``TAIL`` sends silence after it. In
    ``AHEAD`` there are no frames now, but listeners still have sound that was sent ahead.
    """

    DISCONNECTED = auto()
    IDLE = auto()
    PRIMING = auto()
    VOICED = auto()
    AHEAD = auto()
    TAIL = auto()


_SPEAKING = frozenset({_Phase.VOICED, _Phase.AHEAD})
"""The states in which listeners hear a reply."""


class FrameSender(threading.Thread):
    """Sends the frames of a source. It replaces discord.py's player, which leaves a gap of 40 ms after the first frame.

    Between replies nothing is sent, except for a short silence before and after each reply. While the connection is
    down, no frames are taken from the source, so no sound is lost.

    If listeners have a buffer, it is filled at once when a reply begins: frames are sent up to :attr:`PacketSink.lead`
    before they are due.

    The thread is a daemon, and :meth:`end` stops it within 20 ms. It runs at the process's normal priority, because a
    higher one needs rights that the bot does not ask for. Instead, processes whose work nobody waits for give
    themselves a lower priority.

    Args:
        source: provides the frames. This thread sets the source's ``wake``, to be woken when there are frames.
        sink: encodes and sends the frames.
        sent: called after each voiced frame, with the frame and the time at which it is due, in monotonic seconds. It
            must not wait.
        clock: returns monotonic seconds.

    Attributes:
        timing: the clock of the transmission, with counts of sent and late frames.
    """

    def __init__(
        self,
        source: FrameSource,
        sink: PacketSink,
        *,
        sent: Callable[[bytes, float], None] = lambda pcm, at: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(name="voice sender", daemon=True)
        self.timing = FrameClock()
        self._source = source
        self._sink = sink
        self._sent = sent
        self._clock = clock
        self._ending = threading.Event()
        self._woken = threading.Event()
        self._phase = _Phase.DISCONNECTED
        self._silent_frames = 0
        self._reply: str | None = None
        source.wake = self._woken.set

    def end(self) -> None:
        """Stop the thread and wait for its end. Call it from any other thread."""
        self._ending.set()
        self._woken.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Send until :meth:`end`."""
        try:
            while True:
                # The event is cleared before the step, so that a wake-up during the step is not lost.
                self._woken.clear()
                if self._ending.is_set():
                    return
                self._wait(self.step())
        except Exception:
            _log.exception("The sending thread failed")
        finally:
            if self._phase in _SPEAKING:
                self._sink.set_speaking(False)

    def step(self) -> float | None:
        """Send the frame that is due. Returns the seconds until the next step; ``None`` to wait for a wake-up."""
        if not self._sink.connected:
            self._phase = _Phase.DISCONNECTED
            return RECONNECT_POLL
        if self._phase is _Phase.DISCONNECTED:
            # On Discord, this message also announces the bot's SSRC, the id of its stream. Listeners should know the
            # SSRC before the first frame comes.
            self._sink.set_speaking(False)
            self._phase = _Phase.IDLE
            self.timing.lead = 0.0
        ahead = self.timing.ahead(self._clock())
        frame = self._source.take(silence=not ahead)
        if frame is not None:
            self._send_voiced(frame)
        elif ahead and self._phase in _SPEAKING:
            self._phase = _Phase.AHEAD
            return ahead
        elif self._phase in _SPEAKING or self._phase is _Phase.TAIL:
            return self._send_tail()
        elif self._source.making:
            return self._prime()
        else:
            self._phase = _Phase.IDLE
            return None
        return self.timing.wait(self._clock())

    def _send_voiced(self, frame: bytes) -> None:
        now = self._clock()
        first, reply = self._phase is not _Phase.VOICED, self._source.sounding
        if first:
            self._phase = _Phase.VOICED
            # After a break in a reply, listeners fill their buffer themselves. If frames came in a burst, listeners
            # would take them for late ones.
            self.timing.start(now, self._sink.lead if reply != self._reply else 0.0)
        self._reply = reply
        due = max(now, self.timing.due)
        self.timing.tick(now)
        self._sink.send(frame)
        # These come after the frame, because they wake the event loop, which would compete with the encoder.
        self._source.report()
        self._sent(frame, due)
        if first:
            self._sink.set_speaking(True)

    def _send_tail(self) -> float | None:
        if self._phase is not _Phase.TAIL:
            self._phase, self._silent_frames = _Phase.TAIL, 0
            self.timing.lead = 0.0
            self._sink.set_speaking(False)
        if self._silent_frames == TAIL_FRAMES:
            self._phase = _Phase.IDLE
            return 0.0
        return self._send_silence()

    def _prime(self) -> float | None:
        if self._phase is not _Phase.PRIMING:
            self._phase, self._silent_frames = _Phase.PRIMING, 0
            self.timing.start(self._clock())
        if self._silent_frames * FRAME_SECONDS >= PRIMING_SECONDS:
            return None
        return self._send_silence()

    def _send_silence(self) -> float:
        # New sound may wake this thread before the next frame is due. A frame of silence still waits until it is due.
        # Only the first voiced frame after silence is sent at once, and restarts the clock.
        if self.timing.wait(self._clock()) > 0.001:
            return self.timing.wait(self._clock())
        self.timing.tick(self._clock())
        self._silent_frames += 1
        self._sink.send_silence()
        return self.timing.wait(self._clock())

    def _wait(self, seconds: float | None) -> None:
        if self._phase is _Phase.VOICED:
            # New sound does not wake the thread here, because that would change the 20 ms between two frames.
            self._ending.wait(seconds)
        else:
            self._woken.wait(seconds)

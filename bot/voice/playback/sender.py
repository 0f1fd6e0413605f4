"""The thread that sends: pops a frame every 20 ms, on a clock that the first voiced frame sets."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from bot.voice.transport import FrameSource

_log = logging.getLogger(__name__)

FRAME_SECONDS = 0.02
TAIL_FRAMES = 5
"""Silence after a transmission, so that listeners don't guess on from its last frame (Discord's own rule)."""
PRIMING_SECONDS = 3.0
"""Longest silence sent ahead of a reply, so that a listener's first syllable isn't clipped."""
REBASE_SECONDS = 0.1
"""Where catching up would become a burst: the clock starts anew."""
RECONNECT_POLL = 0.05


class PacketSink(Protocol):
    """Where packets go. Called from the sending thread; must not wait and must not raise."""

    @property
    def connected(self) -> bool:
        """True while packets can be sent."""
        ...

    def send(self, pcm: bytes) -> None:
        """Encode, encrypt and send 20 ms of stereo 16-bit PCM."""
        ...

    def send_silence(self) -> None:
        """Send Opus's frame of silence, which Discord leaves unencrypted end to end."""
        ...

    def set_speaking(self, speaking: bool) -> None:
        """Light the ring around the bot's picture, or put it out."""
        ...


class FrameClock:
    """When the next frame is due: 20 ms after the last was, counted from the first, so that nothing drifts.

    ``late`` counts those of the ``sent`` frames that left more than one frame's length after they were due.
    """

    def __init__(self) -> None:
        self.due = 0.0
        self.sent = 0
        self.late = 0

    def start(self, now: float) -> None:
        """The frame that comes next is due now, and sets the clock."""
        self.due = now

    def tick(self, now: float) -> None:
        """The frame that was due leaves now."""
        self.sent += 1
        behind = now - self.due
        if behind > FRAME_SECONDS:
            self.late += 1
        self.due = now + FRAME_SECONDS if behind > REBASE_SECONDS else self.due + FRAME_SECONDS

    def wait(self, now: float) -> float:
        """Seconds until the next frame is due, not below 0."""
        return max(0.0, self.due - now)


class _Phase(Enum):
    """What the line is doing."""

    DISCONNECTED = auto()
    IDLE = auto()
    PRIMING = auto()
    VOICED = auto()
    TAIL = auto()


class FrameSender(threading.Thread):
    """Replaces discord.py's player, whose clock leaves a hole of 40 ms after the first frame.

    Nothing is sent in silence, but for a few frames ahead of a reply and behind it; the ring is lit while sound is
    sent. While the connection is away the source is left alone, so nothing is lost. Daemonic; :meth:`end` stops it
    within a frame's length. It has the process's own priority: raising a thread's takes rights that we do not ask for,
    so whatever computes has to lower its own.

    Args:
        sent: told each voiced frame, behind its sending, with its monotonic time; must not wait.
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
        source.wake = self._woken.set

    def end(self) -> None:
        """Stop and wait for the thread; from any thread but itself."""
        self._ending.set()
        self._woken.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Send until :meth:`end`."""
        try:
            while True:
                # Cleared before anything is looked at, so that no wake-up can be lost in between.
                self._woken.clear()
                if self._ending.is_set():
                    return
                self._pause(self.step())
        except Exception:
            _log.exception("The sending thread failed")
        finally:
            if self._phase is _Phase.VOICED:
                self._sink.set_speaking(False)

    def step(self) -> float | None:
        """Send what is due; returns the seconds until the next step, ``None`` for "until there is something"."""
        if not self._sink.connected:
            self._phase = _Phase.DISCONNECTED
            return RECONNECT_POLL
        if self._phase is _Phase.DISCONNECTED:
            # Listeners learn here which stream is ours, ahead of the first frame instead of just behind it.
            self._sink.set_speaking(False)
            self._phase = _Phase.IDLE
        frame = self._source.take()
        if frame is not None:
            self._send_voiced(frame)
        elif self._phase is _Phase.VOICED or self._phase is _Phase.TAIL:
            return self._send_tail()
        elif self._source.making:
            return self._prime()
        else:
            self._phase = _Phase.IDLE
            return None
        return self.timing.wait(self._clock())

    def _send_voiced(self, frame: bytes) -> None:
        now = self._clock()
        first = self._phase is not _Phase.VOICED
        if first:
            self._phase = _Phase.VOICED
            self.timing.start(now)
        self.timing.tick(now)
        self._sink.send(frame)
        self._sent(frame, now)
        if first:
            # After the frame: it wakes the event loop, which would compete with the encoder.
            self._sink.set_speaking(True)

    def _send_tail(self) -> float | None:
        if self._phase is _Phase.VOICED:
            self._phase, self._silent_frames = _Phase.TAIL, 0
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
        # Woken before the next one is due: that wake-up is for a voiced frame, and this one stays on the clock.
        if self.timing.wait(self._clock()) > 0.001:
            return self.timing.wait(self._clock())
        self.timing.tick(self._clock())
        self._silent_frames += 1
        self._sink.send_silence()
        return self.timing.wait(self._clock())

    def _pause(self, seconds: float | None) -> None:
        if self._phase is _Phase.VOICED:
            # Sound that arrives meanwhile must not disturb the beat.
            self._ending.wait(seconds)
        else:
            self._woken.wait(seconds)

"""The audio input of a browser call: sound from the socket becomes frames of the person's sound."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable

from audio.pcm import SAMPLE_BYTES, from_pcm16
from audio.samples import HEARING_FRAME, HEARING_RATE
from bot.voice.frames import AudioFrame, PersonLeft, TransmissionEnded
from bot.voice.transport import Admits, InputThread
from bot.voice.turn import Microphone

MAX_AHEAD = 2.0
"""Largest number of seconds that the sound may be ahead of the clock."""
MAX_BEHIND = 30.0
"""Largest number of seconds that the sound may catch up, after a pause of the person or of the network."""
GAP = 0.5
"""If no sound comes for this many seconds, the transmission has ended. TCP loses nothing, but it may stall."""
MAX_PUT_OFF = 1.0
"""Largest number of seconds by which a long piece of sound delays the end of the transmission.

A piece delays the end by its own length, since the client needs this time to record the next piece.
"""
KEPT_EARLY = 5.0
"""Seconds of sound that are kept while the call begins."""


def seconds_of(pcm: bytes | bytearray) -> float:
    """The length of a sound in seconds."""
    return len(pcm) / (SAMPLE_BYTES * HEARING_RATE)


class SoundClock:
    """Compares the length of a client's sound with the clock.

    Sound is recorded as fast as time passes. Sound that keeps coming faster is not live, and would fill the memory.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._at = clock()
        self._ahead = 0.0

    def take(self, seconds: float) -> bool:
        """Count a piece of sound. Returns False if the sound is more than :data:`MAX_AHEAD` ahead now."""
        now = self._clock()
        self._ahead = max(self._ahead - (now - self._at), -MAX_BEHIND) + seconds
        self._at = now
        return self._ahead <= MAX_AHEAD


class BrowserAudioInput:
    """The :class:`~bot.voice.transport.AudioInput` of a browser call.

    :meth:`start`, :meth:`stop`, :meth:`feed`, :meth:`end_transmission` and :meth:`person_changed` are called on the
    event loop, and all other methods on the input thread. Sound that comes before :meth:`start` is kept, within
    :data:`KEPT_EARLY`.

    Args:
        person: returns the id of the person who speaks.
        clock: returns monotonic seconds.

    Attributes:
        microphone: the kind of the person's microphone; ``None`` if the client doesn't tell it. The event loop sets it.
    """

    def __init__(self, person: Callable[[], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        self.microphone: Microphone | None = None
        self._person = person
        self._clock = clock
        self._thread: InputThread | None = None
        self._admits: Admits = lambda _: False
        self._early: deque[tuple[int, bytes, float, Microphone | None]] = deque()
        self._stopped = False
        # Only the input thread uses these: the person who transmits now, the time of the last frame, when the
        # transmission counts as ended, and whether the last transmission ended only because no more sound came.
        self._transmitting: int | None = None
        self._last_at = -math.inf
        self._ends_at = 0.0
        self._stalled = False

    def start(self, thread: InputThread, admits: Admits) -> None:
        """Begin to pass the frames of admitted people to ``thread``, the early ones first."""
        self._thread, self._admits = thread, admits
        while self._early:
            thread.offer(self._receive, *self._early.popleft())

    def stop(self) -> None:
        """Stop passing frames."""
        self._stopped = True
        self._early.clear()

    def feed(self, pcm: bytes) -> None:
        """Take sound of the person: 16-bit mono, 16,000 Hz, of any length."""
        if self._stopped or not pcm:
            return
        piece = self._person(), pcm, self._clock(), self.microphone
        if self._thread is not None:
            self._thread.offer(self._receive, *piece)
            return
        self._early.append(piece)
        while sum(seconds_of(early) for _, early, *_ in self._early) > KEPT_EARLY and len(self._early) > 1:
            self._early.popleft()

    def end_transmission(self) -> None:
        """End the transmission, because the person has muted the microphone or released a key."""
        if self._thread is not None and not self._stopped:
            self._thread.post(self._end, self._clock(), True)

    def person_changed(self, before: int) -> None:
        """Forget the sound of the person who was in the call before."""
        if self._thread is not None and not self._stopped:
            self._thread.person_left(before)

    # The methods from here on are called only on the input thread.

    @property
    def deadline(self) -> float | None:
        """Time at which :meth:`tick` is due, in monotonic seconds; ``None`` if nothing is due."""
        return self._ends_at if self._transmitting is not None else None

    def tick(self, now: float) -> None:
        """End the transmission if no more sound has come."""
        if self._transmitting is not None and self._ends_at <= now:
            self._end(now, False)

    def person_left(self, person: int, at: float) -> None:
        """Report that a person has left, or is no longer listened to."""
        if self._transmitting == person:
            self._transmitting = None
        if self._thread is not None:
            self._thread.receive(PersonLeft(person, at))

    def _receive(self, person: int, pcm: bytes, at: float, microphone: Microphone | None) -> None:
        if self._thread is None or not self._admits(person):
            return
        sound = from_pcm16(pcm)
        self._transmitting = person
        # A client that names its microphone also announces pauses. If it announced none, the sound was only delayed.
        delayed, self._stalled = self._stalled and microphone is not None, False
        for start in range(0, len(sound), HEARING_FRAME):
            frame = sound[start : start + HEARING_FRAME]
            # A long piece was recorded before it arrived: its last sample at that moment, its first one earlier.
            self._last_at = max(self._last_at, at - (len(sound) - start - len(frame)) / HEARING_RATE)
            self._thread.receive(AudioFrame(person, frame, self._last_at, microphone, delayed and start == 0))
        # The sound may have waited for this thread, so the gap is measured from now.
        self._ends_at = self._clock() + GAP + min(seconds_of(pcm), MAX_PUT_OFF)

    def _end(self, at: float, announced: bool) -> None:
        person, self._transmitting = self._transmitting, None
        self._stalled = not announced
        if person is not None and self._thread is not None:
            self._thread.receive(TransmissionEnded(person, at, announced))

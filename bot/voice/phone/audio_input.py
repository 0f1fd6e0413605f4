"""The audio input of a phone call: G.711 from the line becomes frames of the caller's sound."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

from audio.g711 import Law, decode_g711
from audio.narrow_band import FromTelephone
from audio.pcm import from_pcm16
from audio.samples import HEARING_FRAME, Samples
from audio.telephony import TELEPHONE_RATE
from bot.voice.frames import AudioFrame, PersonLeft, TransmissionEnded
from bot.voice.transport import Admits, InputThread
from bot.voice.turn import Microphone

PAUSE = 0.5
"""If no sound comes for this many seconds, the transmission has ended. A telephone sends without a break, unless its
owner has muted it, or it leaves out silence."""
MAX_GAP = TELEPHONE_RATE
"""Longest gap that is filled with silence, in samples at 8,000 Hz. A longer one is a pause."""


class PhoneAudioInput:
    """The :class:`~bot.voice.transport.AudioInput` of a phone call.

    :meth:`sound`, :meth:`gap`, :meth:`start` and :meth:`stop` are called on the event loop, and all other methods on
    the input thread. Sound that comes before :meth:`start` is dropped: nobody listens yet.

    Args:
        person: id of the caller.
        law: the law of the line's sound.
        clock: returns monotonic seconds.
    """

    def __init__(self, person: int, law: Law, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._person = person
        self._law = law
        self._clock = clock
        self._thread: InputThread | None = None
        self._admits: Admits = lambda _: False
        self._stopped = False
        # Only the input thread uses these: the converter of the running transmission, the time at which the
        # transmission counts as over, and whether the sound has stopped and not come back yet.
        self._converter: FromTelephone | None = None
        self._ends_at = 0.0
        self._stalled = False

    def start(self, thread: InputThread, admits: Admits) -> None:
        """Begin to pass the caller's frames to ``thread``."""
        self._thread, self._admits = thread, admits

    def stop(self) -> None:
        """Stop passing frames."""
        self._stopped = True

    def sound(self, data: bytes, at: float) -> None:
        """Take the next sound of the caller, which arrived at ``at``."""
        if self._thread is not None and not self._stopped and data:
            self._thread.offer(self._receive, data, at)

    def gap(self, samples: int, at: float) -> None:
        """Put silence of this length (8,000 Hz) where sound was lost."""
        if self._thread is not None and not self._stopped and 0 < samples <= MAX_GAP:
            self._thread.offer(self._fill, samples, at)

    # The methods from here on are called only on the input thread.

    @property
    def deadline(self) -> float | None:
        """Time at which :meth:`tick` is due, in monotonic seconds; ``None`` if nothing is due."""
        return self._ends_at if self._converter is not None else None

    def tick(self, now: float) -> None:
        """End the transmission if no more sound has come."""
        if self._converter is None or now < self._ends_at or self._thread is None:
            return
        self._converter, self._stalled = None, True
        self._thread.receive(TransmissionEnded(self._person, now, announced=False))

    def person_left(self, person: int, at: float) -> None:
        """Report that the caller has left, or is no longer listened to."""
        if person == self._person:
            self._converter, self._stalled = None, False
        if self._thread is not None:
            self._thread.receive(PersonLeft(person, at))

    def _receive(self, data: bytes, at: float) -> None:
        self._pass_on(from_pcm16(decode_g711(data, self._law).tobytes()), at)

    def _fill(self, samples: int, at: float) -> None:
        if self._converter is not None:
            self._pass_on(np.zeros(samples, np.float32), at)

    def _pass_on(self, sound: Samples, at: float) -> None:
        if self._thread is None or not self._admits(self._person):
            return
        if self._converter is None:
            self._converter = FromTelephone()
        delayed, self._stalled = self._stalled, False
        heard = self._converter.convert(sound)
        for start in range(0, len(heard), HEARING_FRAME):
            frame = heard[start : start + HEARING_FRAME]
            self._thread.receive(AudioFrame(self._person, frame, at, Microphone.OPEN, delayed and start == 0))
        # The sound may have waited for this thread, so the pause is measured from now.
        self._ends_at = self._clock() + PAUSE

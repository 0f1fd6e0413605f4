"""Voice messages as Discord has them: mono Opus in Ogg, with the exact length and the waveform that Discord shows."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np
from numpy.typing import NDArray

from audio.pcm import to_int16
from audio.samples import SPEAKING_RATE, Samples, finite

MAX_POINTS = 256
"""Maximum number of points of a waveform."""
POINT_SAMPLES = SPEAKING_RATE // 10
"""Number of samples that one point of a short message's waveform stands for (100 ms)."""
BITS_PER_SECOND = 48_000
"""At this bit rate, speech sounds as it did before it was encoded."""
_LOUDEST = 255


@dataclass(frozen=True, slots=True)
class VoiceMessage:
    """A voice message.

    Attributes:
        ogg: the file.
        seconds: its length.
        waveform: the loudness of its parts, a byte each, at most :data:`MAX_POINTS`. The loudest one is 255.
    """

    ogg: bytes = field(repr=False)
    seconds: float
    waveform: bytes = field(repr=False)


class VoiceMessageEncoder:
    """Encodes one voice message while its sound is made. CPU-bound: call it in a thread."""

    def __init__(self) -> None:
        self._file = io.BytesIO()
        self._container = av.open(self._file, "w", format="ogg")
        stream = self._container.add_stream("libopus", rate=SPEAKING_RATE, layout="mono", format="s16")
        if not isinstance(stream, av.AudioStream):
            raise TypeError("libopus is not an audio codec")
        stream.bit_rate = BITS_PER_SECOND
        self._stream = stream
        self._count = 0
        self._powers: list[NDArray[np.float64]] = []
        self._rest: Samples = np.zeros(0, np.float32)

    @property
    def seconds(self) -> float:
        """The length of the sound so far."""
        return self._count / SPEAKING_RATE

    def encode(self, samples: Samples) -> None:
        """Add mono sound at 48,000 Hz."""
        if not len(samples):
            return
        samples = np.clip(finite(samples), -1, 1)
        frame = av.AudioFrame.from_ndarray(to_int16(samples)[np.newaxis], format="s16", layout="mono")
        # If the frame has no time, FFmpeg counts the encoder's delay twice, and the file is 6.5 ms too long.
        frame.sample_rate, frame.pts, frame.time_base = SPEAKING_RATE, self._count, Fraction(1, SPEAKING_RATE)
        self._container.mux(self._stream.encode(frame))
        self._count += len(samples)
        measured = np.concatenate((self._rest, samples))
        whole = len(measured) // POINT_SAMPLES * POINT_SAMPLES
        self._powers.append(_powers(measured[:whole].reshape(-1, POINT_SAMPLES)))
        self._rest = measured[whole:]

    def finish(self) -> VoiceMessage:
        """End the message. Returns the whole of it."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        rest = self._rest[np.newaxis] if len(self._rest) else np.zeros((0, 1), np.float32)
        powers = np.concatenate((*self._powers, _powers(rest)))
        return VoiceMessage(self._file.getvalue(), self.seconds, waveform(powers))


def waveform(powers: NDArray[np.float64]) -> bytes:
    """The waveform of sound whose parts have these powers (mean squares). Silence and no sound give a flat line."""
    if not len(powers):
        return bytes(1)
    parts = np.array_split(powers, MAX_POINTS) if len(powers) > MAX_POINTS else np.split(powers, len(powers))
    levels = np.sqrt([part.mean() for part in parts])
    loudest = levels.max()
    return bytes(np.rint(levels / loudest * _LOUDEST).astype(np.uint8)) if loudest > 0 else bytes(len(levels))


def _powers(parts: NDArray[np.float32]) -> NDArray[np.float64]:
    powers: NDArray[np.float64] = np.mean(np.square(parts, dtype=np.float64), axis=1)
    return powers

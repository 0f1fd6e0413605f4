"""Telephone encoders: 8,000 Hz, frames of 20 ms, 16-bit PCM or G.711 (A-law or u-law)."""

from __future__ import annotations

import numpy as np
from typing_extensions import override

from audio.encoders import Encoder
from audio.g711 import Law, encode_g711
from audio.pcm import to_int16, to_pcm16
from audio.samples import Samples

TELEPHONE_RATE = 8_000
FRAME_SAMPLES = 160
"""Samples per frame (20 ms)."""

# Names from RFC 3551.
_CONTENT_TYPES: dict[Law, str] = {"alaw": "audio/PCMA", "ulaw": "audio/PCMU"}


class _Frames:
    """Divides sound into complete frames; the last one is padded with silence."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)

    def take_complete(self, samples: Samples) -> Samples:
        """All complete frames so far, as one array."""
        waiting = np.concatenate([self._rest, samples])
        cut = len(waiting) - len(waiting) % FRAME_SAMPLES
        self._rest = waiting[cut:]
        return waiting[:cut]

    def flush(self) -> Samples:
        """The remaining samples, padded with silence to a complete frame; empty if there are none."""
        rest, self._rest = self._rest, np.zeros(0, np.float32)
        return np.pad(rest, (0, -len(rest) % FRAME_SAMPLES))


class TelephonePcmEncoder(Encoder):
    """16-bit little-endian PCM in complete frames of 320 bytes."""

    content_type = "audio/pcm"

    def __init__(self) -> None:
        self._frames = _Frames()

    @override
    def encode(self, samples: Samples) -> bytes:
        return to_pcm16(self._frames.take_complete(samples))

    @override
    def finish(self) -> bytes:
        return to_pcm16(self._frames.flush())


class G711Encoder(Encoder):
    """A-law or u-law in complete frames of 160 bytes."""

    def __init__(self, law: Law) -> None:
        self.content_type = _CONTENT_TYPES[law]
        self._law = law
        self._frames = _Frames()

    @override
    def encode(self, samples: Samples) -> bytes:
        return encode_g711(to_int16(self._frames.take_complete(samples)), self._law)

    @override
    def finish(self) -> bytes:
        return encode_g711(to_int16(self._frames.flush()), self._law)

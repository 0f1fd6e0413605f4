"""Telephone encoders: 8,000 Hz, frames of 20 ms, 16-bit PCM or G.711 (A-law or mu-law)."""

from __future__ import annotations

from typing import Literal

import av
import numpy as np
from typing_extensions import override

from audio.encoders import Encoder
from audio.pcm import to_int16, to_pcm16
from audio.samples import Samples

TELEPHONE_RATE = 8_000
FRAME_SAMPLES = 160
"""Samples per frame (20 ms)."""

_CODECS: dict[Literal["alaw", "ulaw"], str] = {"alaw": "pcm_alaw", "ulaw": "pcm_mulaw"}
# Names from RFC 3551.
_CONTENT_TYPES: dict[Literal["alaw", "ulaw"], str] = {"alaw": "audio/PCMA", "ulaw": "audio/PCMU"}


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
    """A-law or mu-law in complete frames of 160 bytes."""

    def __init__(self, law: Literal["alaw", "ulaw"]) -> None:
        self.content_type = _CONTENT_TYPES[law]
        self._frames = _Frames()
        codec = av.CodecContext.create(_CODECS[law], "w")
        if not isinstance(codec, av.AudioCodecContext):
            raise TypeError(f"{law} is not an audio codec")
        codec.sample_rate = TELEPHONE_RATE
        codec.layout = "mono"
        codec.format = "s16"
        self._codec = codec

    @override
    def encode(self, samples: Samples) -> bytes:
        return self._compressed(self._frames.take_complete(samples))

    @override
    def finish(self) -> bytes:
        return self._compressed(self._frames.flush())

    def _compressed(self, samples: Samples) -> bytes:
        if not len(samples):
            return b""
        sound = to_int16(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate = TELEPHONE_RATE
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))

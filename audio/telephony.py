"""What telephone lines carry: 8,000 Hz, in whole frames of 20 ms, as 16-bit samples or in G.711's 8 bits."""

from __future__ import annotations

from typing import Literal

import av
import numpy as np

from audio.pcm import to_int16, to_pcm16
from audio.samples import Samples

TELEPHONE_RATE = 8_000
FRAME_SAMPLES = 160
"""20 ms."""

_CODECS: dict[Literal["alaw", "ulaw"], str] = {"alaw": "pcm_alaw", "ulaw": "pcm_mulaw"}
# As RFC 3551 calls them.
_CONTENT_TYPES: dict[Literal["alaw", "ulaw"], str] = {"alaw": "audio/PCMA", "ulaw": "audio/PCMU"}


class _Frames:
    """Cuts sound into whole frames; silence fills the last."""

    def __init__(self) -> None:
        self._rest = np.zeros(0, np.float32)

    def whole(self, samples: Samples) -> Samples:
        """Every frame that is whole now, as one array."""
        waiting = np.concatenate([self._rest, samples])
        cut = len(waiting) - len(waiting) % FRAME_SAMPLES
        self._rest = waiting[cut:]
        return waiting[:cut]

    def last(self) -> Samples:
        """The frame that was left, if one was."""
        rest, self._rest = self._rest, np.zeros(0, np.float32)
        return np.pad(rest, (0, -len(rest) % FRAME_SAMPLES))


class TelephonePcmEncoder:
    """16-bit little-endian samples in whole frames of 320 bytes."""

    content_type = "audio/pcm"

    def __init__(self) -> None:
        self._frames = _Frames()

    def encode(self, samples: Samples) -> bytes:
        """As :meth:`Encoder.encode`."""
        return to_pcm16(self._frames.whole(samples))

    def finish(self) -> bytes:
        """As :meth:`Encoder.finish`."""
        return to_pcm16(self._frames.last())


class G711Encoder:
    """A-law or mu-law in whole frames of 160 bytes."""

    def __init__(self, law: Literal["alaw", "ulaw"]) -> None:
        self.content_type = _CONTENT_TYPES[law]
        self._frames = _Frames()
        codec = av.CodecContext.create(_CODECS[law], "w")
        if not isinstance(codec, av.AudioCodecContext):
            raise TypeError(f"{law} is no audio codec")
        codec.sample_rate = TELEPHONE_RATE
        codec.layout = "mono"
        codec.format = "s16"
        self._codec = codec

    def encode(self, samples: Samples) -> bytes:
        """As :meth:`Encoder.encode`."""
        return self._compressed(self._frames.whole(samples))

    def finish(self) -> bytes:
        """As :meth:`Encoder.finish`."""
        return self._compressed(self._frames.last())

    def _compressed(self, samples: Samples) -> bytes:
        if not len(samples):
            return b""
        sound = to_int16(samples).reshape(1, -1)
        frame = av.AudioFrame.from_ndarray(sound, format="s16", layout="mono")
        frame.sample_rate = TELEPHONE_RATE
        return b"".join(bytes(packet) for packet in self._codec.encode(frame))

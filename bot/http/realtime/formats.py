"""Turns a Realtime client's sound into that of the call, and the call's into the format that the client wants."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
import soxr

from audio.g711 import Law, decode_g711, encode_g711
from audio.pcm import SAMPLE_BYTES, from_pcm16, to_int16, to_pcm16
from audio.samples import HEARING_RATE
from bot.http.realtime.session import A_LAW, PCM, RATES, U_LAW, RealtimeError

_LAWS: Mapping[str, Law] = MappingProxyType({U_LAW: "ulaw", A_LAW: "alaw"})
_CALL_RATE = RATES[PCM]
"""Sample rate of the call's sound to this client, in Hz."""
_QUALITY = "MQ"
"""Telephones need no better filter, and a longer one would delay the sound more."""


class SoundDecoder:
    """Turns a client's sound into 16-bit mono at 16,000 Hz, piece by piece."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._resampler = soxr.ResampleStream(RATES[kind], HEARING_RATE, 1)

    def decode(self, data: bytes) -> bytes:
        """Decode a piece; raises :class:`RealtimeError` if it has half a sample."""
        law = _LAWS.get(self._kind)
        if law is not None:
            samples = from_pcm16(decode_g711(data, law).tobytes())
        elif len(data) % SAMPLE_BYTES:
            raise RealtimeError("invalid_value", "The sound has half a sample: it must be 16-bit mono.", "audio")
        else:
            samples = from_pcm16(data)
        return to_pcm16(self._resampler.resample_chunk(samples))


class SoundEncoder:
    """Turns the sound of one answer, 16-bit mono at 24,000 Hz, into the client's format, piece by piece."""

    def __init__(self, kind: str) -> None:
        self._law = _LAWS.get(kind)
        self._resampler = soxr.ResampleStream(_CALL_RATE, RATES[kind], 1, quality=_QUALITY)

    def encode(self, pcm: bytes) -> bytes:
        """Encode a piece. It may be empty at the beginning, since the resampler looks ahead a little."""
        return pcm if self._law is None else self._resampled(pcm, self._law, last=False)

    def rest(self) -> bytes:
        """What the resampler still has at the end of the answer."""
        return b"" if self._law is None else self._resampled(b"", self._law, last=True)

    def _resampled(self, pcm: bytes, law: Law, *, last: bool) -> bytes:
        samples = self._resampler.resample_chunk(from_pcm16(pcm), last=last)
        return encode_g711(to_int16(np.asarray(samples)), law)

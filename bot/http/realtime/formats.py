"""Turns a Realtime client's sound into that of the call, and the call's into the format that the client wants."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import soxr

from audio.g711 import Law, decode_g711, encode_g711
from audio.narrow_band import FromTelephone, ToTelephone
from audio.pcm import SAMPLE_BYTES, from_pcm16, to_int16, to_pcm16
from audio.samples import HEARING_RATE
from bot.http.realtime.session import A_LAW, PCM, RATES, U_LAW, RealtimeError

_LAWS: Mapping[str, Law] = MappingProxyType({U_LAW: "ulaw", A_LAW: "alaw"})
_CALL_RATE = RATES[PCM]
"""Sample rate of the call's sound to this client, in Hz."""


class SoundDecoder:
    """Turns a client's sound into 16-bit mono at 16,000 Hz, piece by piece."""

    def __init__(self, kind: str) -> None:
        self._law = _LAWS.get(kind)
        self._from_telephone = FromTelephone()
        self._resampler = soxr.ResampleStream(RATES[PCM], HEARING_RATE, 1)

    def decode(self, data: bytes) -> bytes:
        """Decode a piece; raises :class:`RealtimeError` if it has half a sample."""
        if self._law is not None:
            samples = from_pcm16(decode_g711(data, self._law).tobytes())
            return to_pcm16(self._from_telephone.convert(samples))
        if len(data) % SAMPLE_BYTES:
            raise RealtimeError("invalid_value", "The sound has half a sample: it must be 16-bit mono.", "audio")
        return to_pcm16(self._resampler.resample_chunk(from_pcm16(data)))


class SoundEncoder:
    """Turns the sound of one answer, 16-bit mono at 24,000 Hz, into the client's format, piece by piece."""

    def __init__(self, kind: str) -> None:
        self._law = _LAWS.get(kind)
        self._to_telephone = ToTelephone(_CALL_RATE)

    def encode(self, pcm: bytes) -> bytes:
        """Encode a piece."""
        return (
            pcm if self._law is None else encode_g711(to_int16(self._to_telephone.convert(from_pcm16(pcm))), self._law)
        )

    def rest(self) -> bytes:
        """What the filter still has at the end of the answer."""
        return b"" if self._law is None else encode_g711(to_int16(self._to_telephone.finish()), self._law)

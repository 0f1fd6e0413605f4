"""The formats that an answer may have: what each is called, and at which sample rates there is one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from audio.encoders import Encoder, FfmpegEncoder, PcmEncoder, WavEncoder
from audio.telephony import TELEPHONE_RATE, G711Encoder, TelephonePcmEncoder

DEFAULT_RATE = 24_000
"""What OpenAI's ``pcm`` has; the other formats have it here too, but for the telephone's."""
_RATES = (8_000, 16_000, 22_050, 24_000, 44_100, 48_000)
_OPUS_RATES = (8_000, 16_000, 24_000, 48_000)


@dataclass(frozen=True, slots=True)
class Format:
    """One of them. ``rates`` are in Hz, the first is the one for who names none; ``encoder`` makes one for a rate."""

    rates: tuple[int, ...]
    encoder: Callable[[int], Encoder]


def _ffmpeg(container: str, codec: str, content_type: str, rates: tuple[int, ...] = _RATES) -> Format:
    return Format(_from_default(rates), lambda rate: FfmpegEncoder(rate, container, codec, content_type))


def _from_default(rates: tuple[int, ...]) -> tuple[int, ...]:
    return (DEFAULT_RATE, *(rate for rate in rates if rate != DEFAULT_RATE))


def _pcm(rate: int) -> Encoder:
    return TelephonePcmEncoder() if rate == TELEPHONE_RATE else PcmEncoder()


FORMATS: dict[str, Format] = {
    "mp3": _ffmpeg("mp3", "libmp3lame", "audio/mpeg"),
    "opus": _ffmpeg("ogg", "libopus", "audio/ogg", _OPUS_RATES),
    "aac": _ffmpeg("adts", "aac", "audio/aac"),
    "flac": _ffmpeg("flac", "flac", "audio/flac"),
    "wav": Format(_from_default(_RATES), WavEncoder),
    "pcm": Format(_from_default(_RATES), _pcm),
    "g711_alaw": Format((TELEPHONE_RATE,), lambda _: G711Encoder("alaw")),
    "g711_ulaw": Format((TELEPHONE_RATE,), lambda _: G711Encoder("ulaw")),
}
"""By OpenAI's names for them; those of G.711 are from its realtime API."""

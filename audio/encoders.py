"""Encoders from samples to file formats: streaming encoders, and writers of whole files."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import av
import numpy as np
from typing_extensions import override

from audio.pcm import to_int16, to_pcm16
from audio.samples import Samples
from audio.wav import wav_header


class Encoder(Protocol):
    """Encodes one sound. CPU-bound: call it in a thread."""

    content_type: str

    def encode(self, samples: Samples) -> bytes:
        """Encode mono float32 samples at the encoder's rate. Returns the bytes that are ready."""
        ...

    def finish(self) -> bytes:
        """End the sound. Returns the remaining bytes."""
        ...


class PcmEncoder(Encoder):
    """16-bit little-endian PCM without a header."""

    content_type = "audio/pcm"

    @override
    def encode(self, samples: Samples) -> bytes:
        return to_pcm16(samples)

    @override
    def finish(self) -> bytes:
        return b""


class WavEncoder(Encoder):
    """A WAV stream. Its header is sent first, so the header says that the length is unknown, as in OpenAI's answers."""

    content_type = "audio/wav"

    def __init__(self, rate: int) -> None:
        self._header = wav_header(rate, None)

    @override
    def encode(self, samples: Samples) -> bytes:
        return self._take_header() + to_pcm16(samples)

    @override
    def finish(self) -> bytes:
        return self._take_header()

    def _take_header(self) -> bytes:
        header, self._header = self._header, b""
        return header


class _Collector:
    """A write-only file in memory. :meth:`take` returns what was written since the last call."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


# Without these options FFmpeg writes only after 32 KB, or in Ogg after a second of sound, which delays the first audio.
# An MP3 encoder would seek back to write the Xing header, which a stream can't do.
_FLUSH_OPTIONS = {"flush_packets": "1"}
_OPTIONS = {"mp3": {"write_xing": "0"}, "ogg": {"page_duration": "40000"}}
# FFmpeg's default for MP3 at 24 kHz is 32 kbit/s, which removes everything above 8 kHz.
_BITS_PER_SECOND = {"mp3": 128_000, "aac": 96_000}
# MP3's highest bit rate at sample rates up to 12 kHz is 64 kbit/s.
_LOW_RATE = 12_000
_LOW_RATE_BITS_PER_SECOND = 64_000


class FfmpegEncoder(Encoder):
    """Encodes to any container and codec of FFmpeg, through PyAV."""

    def __init__(self, rate: int, container: str, codec: str, content_type: str) -> None:
        self.content_type = content_type
        self._file = _Collector()
        options = _FLUSH_OPTIONS | _OPTIONS.get(container, {})
        self._container = av.open(self._file, "w", format=container, options=options)
        stream = self._container.add_stream(codec, rate=rate)
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{codec} is not an audio codec")
        stream.layout = "mono"
        if container in _BITS_PER_SECOND:
            stream.bit_rate = _LOW_RATE_BITS_PER_SECOND if rate <= _LOW_RATE else _BITS_PER_SECOND[container]
        self._stream = stream
        self._rate = rate

    @override
    def encode(self, samples: Samples) -> bytes:
        if len(samples):
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
            frame.sample_rate = self._rate
            self._container.mux(self._stream.encode(frame))
        return self._file.take()

    @override
    def finish(self) -> bytes:
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.take()


_CONTAINERS = {"flac": "flac", "libopus": "opus"}


def write_audio_file(
    path: Path, samples: Samples, rate: int, codec: Literal["flac", "libopus"], *, bit_rate: int | None = None
) -> None:
    """Write a FLAC file with 16 bits per sample, or an Ogg Opus file (``libopus``). Blocks.

    Args:
        samples: mono float32.
        rate: sample rate in Hz.
        bit_rate: bits per second, for Opus.
    """
    whole = to_int16(samples)[np.newaxis]
    with av.open(str(path), "w", format=_CONTAINERS[codec]) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono", format="s16")
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{codec} is not an audio codec")
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        for start in range(0, len(samples), rate):
            frame = av.AudioFrame.from_ndarray(whole[:, start : start + rate], format="s16", layout="mono")
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

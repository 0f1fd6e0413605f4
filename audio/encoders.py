"""Samples to file formats: piece by piece, for what goes out before it is whole, or as a whole file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

import av
import numpy as np

from audio.pcm import to_int16, to_pcm16
from audio.samples import Samples
from audio.wav import wav_header


class Encoder(Protocol):
    """Encodes one sound. It computes: call it in a thread."""

    content_type: str

    def encode(self, samples: Samples) -> bytes:
        """Take float32 mono samples at the encoder's rate; returns what is ready."""
        ...

    def finish(self) -> bytes:
        """Returns the rest."""
        ...


class PcmEncoder:
    """16-bit little-endian samples and nothing else."""

    content_type = "audio/pcm"

    def encode(self, samples: Samples) -> bytes:
        """As :meth:`Encoder.encode`."""
        return to_pcm16(samples)

    def finish(self) -> bytes:
        """As :meth:`Encoder.finish`."""
        return b""


class WavEncoder:
    """A WAV file whose header leaves the length open, as OpenAI's does, since it goes out first."""

    content_type = "audio/wav"

    def __init__(self, rate: int) -> None:
        self._header = wav_header(rate, None)

    def encode(self, samples: Samples) -> bytes:
        """As :meth:`Encoder.encode`."""
        return self._take_header() + to_pcm16(samples)

    def finish(self) -> bytes:
        """As :meth:`Encoder.finish`."""
        return self._take_header()

    def _take_header(self) -> bytes:
        header, self._header = self._header, b""
        return header


class _Collector:
    """A file that can only be written to, from which what was written is taken."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def take(self) -> bytes:
        data = b"".join(self._parts)
        self._parts.clear()
        return data


# FFmpeg would otherwise wait for 32 KB, or in Ogg for a second of sound, before it writes: that is the first audio's
# delay. Xing is a header that an MP3 encoder goes back to write at the end; there is no way back here.
_AT_ONCE = {"flush_packets": "1"}
_OPTIONS = {"mp3": {"write_xing": "0"}, "ogg": {"page_duration": "40000"}}
# FFmpeg's own choice for MP3 at 24 kHz is 32 kbit/s, which cuts off what is above 8 kHz.
_BITS_PER_SECOND = {"mp3": 128_000, "aac": 96_000}
# The most that MP3 has at 8 kHz.
_SLOW_RATE, _SLOW_BITS_PER_SECOND = 12_000, 64_000


class FfmpegEncoder:
    """One of FFmpeg's formats, through PyAV."""

    def __init__(self, rate: int, container: str, codec: str, content_type: str) -> None:
        self.content_type = content_type
        self._file = _Collector()
        options = _AT_ONCE | _OPTIONS.get(container, {})
        self._container = av.open(self._file, "w", format=container, options=options)
        stream = self._container.add_stream(codec, rate=rate)
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{codec} is no audio codec")
        stream.layout = "mono"
        if container in _BITS_PER_SECOND:
            stream.bit_rate = _SLOW_BITS_PER_SECOND if rate <= _SLOW_RATE else _BITS_PER_SECOND[container]
        self._stream = stream
        self._rate = rate

    def encode(self, samples: Samples) -> bytes:
        """As :meth:`Encoder.encode`."""
        if len(samples):
            frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
            frame.sample_rate = self._rate
            self._container.mux(self._stream.encode(frame))
        return self._file.take()

    def finish(self) -> bytes:
        """As :meth:`Encoder.finish`."""
        self._container.mux(self._stream.encode(None))
        self._container.close()
        return self._file.take()


_CONTAINERS = {"flac": "flac", "libopus": "opus"}


def write_sound(
    path: Path, samples: Samples, rate: int, codec: Literal["flac", "libopus"], *, bit_rate: int | None = None
) -> None:
    """Write a file of FLAC with 16 bits a sample, or of Ogg Opus (``libopus``). Blocks.

    Args:
        rate: samples a second.
        bit_rate: bits a second, for Opus.
    """
    whole = to_int16(samples)[np.newaxis]
    with av.open(str(path), "w", format=_CONTAINERS[codec]) as container:
        stream = container.add_stream(codec, rate=rate, layout="mono", format="s16")
        if not isinstance(stream, av.AudioStream):
            raise TypeError(f"{codec} is no audio codec")
        if bit_rate is not None:
            stream.bit_rate = bit_rate
        for start in range(0, len(samples), rate):
            frame = av.AudioFrame.from_ndarray(whole[:, start : start + rate], format="s16", layout="mono")
            frame.sample_rate = rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))

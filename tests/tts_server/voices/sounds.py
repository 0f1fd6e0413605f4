"""Recordings spoken by espeak-ng, in many file formats."""

from __future__ import annotations

import functools
import io

import av
import numpy as np
import soxr

from audio.espeak import load_espeak
from audio.samples import Samples
from tests import tones
from tts_server.voices.decoding import RATE

_TEXT = (
    "The quick brown fox jumps over the lazy dog, and then it sits down and looks at the river for a long time. "
    "Nobody knew why the small boat had come back without its captain, but everyone on the shore had an idea."
)
GOOD_FORMATS = {
    "wav": ("wav", "pcm_s16le", RATE, "mono"),
    "wav 44.1 kHz stereo 24-bit": ("wav", "pcm_s24le", 44_100, "stereo"),
    "wav float": ("wav", "pcm_f32le", 48_000, "mono"),
    "flac": ("flac", "flac", 48_000, "stereo"),
    "mp3": ("mp3", "libmp3lame", 44_100, "mono"),
    "ogg opus, a Discord voice message": ("ogg", "libopus", 48_000, "mono"),
    "ogg vorbis": ("ogg", "vorbis", 44_100, "stereo"),
    "m4a": ("ipod", "aac", 44_100, "mono"),
}
"""Common formats: FFmpeg's container and codec, samples per second, and channels."""


@functools.cache
def speech() -> Samples:
    """Fourteen seconds of speech, mono at 24,000 Hz."""
    library = load_espeak()
    spoken = library.say(_TEXT, "en-us", rate=150, pitch=50)
    resampled: Samples = soxr.resample(spoken, library.sample_rate, RATE)
    # The voice varies at random from one time to the next, and a recording with a higher peak is made less loud. With
    # the peaks cut off, the level is the same each time.
    even = np.clip(resampled, -0.6, 0.6)
    even.setflags(write=False)
    return even


def seconds_of_speech(seconds: float) -> Samples:
    """The speech, repeated or cut to this many seconds."""
    samples = round(seconds * RATE)
    return np.tile(speech(), samples // len(speech()) + 1)[:samples]


def silence(seconds: float) -> Samples:
    return tones.silence(seconds, RATE)


def encoded(container: str, codec: str, samples: Samples, rate: int = RATE, layout: str = "mono") -> bytes:
    """A file in one of FFmpeg's formats, with the same sound in every channel."""
    file = io.BytesIO()
    resampled = soxr.resample(samples, RATE, rate)
    with av.open(file, "w", format=container) as output:
        # FFmpeg marks its Vorbis encoder as experimental.
        stream = output.add_stream(codec, rate=rate, layout=layout, options={"strict": "experimental"})
        assert isinstance(stream, av.AudioStream)
        for start in range(0, len(resampled), rate):
            piece = resampled[None, start : start + rate].astype(np.float32)
            frame = av.AudioFrame.from_ndarray(piece, format="flt", layout="mono")
            frame.sample_rate = rate
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return file.getvalue()


def wav(samples: Samples) -> bytes:
    return encoded("wav", "pcm_s16le", samples)


@functools.cache
def good_files() -> dict[str, bytes]:
    """One recording in every common format, by the names of :data:`GOOD_FORMATS`."""
    return {
        name: encoded(container, codec, speech(), rate, layout)
        for name, (container, codec, rate, layout) in GOOD_FORMATS.items()
    }


def decoded(data: bytes) -> tuple[Samples, int, int]:
    """Samples of the first channel, sample rate, and number of channels."""
    with av.open(io.BytesIO(data), "r") as container:
        stream = container.streams.audio[0]
        resampler = av.AudioResampler(format="flt", layout="mono", rate=stream.rate)
        pieces = [piece.to_ndarray() for frame in container.decode(stream) for piece in resampler.resample(frame)]
        return np.concatenate(pieces, axis=1)[0], stream.rate, stream.channels

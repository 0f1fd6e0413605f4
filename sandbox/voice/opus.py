"""Opus for guests, by discord.py's binding of libopus."""

from __future__ import annotations

import discord
import numpy as np

from audio.opus import load_opus
from audio.pcm import from_pcm16, to_int16
from audio.samples import Samples

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960

Sound = Samples
"""Mono samples at :data:`SAMPLE_RATE`, -1 to 1."""


class MonoDecoder(discord.opus.Decoder):
    """Decodes mono and stereo packets to 48,000 Hz mono."""

    CHANNELS = 1
    SAMPLE_SIZE = 2
    FRAME_SIZE = FRAME_SAMPLES * SAMPLE_SIZE

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def decode_frame(self, packet: bytes | None) -> Samples:
        """Decode 20 ms, -1 to 1. ``None`` stands for a lost packet, which is concealed."""
        return from_pcm16(self.decode(packet, fec=False))


class MonoEncoder:
    """Encodes 48,000 Hz mono as Discord's clients do."""

    def __init__(self) -> None:
        load_opus()
        self._encoder = discord.opus.Encoder(application="voip", signal_type="voice", bitrate=64)

    def encode(self, samples: Samples) -> bytes:
        """Encode :data:`FRAME_SAMPLES` samples, -1 to 1, as one packet."""
        return bytes(self._encoder.encode(np.repeat(to_int16(samples), 2).tobytes(), FRAME_SAMPLES))


def make_decoder() -> MonoDecoder:
    """Make a decoder for one speaker."""
    load_opus()
    return MonoDecoder()

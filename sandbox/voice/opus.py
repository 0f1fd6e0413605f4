"""Opus for guests: discord.py's binding, with the system's libopus or the one in PyAV's wheel."""

from __future__ import annotations

import ctypes.util
import importlib.util
from pathlib import Path

import discord
import numpy as np

from audio.pcm import from_pcm16, to_int16
from audio.samples import Samples

SAMPLE_RATE = 48_000
FRAME_SAMPLES = 960


class MonoDecoder(discord.opus.Decoder):
    """Decodes to 48,000 Hz mono, whatever was encoded."""

    CHANNELS = 1
    SAMPLE_SIZE = 2
    FRAME_SIZE = FRAME_SAMPLES * SAMPLE_SIZE

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]

    def decode_frame(self, packet: bytes | None) -> Samples:
        """20 ms, -1 to 1; ``None`` stands for a lost packet and is concealed."""
        return from_pcm16(self.decode(packet, fec=False))


class MonoEncoder:
    """Encodes 48,000 Hz mono as Discord's clients do."""

    def __init__(self) -> None:
        load()
        self._encoder = discord.opus.Encoder(application="voip", signal_type="voice", bitrate=64)

    def encode(self, samples: Samples) -> bytes:
        """One packet of :data:`FRAME_SAMPLES` samples, -1 to 1."""
        return bytes(self._encoder.encode(np.repeat(to_int16(samples), 2).tobytes(), FRAME_SAMPLES))


def make_decoder() -> MonoDecoder:
    """A decoder for one speaker."""
    load()
    return MonoDecoder()


def load() -> None:
    """Give discord.py a libopus, if it has none.

    Raises:
        OSError: there is none on this machine.
    """
    if discord.opus.is_loaded():
        return
    spec = importlib.util.find_spec("av")
    folders = (spec.submodule_search_locations if spec else None) or []
    bundled = [str(path) for folder in folders for path in Path(folder).parent.glob("av.libs/libopus-*.so*")]
    for candidate in (ctypes.util.find_library("opus"), *bundled):
        if candidate is not None:
            discord.opus.load_opus(candidate)
            return
    raise OSError("no libopus on this machine, and none in PyAV's wheel")

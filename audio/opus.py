"""Opus: finds libopus, which discord.py ships for Windows only, and decodes speech."""

from __future__ import annotations

import ctypes.util
import importlib.util
from pathlib import Path

import discord

from audio.pcm import from_pcm16
from audio.samples import HEARING_RATE, Sound16

MAX_CONCEALED = 5
"""Maximum number of lost frames in a row that are concealed (100 ms). The rest of a longer gap is left out."""


class OpusMissing(OSError):  # noqa: N818
    """No libopus was found. The message says what to do."""


def load_opus() -> None:
    """Give discord.py a libopus: the system's, or that of PyAV's wheel if the system's is missing or damaged.

    Does nothing if discord.py has a libopus already.

    Raises:
        OpusMissing: no libopus was found.
    """
    if discord.opus.is_loaded():
        return
    for candidate in [ctypes.util.find_library("opus"), *_bundled()]:
        if candidate is None:
            continue
        try:
            discord.opus.load_opus(candidate)
        except (OSError, AttributeError):
            # The file can't be loaded, or is not libopus.
            continue
        return
    raise OpusMissing(
        "No Opus library was found, so nothing can be spoken. Install the pinned requirements again (PyAV's wheel "
        "carries one), or the system's: `apt install libopus0`, `brew install opus`."
    )


def _bundled() -> list[str]:
    spec = importlib.util.find_spec("av")
    folders = spec.submodule_search_locations if spec and spec.submodule_search_locations else []
    return [str(path) for folder in folders for path in sorted(Path(folder).parent.glob("av.libs/libopus-*.so*"))]


class _Decoder16(discord.opus.Decoder):
    """A decoder at 16,000 Hz, mono. libopus supports this rate, so no resampler is needed."""

    SAMPLING_RATE = HEARING_RATE
    CHANNELS = 1
    SAMPLE_SIZE = 2
    SAMPLES_PER_FRAME = HEARING_RATE // 50
    FRAME_SIZE = SAMPLES_PER_FRAME * SAMPLE_SIZE


class SpeechDecoder:
    """Decodes one stream straight to 16,000 Hz mono. Raises ``OpusNotLoaded`` if libopus is missing."""

    def __init__(self) -> None:
        self._decoder: discord.opus.Decoder = _Decoder16()  # type: ignore[no-untyped-call]

    def decode(self, frame: bytes, lost: int) -> Sound16 | None:
        """The sound of a frame, after concealed sound for ``lost`` frames before it; ``None`` if it is not Opus."""
        try:
            parts = [self._decoder.decode(None, fec=False) for _ in range(min(lost, MAX_CONCEALED) - 1)]
            if lost:
                # The frame after a gap may contain a coarse copy of the frame before it (FEC).
                parts.append(self._decoder.decode(frame, fec=True))
            parts.append(self._decoder.decode(frame, fec=False))
        except discord.opus.OpusError:
            return None
        return from_pcm16(b"".join(parts))

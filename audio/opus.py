"""Opus: finding libopus, which discord.py ships for Windows only, and decoding to what is listened to."""

from __future__ import annotations

import ctypes.util
import importlib.util
from pathlib import Path

import discord

from audio.pcm import from_pcm16
from audio.samples import HEARING_RATE, Sound16

MAX_CONCEALED = 5
"""Lost frames that are made up, 100 ms; what is longer becomes silence."""


class OpusMissing(OSError):  # noqa: N818
    """No libopus was found; the text names the remedy."""


def load_opus() -> None:
    """Give discord.py a libopus: the system's, else the one inside PyAV's wheel. Loading twice is fine.

    Raises:
        OpusMissing: there is none.
    """
    if discord.opus.is_loaded():
        return
    for candidate in [ctypes.util.find_library("opus"), *_bundled()]:
        if candidate is None:
            continue
        try:
            discord.opus.load_opus(candidate)
        except (OSError, AttributeError):
            # It can't be loaded, or is no libopus.
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
    """libopus decodes at this rate by itself: no resampler is needed."""

    SAMPLING_RATE = HEARING_RATE
    CHANNELS = 1
    SAMPLE_SIZE = 2
    SAMPLES_PER_FRAME = HEARING_RATE // 50
    FRAME_SIZE = SAMPLES_PER_FRAME * SAMPLE_SIZE


class SpeechDecoder:
    """Decodes one stream straight to 16,000 Hz mono. ``OpusNotLoaded`` is raised where libopus is missing."""

    def __init__(self) -> None:
        self._decoder: discord.opus.Decoder = _Decoder16()  # type: ignore[no-untyped-call]

    def decode(self, frame: bytes, lost: int) -> Sound16 | None:
        """The sound of a frame, with that of the ``lost`` ones before it made up; ``None`` where it is not Opus."""
        try:
            parts = [self._decoder.decode(None, fec=False) for _ in range(min(lost, MAX_CONCEALED) - 1)]
            if lost:
                # The frame behind a gap carries a coarse copy of the one before it.
                parts.append(self._decoder.decode(frame, fec=True))
            parts.append(self._decoder.decode(frame, fec=False))
        except discord.opus.OpusError:
            return None
        return from_pcm16(b"".join(parts))

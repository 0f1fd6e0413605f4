"""Finding libopus: discord.py ships none on Linux."""

from __future__ import annotations

import ctypes.util
import importlib.util
from pathlib import Path

import discord


class OpusMissing(Exception):  # noqa: N818
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

"""PyAudio's constants for machines without it: RealtimeTTS's engines import it to name their formats, and no more.

PyAudio has no wheel for Linux and wants PortAudio to be built; nothing is ever played here.
"""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

_CONSTANTS = {
    "paFloat32": 1,
    "paInt32": 2,
    "paInt24": 4,
    "paInt16": 8,
    "paInt8": 16,
    "paUInt8": 32,
    "paCustomFormat": 65536,
}


def stand_in_for_pyaudio() -> None:
    """Make ``import pyaudio`` work in this process; nothing happens where it does already."""
    if "pyaudio" in sys.modules or importlib.util.find_spec("pyaudio") is not None:
        return
    for name in ("pyaudio", "pyaudio._portaudio"):
        module = ModuleType(name, "Constants alone.")
        vars(module).update(_CONSTANTS)
        sys.modules[name] = module
    vars(sys.modules["pyaudio"])["_portaudio"] = sys.modules["pyaudio._portaudio"]

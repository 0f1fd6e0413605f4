"""Reads memory and use of all GPUs."""

from __future__ import annotations

from hardware.amd import read_amd_cards
from hardware.memory import CardMemory
from hardware.nvidia import read_nvidia_cards


def read_cards() -> tuple[CardMemory, ...]:
    """All GPUs, NVIDIA's first; empty without GPUs or drivers. Blocks for some milliseconds: call it in a thread."""
    return (*read_nvidia_cards(), *read_amd_cards())

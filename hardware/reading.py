"""All the cards there are."""

from __future__ import annotations

from hardware.amd import read_amd_cards
from hardware.memory import CardMemory
from hardware.nvidia import read_nvidia_cards


def read_cards() -> tuple[CardMemory, ...]:
    """Every card, NVIDIA's first; none where there is none or no driver. Blocks for some ms: call it in a thread."""
    return (*read_nvidia_cards(), *read_amd_cards())

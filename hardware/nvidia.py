"""Memory and use of NVIDIA GPUs, through the driver's library (NVML)."""

from __future__ import annotations

from typing import Any

import pynvml

from config.types import GpuVendor
from hardware.memory import CardMemory


def read_nvidia_cards(library: Any = pynvml) -> tuple[CardMemory, ...]:
    """All GPUs, in the driver's order; empty without a driver. Blocks; thread-safe."""
    try:
        library.nvmlInit()
    except pynvml.NVMLError:
        return ()
    try:
        cards = (_read(library, number) for number in range(library.nvmlDeviceGetCount()))
        return tuple(card for card in cards if card is not None)
    except pynvml.NVMLError:
        return ()
    finally:
        _shut_down(library)


def _read(library: Any, number: int) -> CardMemory | None:
    try:
        handle = library.nvmlDeviceGetHandleByIndex(number)
        memory = library.nvmlDeviceGetMemoryInfo(handle)
        name = library.nvmlDeviceGetName(handle)
        major, minor = library.nvmlDeviceGetCudaComputeCapability(handle)
    except pynvml.NVMLError:
        # The GPU has failed or has no memory of its own. The others are still returned.
        return None
    # Older versions of the library return bytes.
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    amounts = int(memory.total), int(memory.used)
    return CardMemory(text, GpuVendor.NVIDIA, *amounts, (int(major), int(minor)), _utilisation(library, handle))


def _utilisation(library: Any, handle: Any) -> float | None:
    try:
        return int(library.nvmlDeviceGetUtilizationRates(handle).gpu) / 100
    except pynvml.NVMLError:
        # NVML has no number for a GPU that is divided into instances (MIG).
        return None


def _shut_down(library: Any) -> None:
    try:
        library.nvmlShutdown()
    except pynvml.NVMLError:
        return

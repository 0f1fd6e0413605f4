"""NVIDIA's cards, through the driver's own library."""

from __future__ import annotations

from typing import Any

import pynvml

from hardware.memory import CardKind, CardMemory


def read_nvidia_cards(library: Any = pynvml) -> tuple[CardMemory, ...]:
    """Every card that the driver tells of, in its order; none where there is no driver. Blocks, any thread."""
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
        # Fallen off the bus, or without memory of its own: the other cards are told of all the same.
        return None
    # The library's older versions answer in bytes.
    text = name.decode(errors="replace") if isinstance(name, bytes) else str(name)
    return CardMemory(text, CardKind.NVIDIA, int(memory.total), int(memory.used), (int(major), int(minor)))


def _shut_down(library: Any) -> None:
    try:
        library.nvmlShutdown()
    except pynvml.NVMLError:
        return

"""Memory and use of AMD GPUs, read from the Linux driver's files."""

from __future__ import annotations

import re
from pathlib import Path

from config.types import GpuVendor
from hardware.memory import GIB, CardMemory

DRM = Path("/sys/class/drm")
_VENDOR = "0x1002"
_CARD = re.compile(r"card(\d+)")
SMALLEST = GIB
"""GPUs with fewer bytes of memory are left out: integrated GPUs, whose small part of main memory is always full."""


def read_amd_cards(root: Path = DRM) -> tuple[CardMemory, ...]:
    """All GPUs with memory of their own, in the kernel's order; empty without a driver. Blocks; thread-safe."""
    try:
        numbered = {int(match[1]): folder for folder in root.iterdir() if (match := _CARD.fullmatch(folder.name))}
    except OSError:
        return ()
    cards = (_read(number, numbered[number] / "device") for number in sorted(numbered))
    return tuple(card for card in cards if card is not None)


def _read(number: int, device: Path) -> CardMemory | None:
    try:
        if _text(device / "vendor") != _VENDOR:
            return None
        total = int(_text(device / "mem_info_vram_total"))
        used = int(_text(device / "mem_info_vram_used"))
    except (OSError, ValueError):
        return None
    if total < SMALLEST:
        return None
    return CardMemory(_name(number, device), GpuVendor.AMD, total, used, utilisation=_utilisation(device))


def _utilisation(device: Path) -> float | None:
    try:
        return int(_text(device / "gpu_busy_percent")) / 100
    except (OSError, ValueError):
        return None


def _name(number: int, device: Path) -> str:
    """The product name, if the driver knows it; otherwise the kernel's name."""
    for file, form in (("product_name", "{}"), ("device", f"AMD card {number} ({{}})")):
        try:
            if text := _text(device / file):
                return form.format(text)
        except OSError:
            continue
    return f"AMD card {number}"


def _text(file: Path) -> str:
    return file.read_text(encoding="utf-8", errors="replace").strip()

"""Memory and use of a GPU, and their representation as JSON and Prometheus metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from config.types import GpuVendor

GIB = 1024**3


@dataclass(frozen=True, slots=True)
class CardMemory:
    """State of a GPU at one moment.

    Attributes:
        compute_capability: NVIDIA's number for the features of its GPU, such as (8, 6); ``None`` for other GPUs.
        utilisation: the share of the driver's last measuring period in which the GPU computed, 0 to 1; ``None`` if the
            driver does not tell it.
    """

    name: str
    kind: GpuVendor
    total_bytes: int
    used_bytes: int
    compute_capability: tuple[int, int] | None = None
    utilisation: float | None = None

    @property
    def free_bytes(self) -> int:
        """Unused memory."""
        return max(0, self.total_bytes - self.used_bytes)


def as_json(cards: Sequence[CardMemory]) -> list[dict[str, Any]]:
    """All GPUs as JSON, for ``/health``."""
    return [asdict(card) for card in cards]


def exposition(cards: Sequence[CardMemory]) -> str:
    """All GPUs in Prometheus' text format (0.0.4); empty without GPUs."""
    if not cards:
        return ""
    lines = [
        "# HELP tts_card_memory_bytes Memory of each graphics card, used by any program.",
        "# TYPE tts_card_memory_bytes gauge",
    ]
    for number, card in enumerate(cards):
        # Two GPUs of the same model have the same name; their numbers differ.
        labels = f'card="{number}",name="{_label(card.name)}",kind="{card.kind}"'
        lines.append(f'tts_card_memory_bytes{{{labels},state="used"}} {card.used_bytes}')
        lines.append(f'tts_card_memory_bytes{{{labels},state="total"}} {card.total_bytes}')
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

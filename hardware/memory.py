"""What is known of a graphics card, and how that is told to machines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

GIB = 1024**3


class CardKind(StrEnum):
    """Whose driver tells of the card."""

    NVIDIA = "nvidia"
    AMD = "amd"


@dataclass(frozen=True, slots=True)
class CardMemory:
    """A card at one moment. ``compute_capability`` is NVIDIA's, such as (8, 6); other makers have none."""

    name: str
    kind: CardKind
    total_bytes: int
    used_bytes: int
    compute_capability: tuple[int, int] | None = None

    @property
    def free_bytes(self) -> int:
        """What nobody uses."""
        return max(0, self.total_bytes - self.used_bytes)


def as_json(cards: Sequence[CardMemory]) -> list[dict[str, Any]]:
    """The cards in order, for ``/health``."""
    return [asdict(card) for card in cards]


def exposition(cards: Sequence[CardMemory]) -> str:
    """The cards as Prometheus reads them (text format 0.0.4); nothing where there are none."""
    if not cards:
        return ""
    lines = [
        "# HELP tts_card_memory_bytes Memory of each graphics card, whoever uses it.",
        "# TYPE tts_card_memory_bytes gauge",
    ]
    for number, card in enumerate(cards):
        # Two cards of one make have one name: the number tells them apart.
        labels = f'card="{number}",name="{_label(card.name)}",kind="{card.kind}"'
        lines.append(f'tts_card_memory_bytes{{{labels},state="used"}} {card.used_bytes}')
        lines.append(f'tts_card_memory_bytes{{{labels},state="total"}} {card.total_bytes}')
    return "\n".join(lines) + "\n"


def _label(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")

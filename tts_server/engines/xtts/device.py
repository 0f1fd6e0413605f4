"""Where XTTS computes: which card, or the processor, and in what numbers. Pure: it decides by descriptions of cards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from config.speech_settings import Precision
from config.types import Device
from tts_server.engines.base import EngineError, OutOfMemoryError

LEAST_CAPABILITY = (7, 0)
"""Of a card that is used; older ones compute half precision more slowly than full, and PyTorch lets them go."""
BRAIN_CAPABILITY = (8, 0)
_GIGABYTE = 1e9

ON_PROCESSOR = (
    "XTTS v2 runs on the processor, which speaks about three times more slowly than a person talks: expect pauses "
    "of several seconds. A card with compute capability 7.0 or higher, or TTS_ENGINE=espeak, is quicker."
)


@dataclass(frozen=True, slots=True)
class Card:
    """A graphics card as PyTorch sees it; ``free`` and ``total`` are bytes of its memory."""

    index: int
    name: str
    capability: tuple[int, int]
    free: int
    total: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model computes (the processor where ``card`` is ``None``), and in what numbers: never ``auto``."""

    card: Card | None
    precision: Precision

    @property
    def device(self) -> str:
        """PyTorch's name for it."""
        return f"cuda:{self.card.index}" if self.card else "cpu"

    def __str__(self) -> str:
        return f"{self.card.name if self.card else 'the processor'}, in {self.precision}"


def choose_place(cards: Sequence[Card], device: Device, precision: Precision, weights: int) -> Place:
    """The card with the most free memory among those that are new enough; else the processor.

    Args:
        cards: what there is.
        device: what the settings ask for.
        precision: what the settings ask for.
        weights: the size of the weights at full precision, in bytes.

    Raises:
        EngineError: no card is good for what the settings ask for.
        OutOfMemoryError: the best card is too full. (The processor would be no help: it is slower than speech.)
    """
    able = [card for card in cards if card.capability >= LEAST_CAPABILITY]
    if device is Device.CPU or (device is Device.AUTO and not able):
        return Place(None, Precision.FULL if precision is Precision.AUTO else precision)
    if not able:
        raise EngineError(
            f"TTS_DEVICE=cuda, but there is no card with compute capability 7.0 or higher ({_listed(cards)}): "
            "use TTS_DEVICE=auto or cpu"
        )
    best = max(able, key=lambda card: card.free)
    place = Place(best, Precision.HALF if precision is Precision.AUTO else precision)
    if place.precision is Precision.BRAIN and best.capability < BRAIN_CAPABILITY:
        raise EngineError(f"{best.name} can't compute in bfloat16: use TTS_PRECISION=auto")
    needed = memory_needed(weights, place.precision)
    if best.free < needed:
        raise OutOfMemoryError(
            f"XTTS v2 needs {needed / _GIGABYTE:.1f} GB on the card, and {best.name} has "
            f"{best.free / _GIGABYTE:.1f} GB free"
        )
    return place


def memory_needed(weights: int, precision: Precision) -> int:
    """About how many bytes of a card XTTS takes: its weights, and what it computes with, the driver's part included.

    Only its language model, nine tenths of it, is held in half precision.
    """
    shrunk = 1.0 if precision is Precision.FULL else 0.55
    return round(weights * shrunk + 0.6 * _GIGABYTE)


def _listed(cards: Sequence[Card]) -> str:
    if not cards:
        return "PyTorch finds none at all"
    return ", ".join(f"{card.name} has {card.capability[0]}.{card.capability[1]}" for card in cards)

"""Where a local recogniser computes, and in what numbers: what is tried, in which order, and why another is used."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

AUTO, CPU, CUDA = "auto", "cpu", "cuda"
_ON_CARD = ("float16", "int8", "float32")
_ON_CPU = ("int8", "float32")

_LIBRARY = re.compile(r"\b((?:lib)?cu(?:blas|dnn|dart)\w*(?:\.so|\.dll|64)[\w.]*)", re.IGNORECASE)
_NOT_THIS_CARD = re.compile(
    r"cublas|cudnn|cudart|cuda driver|no cuda|cuda-capable|not compiled with cuda|cannot load symbol|no kernel image",
    re.IGNORECASE,
)
_NUMBERS = re.compile(r"requested (\w+) compute type", re.IGNORECASE)
_CUDA = re.compile(r"\bcuda\b", re.IGNORECASE)
_FULL = re.compile(r"out of memory|ALLOC_FAILED", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ComputeDevice:
    """Where it computes: ``device`` is cpu or cuda, ``index`` the card's number, ``compute_type`` CTranslate2's."""

    device: str
    index: int
    compute_type: str

    def __str__(self) -> str:
        device = f"{self.device}:{self.index}" if self.index else self.device
        return f"{device}, {self.compute_type}"


@dataclass(frozen=True, slots=True)
class Plan:
    """The places to try, best first. ``reason`` says why what was asked for is not among them."""

    places: tuple[ComputeDevice, ...]
    reason: str | None = None


def plan(device: str, compute_type: str, cards: int) -> Plan:
    """What to try on a machine with so many usable cards.

    Args:
        device: auto, cpu, cuda or cuda:N.
        compute_type: what numbers are wanted, or auto.
    """
    kind, _, number = device.partition(":")
    index = int(number or 0)
    on_cpu = tuple(ComputeDevice(CPU, 0, numbers) for numbers in _wanted_first(compute_type, _ON_CPU))
    if kind == CPU or (kind == AUTO and not cards):
        return Plan(on_cpu)
    if not cards:
        return Plan(on_cpu, "CTranslate2 finds no graphics card that it can use")
    if index >= cards:
        return Plan(on_cpu, f"there is no card {device}, only {', '.join(f'cuda:{n}' for n in range(cards))}")
    on_card = tuple(ComputeDevice(CUDA, index, numbers) for numbers in _wanted_first(compute_type, _ON_CARD))
    return Plan((*on_card, *on_cpu))


def without(places: tuple[ComputeDevice, ...], failed: ComputeDevice, error: str) -> tuple[ComputeDevice, ...]:
    """What is left to try after one place has failed with this error: no card, where the fault is the card's."""
    whole_card = failed.device == CUDA and _NOT_THIS_CARD.search(error) is not None
    return tuple(place for place in places if place != failed and not (whole_card and place.device == CUDA))


def is_about_place(error: str) -> bool:
    """Whether an error of the recogniser is about where it computes, not about what it was given."""
    return any(pattern.search(error) for pattern in (_NOT_THIS_CARD, _NUMBERS, _FULL, _CUDA))


def why_unusable(failed: ComputeDevice, error: str) -> str:
    """Why a place can't be used, for people."""
    if library := _LIBRARY.search(error):
        return f"CUDA's library {library[1]} is missing or can't be loaded"
    if numbers := _NUMBERS.search(error):
        return f"{'the graphics card' if failed.device == CUDA else 'the processor'} can't compute in {numbers[1]}"
    if _FULL.search(error):
        return "the graphics card is full" if failed.device == CUDA else "there is not enough memory"
    return " ".join(error.split())[:200] or "it failed without a word"


def _wanted_first(wanted: str, others: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([wanted, *others] if wanted != AUTO else others))

"""Memory plans: sums that people can check, and advice if the models don't fit."""

from __future__ import annotations

from typing import Any

import pytest

from bot.models.catalogue import load_catalogue
from bot.models.memory_plan import MemoryPlan
from config.settings import Profile, Settings
from config.types import GpuVendor
from hardware.memory import GIB, CardMemory

pytestmark = pytest.mark.usefixtures("clean_environment")

LOCAL = load_catalogue().profiles[Profile.LOCAL]


def card(total: float, used: float = 0.0, capability: tuple[int, int] | None = (8, 6)) -> CardMemory:
    return CardMemory("RTX", GpuVendor.NVIDIA, int(total * GIB), int(used * GIB), capability)


def plan(**settings: Any) -> MemoryPlan:
    return MemoryPlan(load_catalogue(), LOCAL, Settings.read(**settings))


def verdict(*cards: CardMemory, **settings: Any) -> str:
    return "\n".join(plan(**settings).verdict(cards))


def test_the_sum_shows_every_part() -> None:
    assert plan().sum_line() == "Whisper small 0.5 + XTTS v2 3.0 + Qwen2.5 7B Instruct Q5_K_M 5.5 = 9.0 GiB"


def test_models_on_the_cpu_take_no_gpu_memory() -> None:
    assert plan(stt_device="cpu").needs_gib == pytest.approx(8.5)
    assert plan(stt_device="cpu", tts_device="cpu").needs_gib == pytest.approx(5.5)


def test_a_card_with_room_fits() -> None:
    assert verdict(card(11, used=1)) == "RTX, 11.0 GiB: fits, with 1.0 GiB to spare (1.0 GiB are in use now)."


def test_a_card_that_other_programs_fill_would_fit_without_them() -> None:
    said = verdict(card(11, used=4))
    assert "fits once other programs free memory: 4.0 GiB are in use now, 2.0 GiB too much" in said
    assert "TTS_DEVICE=cpu" in said


def test_a_small_card_does_not_fit_and_sufficient_remedies_come_first() -> None:
    first, *remedies = verdict(card(8)).splitlines()
    assert "does not fit, 1.0 GiB too much" in first
    assert remedies[0].endswith("frees 3.0 GiB, enough by itself")
    assert any("Q4_K_M" in line and line.endswith("frees 0.7 GiB, not enough alone") for line in remedies)
    enough = ["enough by itself" in line for line in remedies]
    assert enough == sorted(enough, reverse=True)


def test_a_card_that_is_too_old_for_the_voice_is_reported() -> None:
    said = verdict(card(11, capability=(6, 1)))
    assert "XTTS v2 needs compute capability 7.0, this card has 6.1" in said
    assert "compute capability" not in verdict(card(16, capability=None))


def test_each_card_has_its_own_verdict_and_a_machine_without_cards_has_one_too() -> None:
    assert len(verdict(card(11), card(24)).splitlines()) == 2
    said = "No graphics card found: everything would run on the CPU"
    assert verdict() == f"{said}, where XTTS is far slower than speech."
    whisper = MemoryPlan(load_catalogue(), ["whisper-base"], Settings.read())
    assert list(whisper.verdict(())) == [f"{said}."], "XTTS is not among the models, so nothing is said about it"

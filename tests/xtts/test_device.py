"""XTTS chooses the device and the number format that the cards allow and the settings ask for."""

from __future__ import annotations

import pytest

from config.speech_settings import Precision
from config.types import Device
from tts_server.engines.base import EngineError, OutOfMemoryError
from tts_server.engines.xtts.device import Gpu, choose_device

GIGABYTE = 10**9
WEIGHTS = 1_870_000_000

OLD = Gpu(0, "GTX 1080 Ti", (6, 1), 11 * GIGABYTE, 11 * GIGABYTE)
TURING = Gpu(1, "RTX 2080 Ti", (7, 5), 6 * GIGABYTE, 11 * GIGABYTE)
AMPERE = Gpu(2, "RTX 3060", (8, 6), 9 * GIGABYTE, 12 * GIGABYTE)
FULL = Gpu(0, "RTX 3060", (8, 6), GIGABYTE, 12 * GIGABYTE)


@pytest.mark.parametrize("device", [Device.AUTO, Device.CUDA])
def test_among_new_enough_cards_the_one_with_the_largest_free_memory_is_chosen(device: Device) -> None:
    chosen = choose_device([OLD, TURING, AMPERE], device, Precision.AUTO, WEIGHTS)
    assert (chosen.torch_name, str(chosen)) == ("cuda:2", "RTX 3060, in float16")


@pytest.mark.parametrize("gpus", [[], [OLD]])
def test_without_a_new_enough_card_the_processor_is_chosen(gpus: list[Gpu]) -> None:
    assert choose_device(gpus, Device.AUTO, Precision.AUTO, WEIGHTS).torch_name == "cpu"


def test_a_requested_processor_is_chosen_and_computes_in_full_precision() -> None:
    chosen = choose_device([AMPERE], Device.CPU, Precision.AUTO, WEIGHTS)
    assert (chosen.torch_name, chosen.precision) == ("cpu", Precision.FULL)


def test_a_required_card_that_is_unusable_is_reported_with_the_reason() -> None:
    with pytest.raises(EngineError, match=r"GTX 1080 Ti has 6\.1.*TTS_DEVICE=auto or cpu"):
        choose_device([OLD], Device.CUDA, Precision.AUTO, WEIGHTS)
    with pytest.raises(EngineError, match="finds none at all"):
        choose_device([], Device.CUDA, Precision.AUTO, WEIGHTS)


def test_a_card_that_is_too_full_is_not_chosen() -> None:
    with pytest.raises(OutOfMemoryError, match=r"needs 1\.6 GB .* RTX 3060 has 1\.0 GB free"):
        choose_device([FULL], Device.AUTO, Precision.AUTO, WEIGHTS)


def test_half_precision_needs_less_memory_than_full_precision() -> None:
    tight = Gpu(0, "RTX 3050", (8, 6), 2 * GIGABYTE, 4 * GIGABYTE)
    assert choose_device([tight], Device.AUTO, Precision.AUTO, WEIGHTS).precision is Precision.HALF
    with pytest.raises(OutOfMemoryError):
        choose_device([tight], Device.AUTO, Precision.FULL, WEIGHTS)


@pytest.mark.parametrize(("precision", "taken"), [(p, p) for p in Precision if p is not Precision.AUTO])
def test_the_requested_precision_is_used(precision: Precision, taken: Precision) -> None:
    assert choose_device([AMPERE], Device.AUTO, precision, WEIGHTS).precision is taken


def test_bfloat16_is_refused_if_the_card_does_not_support_it() -> None:
    with pytest.raises(EngineError, match="RTX 2080 Ti can't compute in bfloat16: use TTS_PRECISION=auto"):
        choose_device([TURING], Device.AUTO, Precision.BRAIN, WEIGHTS)

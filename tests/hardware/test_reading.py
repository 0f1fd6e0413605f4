"""Tests of reading GPUs from drivers: a missing or broken GPU is left out, and is never an error."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pynvml
import pytest

from config.types import GpuVendor
from hardware.amd import read_amd_cards
from hardware.memory import GIB, CardMemory, as_json, exposition
from hardware.nvidia import read_nvidia_cards
from hardware.reading import read_cards


def kernel_card(root: Path, name: str, **files: str) -> None:
    device = root / name / "device"
    device.mkdir(parents=True)
    for file, text in files.items():
        (device / file).write_text(text + "\n")


def radeon(root: Path, name: str, total: int = 16 * GIB, used: int = 3 * GIB, **files: str) -> None:
    amounts = {"mem_info_vram_total": str(total), "mem_info_vram_used": str(used)}
    kernel_card(root, name, vendor="0x1002", device="0x73bf", **amounts, **files)


def test_amd_cards_come_in_the_order_of_the_kernel_with_their_names_if_they_have_one(tmp_path: Path) -> None:
    radeon(tmp_path, "card10", used=1)
    radeon(tmp_path, "card2", product_name="Radeon Pro W6800")
    radeon(tmp_path, "card2-HDMI-A-1")
    cards = read_amd_cards(tmp_path)
    assert [card.name for card in cards] == ["Radeon Pro W6800", "AMD card 10 (0x73bf)"]
    assert cards[0] == CardMemory("Radeon Pro W6800", GpuVendor.AMD, 16 * GIB, 3 * GIB, None)


def test_other_cards_and_broken_amd_cards_are_skipped(tmp_path: Path) -> None:
    kernel_card(tmp_path, "card0", vendor="0x8086")
    kernel_card(tmp_path, "card1", vendor="0x1002", mem_info_vram_total="lots", mem_info_vram_used="1")
    kernel_card(tmp_path, "card3", vendor="0x1002")
    radeon(tmp_path, "card4", total=512 * 1024**2, used=500 * 1024**2)
    radeon(tmp_path, "card5")
    assert [card.name for card in read_amd_cards(tmp_path)] == ["AMD card 5 (0x73bf)"]


def test_a_machine_without_drivers_has_no_cards(tmp_path: Path) -> None:
    def missing() -> None:
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    assert read_amd_cards(tmp_path / "nothing") == ()
    assert read_nvidia_cards(SimpleNamespace(nvmlInit=missing)) == ()


def test_reading_this_machine_never_fails() -> None:
    for card in read_cards():
        assert 0 <= card.used_bytes <= card.total_bytes


class Driver:
    """NVIDIA's library as its documentation describes it, with the test's cards.

    ``users`` is the number of calls of ``nvmlInit`` without ``nvmlShutdown``. ``busy`` is the use of each card in
    percent; ``None`` if the driver does not tell it.
    """

    def __init__(self, *cards: tuple[Any, int, int, tuple[int, int]] | None) -> None:
        self._cards = cards
        self.users = 0
        self.busy: int | None = None

    def nvmlInit(self) -> None:  # noqa: N802
        self.users += 1

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.users -= 1

    def __getattr__(self, name: str) -> Callable[..., Any]:
        answers: dict[str, Callable[..., Any]] = {
            "nvmlDeviceGetCount": lambda: len(self._cards),
            "nvmlDeviceGetHandleByIndex": self._card,
            "nvmlDeviceGetName": lambda card: card[0],
            "nvmlDeviceGetMemoryInfo": lambda card: SimpleNamespace(total=card[1], used=card[2]),
            "nvmlDeviceGetCudaComputeCapability": lambda card: card[3],
            "nvmlDeviceGetUtilizationRates": self._utilisation,
        }
        return answers[name]

    def _utilisation(self, card: object) -> SimpleNamespace:
        if self.busy is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_NOT_SUPPORTED)
        return SimpleNamespace(gpu=self.busy)

    def _card(self, number: int) -> tuple[Any, int, int, tuple[int, int]]:
        card = self._cards[number]
        if card is None:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return card


def test_nvidia_cards_are_read_and_a_failed_one_does_not_hide_the_others() -> None:
    driver = Driver(None, (b"NVIDIA GeForce RTX 3060", 12 * GIB, 2 * GIB, (8, 6)))
    assert read_nvidia_cards(driver) == (
        CardMemory("NVIDIA GeForce RTX 3060", GpuVendor.NVIDIA, 12 * GIB, 2 * GIB, (8, 6)),
    )
    assert driver.users == 0


def test_the_use_of_a_card_is_read_where_the_driver_tells_it(tmp_path: Path) -> None:
    driver = Driver((b"RTX 3060", 12 * GIB, 2 * GIB, (8, 6)))
    assert [card.utilisation for card in read_nvidia_cards(driver)] == [None]
    driver.busy = 37
    assert [card.utilisation for card in read_nvidia_cards(driver)] == [0.37]
    radeon(tmp_path, "card1", gpu_busy_percent="81")
    radeon(tmp_path, "card2", gpu_busy_percent="much")
    radeon(tmp_path, "card3")
    assert [card.utilisation for card in read_amd_cards(tmp_path)] == [0.81, None, None]


@pytest.fixture
def two_alike() -> tuple[CardMemory, ...]:
    return tuple(CardMemory('Odd "Card"\\', GpuVendor.AMD, 8 * GIB, used) for used in (1, 2))


def test_prometheus_can_distinguish_two_cards_of_the_same_name(two_alike: tuple[CardMemory, ...]) -> None:
    lines = exposition(two_alike).splitlines()
    samples = [line.rpartition(" ")[0] for line in lines if not line.startswith("#")]
    assert len(samples) == len(set(samples)) == 4
    assert 'tts_card_memory_bytes{card="1",name="Odd \\"Card\\"\\\\",kind="amd",state="used"} 2' in lines
    assert exposition(()) == ""


def test_the_json_of_a_card_has_all_of_its_fields(two_alike: tuple[CardMemory, ...]) -> None:
    assert as_json(two_alike)[1] == {
        "name": 'Odd "Card"\\',
        "kind": "amd",
        "total_bytes": 8 * GIB,
        "used_bytes": 2,
        "compute_capability": None,
        "utilisation": None,
    }

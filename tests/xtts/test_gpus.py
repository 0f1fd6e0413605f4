"""Finding GPUs through PyTorch. PyTorch's answers are faked, because the test machines have no GPU."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from tests.xtts.speaking import skip_without_libraries
from tts_server.engines.xtts.device import Gpu
from tts_server.engines.xtts.libraries import import_loading

skip_without_libraries()

TURING = SimpleNamespace(name="RTX 2080 Ti", major=7, minor=5, total_memory=11_000)
AMPERE = SimpleNamespace(name="RTX 3060", major=8, minor=6, total_memory=12_000)


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Any:
    import_loading()
    import torch

    cards = [TURING, AMPERE]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(cards))
    monkeypatch.setattr(torch.cuda, "get_device_properties", cards.__getitem__)
    monkeypatch.setattr(torch.cuda, "device_memory_used", [1_000, 4_000].__getitem__)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda index: pytest.fail("that takes memory of the card"))
    return torch.cuda


def test_the_driver_is_asked_how_full_a_card_is(cuda: Any) -> None:
    from tts_server.engines.xtts.loading import find_gpus

    assert find_gpus() == [
        Gpu(0, "RTX 2080 Ti", (7, 5), 10_000, 11_000),
        Gpu(1, "RTX 3060", (8, 6), 8_000, 12_000),
    ]


def test_cuda_is_asked_if_the_driver_does_not_answer(cuda: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tts_server.engines.xtts.loading import find_gpus

    def silent(index: int) -> int:
        raise ModuleNotFoundError("nvidia-ml-py does not seem to be installed")

    monkeypatch.setattr(cuda, "device_memory_used", silent)
    monkeypatch.setattr(cuda, "mem_get_info", lambda index: (500 + index, 12_000))
    assert [gpu.free for gpu in find_gpus()] == [500, 501]


def test_without_cuda_there_are_no_cards(cuda: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from tts_server.engines.xtts.loading import find_gpus

    monkeypatch.setattr(cuda, "is_available", lambda: False)
    assert find_gpus() == []

"""How many processor cores may be used: the limit of a container counts, and one core is left to others."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cores import usable_cores
from bot.llm.embedded import threads_for


@pytest.mark.parametrize("text", ["max 100000\n", "", "x y\n", "100000 0\n", "1 2 3"])
def test_without_a_limit_all_cores_count(tmp_path: Path, text: str) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert usable_cores(tmp_path / "cpu.max") == usable_cores(tmp_path / "none") >= 1


@pytest.mark.parametrize("text", ["100000 100000\n", "50000 100000\n"])
def test_a_container_has_the_cores_of_its_limit(tmp_path: Path, text: str) -> None:
    (tmp_path / "cpu.max").write_text(text)
    assert usable_cores(tmp_path / "cpu.max") == 1


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (2, 1), (4, 3), (8, 7), (64, 8)])
def test_one_core_is_left_to_others(cores: int, threads: int) -> None:
    assert threads_for(cores) == threads

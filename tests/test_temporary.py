"""The folders of tests are in memory only where there is enough of it, and where programs may run."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.temporary import ROOM, folder_in_memory


@pytest.mark.parametrize(
    ("free", "flags", "used"), [(ROOM, 0, True), (ROOM - 1, 0, False), (ROOM, os.ST_NOEXEC, False)]
)
def test_memory_is_used_if_there_is_room_and_programs_may_run(
    free: int, flags: int, used: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = SimpleNamespace(f_bavail=free, f_frsize=1, f_flag=flags)
    monkeypatch.setattr(os, "statvfs", lambda _: state)
    assert folder_in_memory(tmp_path) == (tmp_path if used else None)


def test_without_a_file_system_in_memory_pytest_chooses(tmp_path: Path) -> None:
    assert folder_in_memory(tmp_path / "missing") is None

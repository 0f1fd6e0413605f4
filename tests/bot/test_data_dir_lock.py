"""Tests of the lock of DATA_DIR: only one bot has it, and it is free after any end of a bot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bot.data_dir_lock import DataDirInUseError, data_dir_lock
from config.project import ROOT

HOLD = (
    "import sys, pathlib, bot.data_dir_lock as lock\n"
    "with lock.data_dir_lock(pathlib.Path(sys.argv[1])):\n"
    "    print('held', flush=True)\n"
    "    sys.stdin.read()\n"
)


def test_a_second_bot_is_refused_with_the_process_id_of_the_first_until_the_first_is_killed(tmp_path: Path) -> None:
    command = (sys.executable, "-c", HOLD, str(tmp_path))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"held\n"
        for _ in range(2):
            with pytest.raises(DataDirInUseError, match=rf"DATA_DIR={tmp_path} already \(process {first.pid}\)"):
                data_dir_lock(tmp_path).__enter__()
        first.kill()
        first.wait()
    with data_dir_lock(tmp_path):
        pass


def test_two_bots_with_two_folders_may_run(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).mkdir()
    with data_dir_lock(tmp_path / "a"), data_dir_lock(tmp_path / "b"):
        pass

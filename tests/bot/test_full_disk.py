"""Tests of a full disk, on which files can be created but not written. The error names the setting or the file."""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path

import pytest

from bot.data_dir_lock import data_dir_lock
from bot.demo.sandbox_bot import last_words
from config.project import ROOT

FULL = (
    "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0)); "
    "from bot.__main__ import main; sys.exit(main(sys.argv[1:]))"
)
"""The program with a file size limit of 0 bytes. This acts like a full disk, without a disk that must be mounted."""
LIMIT = 120.0
"""Seconds that a test waits at most, so that a broken test ends."""


@pytest.mark.parametrize("command", ["run", "demo"])
async def test_a_start_that_can_not_write_names_the_folders_and_their_settings(tmp_path: Path, command: str) -> None:
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    folders = {name: str(tmp_path / name) for name in ("DATA_DIR", "CACHE_DIR", "TTS_VOICES_DIR")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FULL, command),
        cwd=tmp_path,
        env=kept | folders | {"PYTHONPATH": str(ROOT), "HOME": str(tmp_path), "DISCORD_TOKEN": "x"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 2, said.decode()
    # Of the bot's own folders, DATA_DIR and CACHE_DIR, only the first is reported. The voices' folder is checked apart.
    for variable in ("DATA_DIR", "TTS_VOICES_DIR"):
        assert f"{variable}={folders[variable]} can't be written to: " in said.decode()
    assert "Make room, or choose another folder." in said.decode()
    assert "Traceback" not in said.decode()


def test_the_error_of_the_lock_names_its_file(tmp_path: Path) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
    try:
        with pytest.raises(OSError, match=r"seiyuu\.lock"), data_dir_lock(tmp_path):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_an_empty_log_of_the_bot_is_not_quoted(tmp_path: Path) -> None:
    log = tmp_path / "bot.log"
    log.write_text("")
    assert last_words(log) == "Its log is empty."
    log.write_text("".join(f"line {number}\n" for number in range(9)))
    assert last_words(log) == "It said last:\nline 4\nline 5\nline 6\nline 7\nline 8"

"""The exit statuses in the operator guide are those of the programs."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest

from config.project import ROOT
from tests.docs.pages import OPERATOR, rows
from tests.forked import BOT, SPEECH_SERVER, Running, forks

LIMIT = 90.0
"""Seconds that a test waits at most, so that a broken test ends."""


def test_the_table_has_all_exit_statuses() -> None:
    assert [row.cells[0] for row in rows(OPERATOR, "exit status")] == ["0", "1", "2", "130"]


@pytest.mark.parametrize(
    ("program", "variables", "status", "told"),
    [
        ("bot health", {}, 1, '"status": "down"'),
        ("bot health --json", {}, 1, '"status": "down"'),
        ("bot run", {}, 2, "DISCORD_TOKEN is not set"),
        ("bot run", {"LLM_TEMPERATURE": "9"}, 2, "LLM_TEMPERATURE: '9' is not valid."),
        ("bot doctor", {"PERSONA": "nobody"}, 2, "nobody"),
        ("bot version", {}, 0, "Seiyuu"),
        ("bot backup --help", {}, 0, "usage: python -m bot backup"),
        ("bot backup saved.sqlite3", {}, 1, "There is nothing to back up"),
        ("bot restore saved.sqlite3", {}, 2, "saved.sqlite3 can't be read: there is no such file or folder."),
        ("bot restore", {}, 2, "FILE"),
        ("bot models", {}, 0, "whisper-small"),
        ("bot models check", {}, 0, "whisper-small: is not here"),
        ("bot models check", {"STT_MODEL": "small"}, 1, "models download whisper-small`"),
        ("bot models download", {"STT_MODEL": "small"}, 2, "Nothing was downloaded"),
        ("bot models check nothing", {}, 2, "There is no model 'nothing'"),
        ("tts_server --check", {}, 0, "espeak-ng: "),
        ("tts_server", {"TTS_VOICE": "nobody", "TTS_BIND": "127.0.0.1:0"}, 2, "nobody"),
        ("bot run", {"DISCORD_TOKEN": "x", "PERSONA": "nobody"}, 2, "PERSONA: there is no persona 'nobody'"),
        ("tts_server --check", {"TTS_ENGINE": "xtts"}, 1, "models download xtts-v2"),
        ("tts_server", {"TTS_IDLE_UNLOAD": "soon"}, 2, "TTS_IDLE_UNLOAD: 'soon' is not valid."),
        ("tts_server --check", {"TTS_ENGINE": "openai"}, 1, "OPENAI_API_KEY=…"),
    ],
)
async def test_programs_end_as_the_table_says(
    program: str, variables: dict[str, str], status: int, told: str, tmp_path: Path
) -> None:
    module, *arguments = program.split()
    source = forks(*(BOT if module == "bot" else SPEECH_SERVER))
    process = await source.start(module, *arguments, folder=tmp_path, environment=surroundings(tmp_path, variables))
    assert_ended(await ended(process), status, told)


@pytest.mark.parametrize(
    ("program", "status", "told"),
    [
        ("bot health", 1, '"status": "down"'),
        ("bot run", 2, "DISCORD_TOKEN is not set"),
        ("tts_server --check", 0, "espeak-ng: "),
    ],
)
async def test_programs_that_are_started_and_not_forked_end_as_the_table_says(
    program: str, status: int, told: str, tmp_path: Path
) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", *program.split()),
        cwd=tmp_path,
        env=surroundings(tmp_path, {}),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert_ended(await ended(process), status, told)


def surroundings(folder: Path, variables: dict[str, str]) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "200",
        "TTS_BIND": "127.0.0.1:0",
        **variables,
    }


async def ended(process: Running) -> tuple[int | None, str]:
    """The exit status and the whole output of a program."""
    try:
        said, _ = await asyncio.wait_for(process.communicate(), LIMIT)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode, said.decode()


def assert_ended(how: tuple[int | None, str], status: int, told: str) -> None:
    returned, text = how
    assert (returned, "Traceback" in text) == (status, False), text
    assert told in text

"""The program as a user runs it, in an empty folder, with nothing of this machine's settings."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from config.project import ROOT
from sandbox.server import Sandbox

SAID_LIMIT = 60.0


@asynccontextmanager
async def program(*arguments: str, folder: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """``python -m bot`` in an empty folder, with nothing of this machine's settings; killed at the end if need be.

    It uses toys, whatever weights the cache of this machine holds.
    """
    usual = {"TTS_BIND": "127.0.0.1:0", "COLUMNS": "200", "WEIGHTS": "toys"}
    async with running(sys.executable, "-m", "bot", *arguments, folder=folder, **usual | environment) as process:
        yield process


@asynccontextmanager
async def running(*command: str, folder: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A command with the project on Python's path and nothing of this machine's settings; killed at the end."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env={**kept, "PYTHONPATH": str(ROOT), **environment},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def output(process: asyncio.subprocess.Process) -> str:
    said, _ = await asyncio.wait_for(process.communicate(), SAID_LIMIT)
    return said.decode()


async def read_until(process: asyncio.subprocess.Process, words: str) -> str:
    said = ""
    assert process.stdout is not None
    try:
        async with asyncio.timeout(SAID_LIMIT):
            while words not in said:
                line = await process.stdout.readline()
                assert line, f"ended without saying {words!r}: {said}"
                said += line.decode()
    except TimeoutError:
        raise AssertionError(f"does not say {words!r}: {said}") from None
    return said


def pointed_at(sandbox: Sandbox) -> dict[str, str]:
    return {
        "DISCORD_TOKEN": sandbox.bot_token,
        "DISCORD_API_URL": sandbox.api_url,
        "DISCORD_CA_FILE": str(sandbox.ca_file),
    }

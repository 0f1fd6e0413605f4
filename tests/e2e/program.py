"""Runs the program as a user does: in an empty folder, without this machine's settings."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from config.project import ROOT
from tests import authorities
from tests.forked import BOT, STDOUT, Forked, Forks, Running, forks

SAID_LIMIT = 120.0
VOICE = "TTS_WEBSOCKET_URL"
"""The setting with the address of a speech server that runs already. Without the setting, a bot starts a server itself,
which in most tests takes as long as everything else. So only tests of the server's process let the bot start it.
"""


@asynccontextmanager
async def program(*arguments: str, folder: Path, **environment: str) -> AsyncIterator[Forked]:
    """Run ``python -m bot`` in an empty folder, without this machine's settings. It is killed at the end.

    It uses toy weights, even if this machine's cache has real ones.
    """
    async with program_of(forks(*BOT), *arguments, folder=folder, **environment) as process:
        yield process


@asynccontextmanager
async def program_in(module: str, /, *arguments: str, folder: Path, **environment: str) -> AsyncIterator[Forked]:
    """Run ``python -m module``, which runs the bot with a fault around it, as :func:`program` runs the bot."""
    process = await _start(forks(*BOT), arguments, folder, environment, stderr=STDOUT, module=module)
    async with _ended(process):
        yield process


@asynccontextmanager
async def logged_program(log: Path, /, *arguments: str, folder: Path, **environment: str) -> AsyncIterator[Forked]:
    """Run ``python -m bot`` with its log in a file, so that its output has nothing but what it prints."""
    with log.open("wb") as file:
        process = await _start(forks(*BOT), arguments, folder, environment, stderr=file.fileno())
    async with _ended(process):
        yield process


@asynccontextmanager
async def program_of(source: Forks, *arguments: str, folder: Path, **environment: str) -> AsyncIterator[Forked]:
    """Run ``python -m bot`` of a copy of the project."""
    process = await _start(source, arguments, folder, environment, stderr=STDOUT)
    async with _ended(process):
        yield process


async def _start(
    source: Forks,
    arguments: tuple[str, ...],
    folder: Path,
    environment: dict[str, str],
    *,
    stderr: int,
    module: str = "bot",
) -> Forked:
    usual = {"TTS_BIND": "127.0.0.1:0", "WEB_BIND": "127.0.0.1:0", "COLUMNS": "200", "WEIGHTS": "toys"}
    settings = _surroundings(usual | environment)
    return await source.start(module, *arguments, folder=folder, environment=settings, stderr=stderr, new_session=True)


@asynccontextmanager
async def running(*command: str, folder: Path, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run a command with the project on Python's path, without this machine's settings. It is killed at the end."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        env=_surroundings(environment),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    async with _ended(process):
        yield process


@asynccontextmanager
async def _ended(process: Running) -> AsyncIterator[None]:
    """Kill the process and its session at the end of the block, if it is still running."""
    try:
        yield
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def _surroundings(environment: dict[str, str]) -> dict[str, str]:
    names = ("PATH", "HOME", "LANG", *authorities.VARIABLES)
    kept = {name: os.environ[name] for name in names if name in os.environ}
    return {**kept, "PYTHONPATH": str(ROOT), **environment}


async def output(process: Running) -> str:
    said, _ = await asyncio.wait_for(process.communicate(), SAID_LIMIT)
    return said.decode()


async def read_until(process: Running, words: str) -> str:
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


def speech_port(process: Running) -> int:
    """The port of the speech server that a bot has started. For port 0 in ``TTS_BIND``, the system chooses it."""
    children = psutil.Process(process.pid).children(recursive=True)
    servers = [child for child in children if "tts_server" in child.cmdline()]
    connections = [each for server in servers for each in server.net_connections("tcp4")]
    (port,) = {each.laddr.port for each in connections if each.status == psutil.CONN_LISTEN}
    return int(port)

"""A fixture of the tests of music: quickly started decoding processes."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from bot.music import decoding
from config.project import child_environment
from tests.forked import DEVNULL, MUSIC, PIPE, forks


@pytest.fixture
def forked_decoders(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the decoding processes, because their imports take longer than their work.

    The server of the forks starts here, so that it is not among the processes that a test has started.
    """
    server = forks(*MUSIC)

    async def start(module: str, *arguments: str, takes_input: bool) -> asyncio.subprocess.Process:
        process = await server.start(
            *(module, *arguments),
            folder=Path.cwd(),
            environment=child_environment(),
            stdin=PIPE if takes_input else DEVNULL,
            stderr=DEVNULL,
            new_session=True,
            limit=decoding.BUFFER_BYTES,
        )
        return cast(asyncio.subprocess.Process, process)

    monkeypatch.setattr(decoding, "start_decoder", start)

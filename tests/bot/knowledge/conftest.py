"""A fixture of the tests of knowledge: quickly started programs that read files."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import cast

import pytest

from bot.knowledge import reading
from bot.knowledge.readers import child
from tests.forked import DEVNULL, READERS, forks


@pytest.fixture
def forked_readers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fork the programs that read files, because their imports take longer than most of their work."""
    start, usual = reading.start_reader, Path(child.__file__)

    async def fork(program: Path, *arguments: str) -> asyncio.subprocess.Process:
        if program != usual:
            return await start(program, *arguments)
        process = await forks(*READERS).start(
            *(READERS[0], *arguments), folder=Path.cwd(), environment={}, stderr=DEVNULL, limit=reading.MAX_LINE
        )
        return cast(asyncio.subprocess.Process, process)

    monkeypatch.setattr(reading, "start_reader", fork)

"""Fixtures of the tests of stored conversations."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.database import Database
from tests.bot.conversations.archives import Archive


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        yield database


@pytest.fixture
def archive(database: Database) -> Archive:
    return Archive(database)

"""The table at which the tests of turn taking sit."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.voice.turn_taking.table import Table, seated


@pytest.fixture
async def table() -> AsyncIterator[Table]:
    async with seated() as table:
        yield table

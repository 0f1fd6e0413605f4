"""The fixture of the tests of turn taking."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.voice.turn_taking.harness import TurnTakingHarness, running_turn_taking


@pytest.fixture
async def harness() -> AsyncIterator[TurnTakingHarness]:
    async with running_turn_taking() as harness:
        yield harness

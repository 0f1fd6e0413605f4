"""The fixtures of the tests of turn taking."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.voice.speculation import Speculation
from tests.voice.turn_taking.harness import TurnTakingHarness, running_turn_taking


@pytest.fixture
async def harness() -> AsyncIterator[TurnTakingHarness]:
    """Turn taking without interim transcripts."""
    async with running_turn_taking() as harness:
        yield harness


@pytest.fixture(name="with_interims")
async def harness_with_interims() -> AsyncIterator[TurnTakingHarness]:
    """Turn taking with interim transcripts."""
    async with running_turn_taking(speculation=Speculation(interims=True)) as harness:
        yield harness

"""Fixtures: the API for programs, without a token."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.bot.http.api.api_stage import ApiStage, api_stage


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ApiStage]:
    """The API, as on the operator's own machine."""
    async with api_stage(tmp_path) as stage:
        yield stage

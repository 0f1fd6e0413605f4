"""Fixtures: the bot's HTTP server without and with a token."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.bot.http.web_stage import SECRET, WebStage, web_stage


@pytest.fixture
async def local() -> AsyncIterator[WebStage]:
    """A server without a token, as on the operator's own machine."""
    async with web_stage() as stage:
        yield stage


@pytest.fixture
async def locked() -> AsyncIterator[WebStage]:
    """A server with a token."""
    async with web_stage(SECRET) as stage:
        yield stage

"""Fixtures: the server for Twilio."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.bot.http.twilio.stage import TwilioStage, twilio_stage


@pytest.fixture
async def stage() -> AsyncIterator[TwilioStage]:
    async with twilio_stage() as stage:
        yield stage

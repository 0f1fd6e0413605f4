"""Presets over the WebSocket: their parameters reach the engine, and an unknown preset is an error."""

from __future__ import annotations

from tests.tts_server.client import running
from tests.tts_server.spelling_engine import SpellingEngine
from wire.messages import Failure
from wire.presets import Presets


async def test_a_preset_reaches_the_engine_and_an_unknown_one_is_an_error() -> None:
    engine = SpellingEngine("engine")
    async with running(engine, presets=Presets.read()) as server, server.connect() as client:
        await client.say("w1.", "r1", preset="energetic", temperature=0.3)
        await client.hear()
        spoken = engine.parameters[-1]
        assert (spoken.temperature, spoken.repetition_penalty, spoken.speed) == (0.3, 2.5, 1.1)
        await client.say("w1.", "r2", preset="grumpy")
        failure = (await client.hear()).failure
        assert isinstance(failure, Failure)
        assert (failure.code, "grumpy" in failure.error) == ("bad_parameter", True)

"""Tests of a voice that must be loaded: `!join` shows the progress, and later changes are posted in the channel."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from sandbox.world.entities import Message
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.features.talk import let_own
from tests.tts_server.client import RunningServer, running_with
from tests.tts_server.spelling_engine import LoadingEngine, SpellingEngine
from tts_server.engines.base import EngineError
from tts_server.voices.library import VoiceLibrary


@dataclass
class Loading:
    """A stage whose speech server has a voice that loads until ``engine.gate`` is set."""

    stage: Stage
    server: RunningServer
    engine: LoadingEngine

    def answers(self) -> list[Message]:
        """The bot's messages in the general channel, with their current text."""
        general = self.stage.sandbox.home.general
        return [message for message in self.stage.ada.messages(general) if message.author.bot]


@pytest.fixture
async def loading(make_stage: StageMaker, tmp_path: Path) -> AsyncIterator[Loading]:
    async with a_loading_voice(make_stage, tmp_path) as loading:
        yield loading


@asynccontextmanager
async def a_loading_voice(make_stage: StageMaker, folder: Path) -> AsyncIterator[Loading]:
    engine = LoadingEngine("XTTS")
    async with running_with(VoiceLibrary(folder / "voices"), [engine, SpellingEngine("espeak-ng")]) as server:
        url = server.url("/ws/stream", "ws")
        try:
            async with make_stage(tts_websocket_url=url) as stage:
                yield Loading(stage, server, engine)
        finally:
            engine.gate.set()


async def test_the_message_of_a_join_shows_how_far_the_voice_is_loaded_and_becomes_the_answer(loading: Loading) -> None:
    await loading.stage.ask("!join")
    assert await loading.stage.told("⏳ Loading my voice: 50 %")
    (message,) = loading.answers()
    loading.engine.gate.set()
    assert await loading.stage.told("🎤 Joined Lounge!")
    assert loading.answers()[0].id == message.id
    assert loading.stage.app.calls.current_on(loading.stage.sandbox.guild.id) is not None


async def test_leaving_while_the_voice_loads_cancels_the_join(loading: Loading) -> None:
    await loading.stage.ask("!join")
    await loading.stage.told("⏳ Loading my voice")
    await loading.stage.answer_to("!leave", starts="👋 Left")
    await loading.stage.until(lambda: loading.stage.app.calls.status().state.value == "idle", "rest")
    async with asyncio.timeout(LIMIT):
        while any("⏳" in message.content for message in loading.answers()):
            await asyncio.sleep(0.02)
    loading.engine.gate.set()
    assert await loading.stage.answer_to("!join", starts="🎤 Joined")


async def test_a_voice_that_does_not_load_is_reported_and_another_one_speaks(loading: Loading) -> None:
    loading.engine.failure_to_load = EngineError("the weights are missing")
    loading.engine.gate.set()
    await loading.stage.ask("!join")
    await loading.stage.told("🎤 Joined")
    assert await loading.stage.told("⚠️ My voice has failed, so espeak-ng speaks until it works again: the weights are")


async def test_low_performance_mode_is_reported_in_the_channel_and_so_is_its_end(loading: Loading) -> None:
    loading.engine.gate.set()
    let_own(loading.stage.sandbox, loading.stage.ada)
    await loading.stage.join()
    said = await loading.stage.answer_to("!low-performance on", starts="🐢 Low-performance mode is on:")
    assert said == "🐢 Low-performance mode is on: espeak-ng speaks."
    await loading.stage.told("🐢 Low-performance mode is on, so espeak-ng speaks meanwhile.")
    assert loading.server.pool.speaking_engine == "espeak-ng"
    await loading.stage.answer_to("!low-performance off", starts="🐢 Low-performance mode is off: XTTS")
    await loading.stage.told("🎤 My own voice is back.")

"""An engine with a model: loaded on first use, with progress reports, and unloaded after a while without use."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
import pytest

from tests.tts_server.client import RunningServer, SpeechClient, running
from tests.tts_server.spelling_engine import LoadingEngine, SpellingEngine, words_heard
from tts_server.engines.base import EngineError
from wire.messages import EngineChanged, Loading

NOTICES = "/ws/stream?notices=true"
SOON = 0.05


@dataclass
class Voice:
    server: RunningServer
    wanted: LoadingEngine
    other: SpellingEngine


@asynccontextmanager
async def a_voice(idle_seconds: float = SOON) -> AsyncIterator[Voice]:
    wanted, other = LoadingEngine("wanted"), SpellingEngine("other")
    async with running(wanted, other, idle_seconds=idle_seconds) as server:
        yield Voice(server, wanted, other)
        wanted.gate.set()


async def words(client: SpeechClient) -> list[int]:
    await client.say("w1 w2.", preprocess_text=False)
    return words_heard((await client.hear()).samples)


async def unloaded(voice: Voice) -> None:
    async with asyncio.timeout(5):
        while voice.wanted.loaded:
            await asyncio.sleep(0.01)


async def test_nothing_is_loaded_until_a_client_connects_which_is_notified_of_the_progress() -> None:
    async with a_voice() as voice:
        assert voice.wanted.loads == 0
        async with voice.server.connect(NOTICES) as client:
            assert await client.next() == EngineChanged("other", "loading")
            assert await client.next() == Loading("wanted", 0.0)
            assert await client.next() == Loading("wanted", 0.5)
            health = await voice.server.health()
            assert (health["engine"], health["speaking"], health["loading"]) == ("wanted", "other", 0.5)
            voice.wanted.gate.set()
            assert await client.next() == Loading("wanted", 1.0)
            assert await client.next() == EngineChanged("wanted", "ready")
            await unloaded_after_leaving(voice, client)


async def unloaded_after_leaving(voice: Voice, client: SpeechClient) -> None:
    assert await words(client) == [1, 2]
    assert voice.wanted.texts == ["w1 w2."]
    await asyncio.sleep(4 * SOON)
    assert voice.wanted.loaded
    await client.socket.close()
    await unloaded(voice)


async def test_a_client_without_notices_gets_none_and_is_answered_while_the_engine_loads() -> None:
    async with a_voice() as voice, voice.server.connect() as client:
        assert await words(client) == [1, 2]
        assert voice.other.texts[-1] == "w1 w2."
        voice.wanted.gate.set()


async def test_a_request_for_a_file_waits_for_the_requested_voice() -> None:
    async with a_voice() as voice:
        body = {"model": "tts-1", "input": "w1 w2.", "voice": "alloy", "response_format": "pcm"}
        address = voice.server.url("/v1/audio/speech")
        asking = asyncio.create_task(voice.server.session.post(address, json=body))
        while not voice.wanted.loads:
            await asyncio.sleep(0.005)
        assert not asking.done()
        voice.wanted.gate.set()
        async with await asking as response:
            assert len(await response.read()) > 0
        assert len(voice.wanted.texts) == 1
        await unloaded(voice)


async def test_a_client_that_comes_during_the_unloading_finds_the_engine_loaded_again() -> None:
    async with a_voice() as voice:
        voice.wanted.gate.set()
        for _ in range(20):
            async with voice.server.connect(NOTICES) as client:
                while await client.next() != EngineChanged("wanted", "ready"):
                    pass
                assert await words(client) == [1, 2]
            await asyncio.sleep(float(np.random.default_rng().uniform(0, 2 * SOON)))
        assert len(voice.wanted.texts) == 20


@pytest.mark.parametrize(
    ("failure", "detail"),
    [
        (EngineError("the weights are missing"), "the weights are missing"),
        (RuntimeError("a bug of its library"), "wanted could not be loaded: RuntimeError('a bug of its library')"),
    ],
)
async def test_an_engine_that_does_not_load_is_reported_and_the_other_speaks(failure: Exception, detail: str) -> None:
    async with a_voice() as voice, voice.server.connect(NOTICES) as client:
        voice.wanted.failure_to_load = failure
        voice.wanted.gate.set()
        while await client.next() != EngineChanged("other", "failed", detail):
            pass
        assert (await voice.server.health())["loading"] is None
        assert await words(client) == [1, 2]


async def test_beyond_five_replies_at_once_a_faster_engine_speaks_and_then_none() -> None:
    wanted, other = SpellingEngine("wanted"), SpellingEngine("other")
    async with running(wanted, other) as server, asyncio.TaskGroup() as tasks:
        clients = []
        for number in range(17):
            clients.append(tasks.create_task(first_words(server, number)))
            await client_speaks(wanted, other, number)
        refused = await clients[-1]
        assert refused == ["overloaded"]
        assert len([text for text in wanted.texts if "w" in text]) == 5
        assert len([text for text in other.texts if "w" in text]) == 11
        for client in clients:
            client.cancel()


async def first_words(server: RunningServer, number: int) -> list[str]:
    """Begin a reply that stays open. Returns the code of its error, if any."""
    async with server.connect() as client:
        await client.send(token=f"w{number} w{number}. And then", reply="r", preprocess_text=False)
        while True:
            message = await client.next()
            if code := getattr(message, "code", None):
                return [code]


async def client_speaks(wanted: SpellingEngine, other: SpellingEngine, number: int) -> None:
    async with asyncio.timeout(5):
        while number < 16 and not any(f"w{number} " in text for text in wanted.texts + other.texts):
            await asyncio.sleep(0.005)


async def test_an_engine_that_needs_no_loading_is_ready_at_once() -> None:
    async with running(SpellingEngine("only")) as server, server.connect(NOTICES) as client:
        assert await client.next() == EngineChanged("only", "ready")

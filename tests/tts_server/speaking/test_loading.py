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

PATH_WITH_NOTICES = "/ws/stream?notices=true"
IDLE_SECONDS = 0.05
"""The engine is unloaded after this many seconds without a client."""


@dataclass
class TwoEngines:
    """A speech server with an engine that has to be loaded (``wanted``), and one that speaks meanwhile (``other``)."""

    server: RunningServer
    wanted: LoadingEngine
    other: SpellingEngine


@asynccontextmanager
async def two_engines(idle_seconds: float = IDLE_SECONDS) -> AsyncIterator[TwoEngines]:
    wanted, other = LoadingEngine("wanted"), SpellingEngine("other")
    async with running(wanted, other, idle_seconds=idle_seconds) as server:
        yield TwoEngines(server, wanted, other)
        wanted.gate.set()


async def spoken_words(client: SpeechClient) -> list[int]:
    await client.say("w1 w2.", preprocess_text=False)
    return words_heard((await client.hear()).samples)


async def wait_until_unloaded(engines: TwoEngines) -> None:
    async with asyncio.timeout(30):
        while engines.wanted.loaded:
            await asyncio.sleep(0.01)


async def test_the_engine_is_loaded_when_a_client_connects_and_the_client_is_told_the_progress() -> None:
    async with two_engines() as engines:
        assert engines.wanted.loads == 0
        async with engines.server.connect(PATH_WITH_NOTICES) as client:
            assert await client.next() == EngineChanged("other", "loading")
            assert await client.next() == Loading("wanted", 0.0)
            assert await client.next() == Loading("wanted", 0.5)
            health = await engines.server.health()
            assert (health["engine"], health["speaking"], health["loading"]) == ("wanted", "other", 0.5)
            engines.wanted.gate.set()
            assert await client.next() == Loading("wanted", 1.0)
            assert await client.next() == EngineChanged("wanted", "ready")
            await engine_stays_loaded_until_the_client_leaves(engines, client)


async def engine_stays_loaded_until_the_client_leaves(engines: TwoEngines, client: SpeechClient) -> None:
    assert await spoken_words(client) == [1, 2]
    assert engines.wanted.texts == ["w1 w2."]
    await asyncio.sleep(4 * IDLE_SECONDS)
    assert engines.wanted.loaded
    await client.socket.close()
    await wait_until_unloaded(engines)


async def test_a_client_without_notices_gets_none_and_is_answered_while_the_engine_loads() -> None:
    async with two_engines() as engines, engines.server.connect() as client:
        assert await spoken_words(client) == [1, 2]
        assert engines.other.texts[-1] == "w1 w2."
        engines.wanted.gate.set()


async def test_a_request_for_a_sound_file_waits_until_the_wanted_engine_is_loaded() -> None:
    async with two_engines() as engines:
        body = {"model": "tts-1", "input": "w1 w2.", "voice": "alloy", "response_format": "pcm"}
        address = engines.server.url("/v1/audio/speech")
        asking = asyncio.create_task(engines.server.session.post(address, json=body))
        while not engines.wanted.loads:
            await asyncio.sleep(0.005)
        assert not asking.done()
        engines.wanted.gate.set()
        async with await asking as response:
            assert len(await response.read()) > 0
        assert len(engines.wanted.texts) == 1
        await wait_until_unloaded(engines)


async def test_a_client_that_comes_during_the_unloading_finds_the_engine_loaded_again() -> None:
    async with two_engines() as engines:
        engines.wanted.gate.set()
        for _ in range(20):
            async with engines.server.connect(PATH_WITH_NOTICES) as client:
                while await client.next() != EngineChanged("wanted", "ready"):
                    pass
                assert await spoken_words(client) == [1, 2]
            await asyncio.sleep(float(np.random.default_rng().uniform(0, 2 * IDLE_SECONDS)))
        assert len(engines.wanted.texts) == 20


@pytest.mark.parametrize(
    ("failure", "detail"),
    [
        (EngineError("the weights are missing"), "the weights are missing"),
        (RuntimeError("a bug of its library"), "wanted could not be loaded: RuntimeError('a bug of its library')"),
    ],
)
async def test_an_engine_that_does_not_load_is_reported_and_the_other_speaks(failure: Exception, detail: str) -> None:
    async with two_engines() as engines, engines.server.connect(PATH_WITH_NOTICES) as client:
        engines.wanted.failure_to_load = failure
        engines.wanted.gate.set()
        while await client.next() != EngineChanged("other", "failed", detail):
            pass
        assert (await engines.server.health())["loading"] is None
        assert await spoken_words(client) == [1, 2]


async def test_from_the_sixth_simultaneous_reply_on_a_faster_engine_speaks_and_the_seventeenth_is_refused() -> None:
    wanted, other = SpellingEngine("wanted"), SpellingEngine("other")
    async with running(wanted, other) as server, asyncio.TaskGroup() as tasks:
        clients = []
        for number in range(17):
            clients.append(tasks.create_task(first_words(server, number)))
            await text_reaches_an_engine(wanted, other, number)
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


async def text_reaches_an_engine(wanted: SpellingEngine, other: SpellingEngine, number: int) -> None:
    async with asyncio.timeout(30):
        while number < 16 and not any(f"w{number} " in text for text in wanted.texts + other.texts):
            await asyncio.sleep(0.005)


async def test_an_engine_that_needs_no_loading_is_ready_at_once() -> None:
    async with running(SpellingEngine("only")) as server, server.connect(PATH_WITH_NOTICES) as client:
        assert await client.next() == EngineChanged("only", "ready")

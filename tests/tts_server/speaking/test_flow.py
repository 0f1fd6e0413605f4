"""Slow clients, clients that vanish, and servers that end: memory stays bounded and nothing is left running."""

from __future__ import annotations

import asyncio
import gc
import socket
import struct
import threading
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from tests.http_server import LocalServer
from tests.timing import clock_of_the_loop
from tests.tts_server.client import TIMEOUT, RunningServer, SpeechClient, running
from tests.tts_server.stand_in_engines import CHUNK, CountingEngine, GatedEngine
from tts_server.api.stream_api import StreamApi
from tts_server.metrics import Metrics
from tts_server.speaking.engine_pool import EnginePool
from tts_server.text.segmenter import LIMIT

STORY = "This is the sentence with the number 1 in it, and so it goes on. " * 60
BYTES_PER_SAMPLE = 4
PLACES = 16
PATIENCE = 10.0
"""For how many seconds of its clock the server waits for a client that does not read."""


async def test_a_slow_reader_loses_nothing_and_holds_the_engine_back() -> None:
    engine = CountingEngine(chunks=8)
    async with running(engine) as server, server.connect() as client:
        await client.say(STORY, "r1", preprocess_text=False)
        held = await _made_when_stuck(engine) * BYTES_PER_SAMPLE
        whole = len(STORY) * 8 * CHUNK * BYTES_PER_SAMPLE
        segment = LIMIT * 8 * CHUNK * BYTES_PER_SAMPLE
        # Buffers of both sockets in the kernel (about 6 MB), buffers of both libraries, and one segment.
        assert held < 12_000_000 + segment < whole / 4
        heard = await client.hear()
    assert heard.text == STORY
    spoken = [text.strip() for text in heard.texts]
    assert len(heard.samples) == sum(len(text) for text in spoken) * 8 * CHUNK
    with_number = sum(len(text) for text in spoken if "1" in text) * 8 * CHUNK
    assert np.count_nonzero(heard.samples == np.float32(0.001)) == with_number


async def test_a_slow_reader_does_not_block_the_engine_for_others() -> None:
    engine = CountingEngine(chunks=8)
    async with running(engine) as server, server.connect() as slow, server.connect() as other:
        await slow.say(STORY, "r1", preprocess_text=False)
        await _made_when_stuck(engine)
        await other.say("Hello.", "r2")
        async with asyncio.timeout(TIMEOUT):
            assert (await other.hear()).text == "Hello."


async def test_clients_that_do_not_read_lose_their_places_to_others(caplog: pytest.LogCaptureFixture) -> None:
    pool = EnginePool([CountingEngine(chunks=8)])
    application = web.Application()
    streams = StreamApi(lambda: pool, Metrics(), time.monotonic, lambda _: (), read_timeout=PATIENCE)
    application.add_routes(streams.routes())
    async with LocalServer(application) as server, aiohttp.ClientSession() as session, AsyncExitStack() as stack:
        let_pass = stack.enter_context(clock_of_the_loop())
        url = server.url + "/ws/stream"
        for _ in range(PLACES):
            stuck = SpeechClient(await stack.enter_async_context(session.ws_connect(url)))
            await stuck.say(STORY, "r1", preprocess_text=False)
        async with session.ws_connect(url) as socket:
            other = SpeechClient(socket)
            await other.say("Hello.", "refused")
            assert (await other.hear()).failure is not None, "every place is taken"
            # The clients get stuck one after the other, as each gets the engine.
            while caplog.text.count(f"took nothing for {PATIENCE:g} s") < PLACES:
                let_pass(PATIENCE)
                await asyncio.sleep(0.05)
            await other.say("Hello.", "r2")
            assert (await other.hear()).failure is None
    await pool.close()


async def test_a_client_that_vanishes_frees_everything() -> None:
    engine = GatedEngine()
    async with running(engine) as server:
        engine.close_gate()
        before = _tasks()
        for _ in range(20):
            async with _vanishing(server):
                pass
        async with asyncio.timeout(TIMEOUT):
            while _tasks() - before or await server.metric("tts_connections"):
                await asyncio.sleep(0.005)
        engine.gate.set()
        async with server.connect() as client:
            await client.say("Still here.")
            assert (await client.hear()).text == "Still here."


async def test_the_server_ends_while_it_speaks() -> None:
    engine = GatedEngine()
    threads = _threads()
    tasks = _tasks()
    async with running(engine) as server:
        engine.close_gate()
        client = await server.session.ws_connect(server.url("/ws/stream"))
        await client.send_json({"token": "A reply that hangs.", "flush": True})
        await client.receive()
        ending = asyncio.create_task(server.http.stop())
        while not client.closed:
            await client.receive(timeout=TIMEOUT)
        assert client.close_code == aiohttp.WSCloseCode.GOING_AWAY
        await asyncio.wait_for(ending, TIMEOUT)
    assert engine.closed
    assert not _tasks() - tasks
    assert not _threads() - threads


async def test_fifty_connections_in_a_row_leave_nothing() -> None:
    async with running(CountingEngine()) as server:
        async with server.connect() as client:
            await client.say("Hello.")
            await client.hear()
        before, threads = _tasks(), _threads()
        for _ in range(50):
            async with server.connect() as client:
                await client.say("Hello.")
                await client.hear()
        async with asyncio.timeout(TIMEOUT):
            while _tasks() - before:
                await asyncio.sleep(0.005)
        gc.collect()
        assert not _threads() - threads


@asynccontextmanager
async def _vanishing(server: RunningServer) -> AsyncIterator[None]:
    """Run a client whose connection is reset while sound is sent to it."""
    client = await server.session.ws_connect(server.url("/ws/stream"))
    await client.send_json({"token": "A reply that hangs. And one more.", "flush": True})
    await client.receive()
    yield
    connection = client.get_extra_info("socket")
    linger_for_no_time = struct.pack("ii", 1, 0)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger_for_no_time)
    client._response.close()  # A close of the socket; client.close() would say goodbye first.


def _tasks() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if not task.done()}


def _threads() -> set[threading.Thread]:
    """All threads but those of the event loop's own pool, which may grow as long as none of them is free."""
    return {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio")}


async def _made_when_stuck(engine: CountingEngine) -> int:
    """Number of samples made when the engine makes no more, because all buffers up to the client are full."""
    made = -1
    async with asyncio.timeout(TIMEOUT):
        while made != engine.made or not made:
            made = engine.made
            await asyncio.sleep(0.3)
    return made

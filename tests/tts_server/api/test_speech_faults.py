"""``POST /v1/audio/speech`` when the engine or the client fails, or takes too long."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Generator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp
import numpy as np
import pytest
from aiohttp import web

from audio.samples import Samples
from tests.http_server import LocalServer
from tests.timing import clock_of_the_loop, wait_until
from tests.tts_server.api.speaking import PATH, post
from tests.tts_server.client import TIMEOUT, running
from tests.tts_server.stand_in_engines import CountingEngine, FailingEngine, GatedEngine
from tts_server.api.openai_api import OpenAiApi
from tts_server.engines.base import SpeechEngine, Voice
from tts_server.speaking.engine_pool import EnginePool
from wire.messages import SAMPLE_RATE
from wire.parameters import SpeechParameters

AT_ONCE = 16


@dataclass
class _Endpoint:
    http: LocalServer
    session: aiohttp.ClientSession

    def post(self, text: str) -> Any:
        return self.session.post(self.http.url + PATH, json={"input": text, "response_format": "wav"})


@asynccontextmanager
async def _endpoint(
    engine: SpeechEngine, timeout: float = TIMEOUT, read_timeout: float = TIMEOUT
) -> AsyncIterator[_Endpoint]:
    """The endpoint alone, over an engine that has not spoken yet."""
    pool = EnginePool([engine])
    application = web.Application()
    application.add_routes(OpenAiApi(lambda: pool, timeout, read_timeout=read_timeout).routes())
    async with LocalServer(application) as server, aiohttp.ClientSession() as session:
        yield _Endpoint(server, session)
    await pool.close()


async def test_too_many_requests_at_once_are_refused() -> None:
    engine = GatedEngine()
    async with running(engine) as server, AsyncExitStack() as stack:
        engine.close_gate()
        answers = [
            asyncio.ensure_future(stack.enter_async_context(post(server, input="Hello."))) for _ in range(AT_ONCE + 1)
        ]
        done, _ = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED, timeout=TIMEOUT)
        assert next(iter(done)).result().status in (200, 429)
        engine.gate.set()
        answered = await asyncio.gather(*answers)
    assert sorted(answer.status for answer in answered) == [200] * AT_ONCE + [429]
    (refused,) = (answer for answer in answered if answer.status == 429)
    assert int(refused.headers["Retry-After"]) >= 1


async def test_an_engine_that_fails_at_once_gives_status_500() -> None:
    async with running(FailingEngine()) as server, post(server, input="raise it") as answer:
        assert answer.status == 500
        error = (await answer.json())["error"]
    assert error["type"] == "server_error"
    assert "the card is gone" in error["message"]


async def test_an_engine_that_fails_later_breaks_the_connection() -> None:
    async with running(FailingEngine()) as server:
        with pytest.raises(aiohttp.ClientError):
            async with post(server, input="One thing, then raise it.") as answer:
                await answer.read()
        async with post(server, input="Good day.") as answer:
            assert answer.status == 200


async def test_an_engine_that_fails_later_gives_an_error_event() -> None:
    async with (
        running(FailingEngine()) as server,
        post(server, input="One thing, then raise it.", stream_format="sse") as answer,
    ):
        events = [json.loads(line[5:]) for line in (await answer.text()).splitlines() if line]
    assert events[0]["type"] == "speech.audio.delta"
    assert events[-1]["type"] == "error"
    assert "the card is gone" in events[-1]["error"]["message"]


async def test_the_first_sound_does_not_wait_for_the_last() -> None:
    engine = _PausingEngine()
    async with _endpoint(engine) as endpoint, endpoint.post("Hello.") as answer:
        assert len(await answer.content.readexactly(44 + 2000)) == 2044
        engine.go_on.set()
        rest = await answer.read()
    assert (2000 + len(rest)) / 48_000 == pytest.approx(0.4, abs=0.01)


async def test_a_client_that_vanishes_stops_the_engine() -> None:
    engine = _EndlessEngine()
    async with _endpoint(engine) as endpoint:
        answer = await endpoint.post("Once upon a time.")
        await answer.content.readany()
        answer.close()
        await wait_until(lambda: engine.stopped)
        async with endpoint.post("x") as answer:
            assert answer.status == 200


@pytest.mark.parametrize("hears_something_first", [False, True])
async def test_a_client_that_vanishes_is_noticed_while_the_engine_makes_no_sound(hears_something_first: bool) -> None:
    engine = _PausingEngine() if hears_something_first else _SilentEngine()
    async with _endpoint(engine) as endpoint:
        asking = asyncio.ensure_future(endpoint.post("Hello."))
        if hears_something_first:
            (await asking).close()
        else:
            await wait_until(lambda: engine.begun)
            asking.cancel()
        await wait_until(lambda: engine.stopped)


async def test_a_client_that_reads_nothing_is_given_up(caplog: pytest.LogCaptureFixture) -> None:
    engine = _EndlessEngine()
    # The text has more sound than the buffers of a connection hold.
    async with _endpoint(engine, read_timeout=0.5) as endpoint, endpoint.post("Once upon a time. " * 200) as answer:
        assert answer.status == 200
        await wait_until(lambda: "took nothing for 0.5 s" in caplog.text)
        await wait_until(lambda: engine.running == 0)
        assert engine.segments < 10, "most of the text was never spoken"


async def test_an_engine_that_gives_nothing_in_time_is_given_up() -> None:
    engine = _SilentEngine()
    async with _endpoint(engine, 0.05) as endpoint, endpoint.post("Hello.") as answer:
        assert answer.status == 504
        assert (await answer.json())["error"]["code"] == "timeout"
        await wait_until(lambda: engine.stopped)


async def test_an_engine_that_stalls_half_way_breaks_the_connection() -> None:
    engine = _PausingEngine()
    async with _endpoint(engine) as endpoint:
        async with endpoint.post("Hello.") as answer:
            assert answer.status == 200
            reading = asyncio.create_task(answer.read())
            with clock_of_the_loop() as let_pass:
                while not reading.done():
                    let_pass(TIMEOUT)
                    await asyncio.sleep(0.05)
        with pytest.raises(aiohttp.ClientError):
            await reading
        await wait_until(lambda: engine.stopped)


class _SilentEngine(CountingEngine):
    """Makes no sound, and ends when it is stopped."""

    begun = False
    stopped = False

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        self.begun = True
        self.stopped = stop.wait(TIMEOUT)
        yield from ()


class _PausingEngine(_SilentEngine):
    """Speaks for a while, then makes no sound until it is released or stopped."""

    def __init__(self) -> None:
        super().__init__()
        self.go_on = threading.Event()

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        yield np.full(SAMPLE_RATE // 5, 0.1, np.float32)
        while not self.go_on.wait(0.002):
            if stop.is_set():
                self.stopped = True
                return
        yield np.full(SAMPLE_RATE // 5, 0.1, np.float32)


class _EndlessEngine(_SilentEngine):
    """Makes 59 seconds of sound for each segment except "x", one second every 20 ms, until it is stopped."""

    running = 0
    segments = 0

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        self.segments += 1
        self.running += 1
        try:
            for _ in range(1 if text == "x" else 59):
                yield np.full(SAMPLE_RATE, 0.1, np.float32)
                if stop.wait(0.02):
                    self.stopped = True
                    return
        except GeneratorExit:
            self.stopped = True
            raise
        finally:
            self.running -= 1

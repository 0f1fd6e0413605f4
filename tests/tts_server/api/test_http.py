"""The HTTP side: who may come in, health, metrics, and OpenAI's endpoint."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import aiohttp
import av
import numpy as np
import pytest
from aiohttp.test_utils import TestServer

from tests.tts_server.client import PATIENCE, RunningServer, running
from tests.tts_server.stand_in_engines import CHUNK, CountingEngine, FailingEngine, GatedEngine
from tts_server.api.openai_api import MAX_INPUT_CHARACTERS, MAX_REQUESTS
from tts_server.server import SpeechServer
from tts_server.wire import SAMPLE_RATE

TEXT = "Hello there, this is number 5."
SECRET = "correct horse"


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(CountingEngine()) as server:
        yield server


def _post(server: RunningServer, **body: Any) -> Any:
    return server.session.post(server.http.make_url("/v1/audio/speech"), json={"model": "tts-1", **body})


class TestAdmission:
    @pytest.mark.parametrize(
        ("headers", "query"),
        [
            ({}, ""),
            ({"Authorization": "Bearer wrong"}, ""),
            ({"Authorization": f"Basic {SECRET}"}, ""),
            ({}, "?token=wrong"),
            ({}, "?token="),
            ({}, "?token=%F0%9F%94%91"),
        ],
    )
    async def test_strangers_stay_outside(self, headers: dict[str, str], query: str) -> None:
        async with running(CountingEngine(), token=SECRET) as server:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await server.session.ws_connect(server.http.make_url(f"/ws/stream{query}"), headers=headers)
            assert refused.value.status == 401
            async with server.session.post(server.http.make_url(f"/v1/audio/speech{query}"), headers=headers) as answer:
                assert answer.status == 401
                assert (await answer.json())["error"]["code"] == "invalid_api_key"

    async def test_the_token_opens_in_a_header_or_in_the_address(self) -> None:
        async with running(CountingEngine(), token=SECRET) as server:
            async with server.connect(headers={"Authorization": f"Bearer {SECRET}"}) as client:
                await client.say("Hello.")
                assert (await client.hear()).text == "Hello."
            address = server.http.make_url("/ws/stream").with_query(token=SECRET)
            async with server.session.ws_connect(address) as socket:
                await socket.send_json({"flush": True})
                assert (await socket.receive_json())["event"] == "flushed"

    async def test_health_needs_no_token(self) -> None:
        async with (
            running(CountingEngine(), token=SECRET) as server,
            server.session.get(server.http.make_url("/health")) as answer,
        ):
            assert answer.status == 200

    async def test_web_pages_from_elsewhere_can_not_connect(self, server: RunningServer) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await server.session.ws_connect(server.http.make_url("/ws/stream"), origin="https://evil.example")
        assert refused.value.status == 403
        async with server.connect(origin="http://localhost:3000") as client:
            await client.say("Hello.")
            assert (await client.hear()).text == "Hello."


class TestHealth:
    async def test_not_ready_while_loading(self) -> None:
        server = TestServer(SpeechServer().application)
        async with server, aiohttp.ClientSession() as session:
            async with session.get(server.make_url("/health")) as answer:
                assert answer.status == 503
                assert (await answer.json())["ready"] is False
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(server.make_url("/ws/stream"))
            assert refused.value.status == 503

    async def test_ready(self, server: RunningServer) -> None:
        async with server.connect(), server.session.get(server.http.make_url("/health")) as answer:
            body = await answer.json()
        assert (body["ready"], body["engine"], body["connections"]) == (True, "counting", 1)
        assert body["version"]

    async def test_metrics_count_what_clients_saw(self, server: RunningServer) -> None:
        async with server.connect() as client:
            await client.say("Hello.")
            heard = await client.hear()
            await client.send(cancel=True)
            await client.next()
            await client.socket.send_str("nonsense")
            await client.next()
        assert await server.metric("tts_replies_total") == 1
        assert await server.metric("tts_cancels_total") == 1
        assert await server.metric('tts_errors_total{code="bad_message"}') == 1
        seconds = len(heard.samples) / SAMPLE_RATE
        assert await server.metric("tts_audio_seconds_total") == pytest.approx(seconds, rel=1e-3)


class TestOpenAi:
    async def test_pcm_is_24_khz_16_bit(self, server: RunningServer) -> None:
        async with _post(server, input=TEXT, voice="alloy", response_format="pcm") as answer:
            assert answer.status == 200
            samples = np.frombuffer(await answer.read(), "<i2")
        spoken = sum(len(text) for text in ("Hello there,", "this is number five."))
        assert len(samples) == pytest.approx(spoken * CHUNK / 2, abs=4)

    @pytest.mark.parametrize("format_name", ["wav", "mp3", "opus", "flac", "aac", None])
    async def test_files_can_be_played(self, server: RunningServer, format_name: str | None) -> None:
        fields = {"response_format": format_name} if format_name else {}
        async with _post(server, input="Number 500 now.", voice="alloy", **fields) as answer:
            assert answer.status == 200
            kind = answer.headers["Content-Type"]
            data = await answer.read()
        assert kind == {"wav": "audio/wav", "opus": "audio/ogg", "flac": "audio/flac", "aac": "audio/aac"}.get(
            format_name or "", "audio/mpeg"
        )
        with av.open(io.BytesIO(data), "r") as container:
            seconds = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
        # Lossy formats pad: two frames of MP3 are 0.1 s.
        assert seconds == pytest.approx(len("Number five hundred now.") * CHUNK / SAMPLE_RATE, abs=0.15)

    async def test_silence_is_an_empty_file(self, server: RunningServer) -> None:
        async with _post(server, input="😀", voice="alloy", response_format="wav") as answer:
            assert answer.status == 200
            assert len(await answer.read()) == 44

    @pytest.mark.parametrize(
        ("fields", "parameter"),
        [
            ({}, "input"),
            ({"input": ""}, "input"),
            ({"input": 5}, "input"),
            ({"input": "a" * (MAX_INPUT_CHARACTERS + 1)}, "input"),
            ({"input": "a", "voice": "nobody"}, "voice"),
            ({"input": "a", "voice": None}, "voice"),
            ({"input": "a", "response_format": "ogg"}, "response_format"),
            ({"input": "a", "speed": 5}, "speed"),
            ({"input": "a", "speed": True}, "speed"),
            ({"input": "a", "stream_format": "sse"}, "stream_format"),
        ],
    )
    async def test_bad_requests_name_the_parameter(
        self, server: RunningServer, fields: dict[str, Any], parameter: str
    ) -> None:
        async with _post(server, **fields) as answer:
            assert answer.status == 400
            error = (await answer.json())["error"]
        assert error["type"] == "invalid_request_error"
        assert error["param"] == parameter
        assert error["message"]

    @pytest.mark.parametrize("body", [b"", b"[]", b"{", b"\xff\xfe", b"[" * 50_000])
    async def test_a_body_that_is_no_object(self, server: RunningServer, body: bytes) -> None:
        async with server.session.post(server.http.make_url("/v1/audio/speech"), data=body) as answer:
            assert answer.status == 400
            assert (await answer.json())["error"]["message"]

    async def test_too_many_requests_at_once(self) -> None:
        engine = GatedEngine()
        async with running(engine) as server, AsyncExitStack() as stack:
            engine.close_gate()
            answers = [
                asyncio.ensure_future(stack.enter_async_context(_post(server, input="Hello.", voice="alloy")))
                for _ in range(MAX_REQUESTS + 1)
            ]
            done, _ = await asyncio.wait(answers, return_when=asyncio.FIRST_COMPLETED, timeout=PATIENCE)
            refused = next(iter(done)).result()
            assert refused.status in (200, 429)
            engine.gate.set()
            statuses = sorted(answer.status for answer in await asyncio.gather(*answers))
        assert statuses == [200] * MAX_REQUESTS + [429]

    async def test_an_engine_that_fails_at_once_is_a_500(self) -> None:
        async with (
            running(FailingEngine()) as server,
            _post(server, input="raise it", voice="alloy") as answer,
        ):
            assert answer.status == 500
            assert (await answer.json())["error"]["type"] == "server_error"

    async def test_an_engine_that_fails_later_breaks_the_connection(self) -> None:
        async with running(FailingEngine()) as server:
            with pytest.raises(aiohttp.ClientError):
                async with _post(server, input="One thing, then raise it.", voice="alloy") as answer:
                    await answer.read()
            async with _post(server, input="Good day.", voice="alloy") as answer:
                assert answer.status == 200

"""The speech server over HTTP: whom it lets in, and what its health and its metrics say."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlencode

import aiohttp
import pytest

from config.version import VERSION
from hardware.poll import CardPoll
from tests.tts_server.client import RunningServer, running
from tests.tts_server.local_speech import LocalSpeech
from tests.tts_server.stand_in_engines import CountingEngine
from tts_server.server import SpeechServer
from tts_server.voices.library import VoiceLibrary
from wire.messages import SAMPLE_RATE

SECRET = "correct horse"
WAV_HEADER = 44


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(CountingEngine()) as server:
        yield server


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
    async def test_requests_without_the_token_are_refused(self, headers: dict[str, str], query: str) -> None:
        async with running(CountingEngine(), token=SECRET) as server:
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await server.session.ws_connect(server.url(f"/ws/stream{query}"), headers=headers)
            assert refused.value.status == 401
            async with server.session.post(server.url(f"/v1/audio/speech{query}"), headers=headers) as answer:
                assert answer.status == 401
                assert (await answer.json())["error"]["code"] == "invalid_api_key"

    async def test_the_token_works_in_a_header_and_in_the_address(self) -> None:
        async with running(CountingEngine(), token=SECRET) as server:
            async with server.connect(headers={"Authorization": f"Bearer {SECRET}"}) as client:
                await client.say("Hello.")
                assert (await client.hear()).text == "Hello."
            address = server.url(f"/ws/stream?{urlencode({'token': SECRET})}")
            async with server.session.ws_connect(address) as socket:
                await socket.send_json({"flush": True})
                assert (await socket.receive_json())["event"] == "flushed"

    async def test_health_needs_no_token(self) -> None:
        async with (
            running(CountingEngine(), token=SECRET) as server,
            server.session.get(server.url("/health")) as answer,
        ):
            assert answer.status == 200

    async def test_web_pages_of_other_sites_cannot_connect(self, server: RunningServer) -> None:
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await server.session.ws_connect(server.url("/ws/stream"), origin="https://evil.example")
        assert refused.value.status == 403
        async with server.connect(origin="http://localhost:3000") as client:
            await client.say("Hello.")
            assert (await client.hear()).text == "Hello."


class TestHealth:
    async def test_the_server_is_not_ready_while_loading(self, tmp_path: Path) -> None:
        loading = SpeechServer(VoiceLibrary(tmp_path), CardPoll(["0.9"], read=tuple))
        async with LocalSpeech(loading.application) as server, aiohttp.ClientSession() as session:
            async with session.get(server.url + "/health") as answer:
                assert answer.status == 503
                assert (await answer.json())["ready"] is False
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await session.ws_connect(server.url + "/ws/stream")
            assert refused.value.status == 503
            async with session.post(server.url + "/v1/audio/speech", json={"input": "Hello."}) as answer:
                assert answer.status == 503
                assert int(answer.headers["Retry-After"]) >= 1
                assert (await answer.json())["error"]["code"] == "loading"

    async def test_the_server_is_ready_after_loading(self, server: RunningServer) -> None:
        async with server.connect(), server.session.get(server.url("/health")) as answer:
            body = await answer.json()
        assert (body["ready"], body["engine"], body["connections"]) == (True, "counting", 1)
        assert body["version"] == VERSION, "as python -m bot --version says it"

    async def test_metrics_count_the_answers_that_clients_received(self, server: RunningServer) -> None:
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

    async def test_metrics_count_files_too(self, server: RunningServer) -> None:
        spoken = {"input": "Hello there.", "response_format": "pcm"}
        async with server.session.post(server.url("/v1/audio/speech"), json=spoken) as answer:
            seconds = len(await answer.read()) / 2 / 24_000
        assert await server.metric("tts_replies_total") == 1
        assert await server.metric("tts_first_audio_seconds_count") == 1
        assert await server.metric("tts_audio_seconds_total") == pytest.approx(seconds, rel=1e-2)
        async with server.session.get(server.url("/v1/voices/plain/preview")) as answer:
            seconds += (len(await answer.read()) - WAV_HEADER) / 2 / 24_000
        assert await server.metric("tts_replies_total") == 2
        assert await server.metric("tts_audio_seconds_total") == pytest.approx(seconds, rel=1e-2)

    async def test_metrics_count_refusals_of_files_too(self, server: RunningServer) -> None:
        for wrong in ({"input": "Hello.", "voice": "nobody"}, {"input": ""}):
            async with server.session.post(server.url("/v1/audio/speech"), json=wrong) as answer:
                assert answer.status == 400
        assert await server.metric('tts_errors_total{code="unknown_voice"}') == 1
        assert await server.metric('tts_errors_total{code="bad_request"}') == 1
        assert await server.metric("tts_replies_total") == 0

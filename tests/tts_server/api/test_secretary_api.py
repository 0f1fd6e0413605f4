"""Speech for telephones, asked for as the project AI Secretary does, over HTTP and over a WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import numpy as np
import pytest

from tests.timing import wait_until
from tests.tts_server.api.speaking import played
from tests.tts_server.api.tone_engine import SECONDS_PER_CHARACTER, TONE_HZ, ToneEngine
from tests.tts_server.client import TIMEOUT, RunningServer, running
from tests.tts_server.dsp.measures import frequency
from tests.tts_server.stand_in_engines import CountingEngine, FailingEngine, GatedEngine
from tts_server.api.secretary_api import FORMATS, MAX_CONNECTIONS

POST, SOCKET = "/admin/tts/stream", "/admin/tts/ws/stream"
THEIRS = {"text": "Здравствуйте!", "voice": "gulya", "target_sample_rate": 8000, "output_format": "pcm16"}
TEXT = "Your call is important."
SECONDS = len(TEXT) * SECONDS_PER_CHARACTER


@pytest.fixture
async def server() -> AsyncIterator[RunningServer]:
    async with running(ToneEngine()) as server:
        yield server


def post(server: RunningServer, body: Any) -> Any:
    return server.session.post(server.url(POST), json=body)


async def heard(socket: aiohttp.ClientWebSocketResponse) -> tuple[list[bytes], dict[str, Any]]:
    """The pieces of sound of one text, and the message after them."""
    pieces: list[bytes] = []
    while True:
        message = await socket.receive(timeout=TIMEOUT)
        if message.type is aiohttp.WSMsgType.BINARY:
            pieces.append(message.data)
        else:
            assert message.type is aiohttp.WSMsgType.TEXT, message
            return pieces, json.loads(message.data)


async def test_a_request_of_ai_secretary_is_answered(server: RunningServer) -> None:
    async with post(server, THEIRS) as answer:
        assert (answer.status, answer.headers["Content-Type"]) == (200, "audio/pcm")
        samples = np.frombuffer(await answer.read(), "<i2")
    assert len(samples) % 160 == 0, "whole frames of 20 ms"
    assert len(samples) / 8000 == pytest.approx(len("Здравствуйте!") * SECONDS_PER_CHARACTER, abs=0.05)
    assert frequency(np.asarray(samples / 32767, np.float32), 8000) == pytest.approx(TONE_HZ, rel=0.02)


async def test_messages_of_ai_secretary_are_answered(server: RunningServer) -> None:
    async with server.session.ws_connect(server.url(SOCKET)) as socket:
        for _ in range(2):
            await socket.send_str(json.dumps({"text": "Привет!", "voice": "gulya", "target_sample_rate": 8000}))
            pieces, done = await heard(socket)
            assert done["done"] is True
            assert done["first_chunk_ms"] >= 0
            sound = b"".join(pieces)
            assert done["audio_ms"] == pytest.approx(len(sound) / 16, abs=21)
            assert all(len(piece) % 320 == 0 for piece in pieces)


@pytest.mark.parametrize("form", sorted(FORMATS))
async def test_every_format_can_be_asked_for(server: RunningServer, form: str) -> None:
    rate = 8000 if form.endswith("law") else 24_000
    async with post(server, {"text": TEXT, "output_format": form, "target_sample_rate": rate}) as answer:
        assert answer.status == 200
        data = await answer.read()
    if form in ("mp3", "opus", "aac", "flac", "wav"):
        samples, rate = played(data)
        assert len(samples) / rate == pytest.approx(SECONDS, abs=0.15)
    else:
        width = 1 if form.endswith("law") else 2
        assert len(data) / width / rate == pytest.approx(SECONDS, abs=0.021)


async def test_the_voice_that_a_request_names_speaks_if_there_is_one(server: RunningServer) -> None:
    engine = server.engine
    assert isinstance(engine, ToneEngine)
    for voice, spoken_by in (("nova", "nova"), ("gulya", "tone"), ("Лидия".lower(), "tone")):
        async with post(server, {"text": TEXT, "voice": voice}) as answer:
            assert answer.status == 200
        assert engine.asked[-1][1] == spoken_by


async def test_the_requested_speed_and_temperature_are_used(server: RunningServer) -> None:
    engine = server.engine
    assert isinstance(engine, ToneEngine)
    async with post(server, {"text": TEXT, "speed": 2, "temperature": 0.5}) as answer:
        samples = np.frombuffer(await answer.read(), "<i2")
    assert len(samples) / 24_000 == pytest.approx(SECONDS / 2, abs=0.1)
    assert engine.asked[-1][2].temperature == 0.5


BAD: list[tuple[Any, str]] = [
    ({}, "text"),
    ([], "object"),
    ("x", "object"),
    ({"text": 5}, "text"),
    ({"text": ""}, "nothing to speak"),
    ({"text": 4_097 * "x"}, "text has more than"),
    ({"text": "x", "target_sample_rate": 7000}, "target_sample_rate must be one of"),
    ({"text": "x", "target_sample_rate": "8000"}, "target_sample_rate"),
    ({"text": "x", "target_sample_rate": 16_000, "output_format": "alaw"}, "target_sample_rate"),
    ({"text": "x", "output_format": "pcm24"}, "output_format must be one of"),
    ({"text": "x", "output_format": []}, "output_format"),
    ({"text": "x", "voice": "nobody"}, "nobody"),
    ({"text": "x", "voice": 5}, "voice"),
    ({"text": "x", "speed": True}, "speed"),
    ({"input": "x"}, "text"),
]


async def test_a_mistake_is_reported_with_the_names_of_fields_that_clients_know(server: RunningServer) -> None:
    async with server.session.ws_connect(server.url(SOCKET)) as socket:
        for body, words in BAD:
            async with post(server, body) as answer:
                assert answer.status == 400, body
                error = (await answer.json())["error"]
            assert words in error["message"], body
            assert set(error) == {"message", "type", "param", "code"}
            await socket.send_str(json.dumps(body))
            pieces, told = await heard(socket)
            assert pieces == []
            assert words in told["error"]
            assert told["code"]
        for raw in ("", "{", '{"text": NaN}', "\x00", 5_000 * "["):
            await socket.send_str(raw)
            _, told = await heard(socket)
            assert told["code"]
        await socket.send_bytes(b"\xff\xfe")
        assert "UTF-8" in (await heard(socket))[1]["error"]
        await socket.send_str(json.dumps({"text": TEXT}))
        assert (await heard(socket))[1]["done"], "the connection lives on"


async def test_a_message_that_is_too_large_closes_the_socket(server: RunningServer) -> None:
    async with server.session.ws_connect(server.url(SOCKET)) as socket:
        await socket.send_str(json.dumps({"text": 200_000 * "x"}))
        message = await socket.receive(timeout=TIMEOUT)
        assert message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
        assert socket.close_code == 1009


async def test_texts_are_spoken_one_after_the_other() -> None:
    async with running(CountingEngine()) as server, server.session.ws_connect(server.url(SOCKET)) as socket:
        for number in (3, 7):
            await socket.send_str(
                json.dumps({"text": f"reply {number}00", "target_sample_rate": 48_000, "preprocess_text": False})
            )
        for number in (3, 7):
            pieces, done = await heard(socket)
            assert done["done"]
            samples = np.frombuffer(b"".join(pieces), "<i2") / 32767
            assert np.median(samples) == pytest.approx(number / 10, abs=0.02)


async def test_an_engine_that_fails_is_reported_and_the_next_text_is_spoken() -> None:
    async with running(FailingEngine()) as server, server.session.ws_connect(server.url(SOCKET)) as socket:
        await socket.send_str(json.dumps({"text": "raise it"}))
        assert (await heard(socket))[1]["code"] == "engine_failed"
        await socket.send_str(json.dumps({"text": "one two"}))
        assert (await heard(socket))[1]["done"]


@pytest.mark.parametrize("politely", [True, False])
async def test_a_client_that_goes_away_frees_the_engine(politely: bool) -> None:
    engine = GatedEngine()
    async with running(engine) as server:
        engine.close_gate()
        async with server.session.ws_connect(server.url(SOCKET)) as socket:
            await socket.send_str(json.dumps({"text": "reply 1"}))
            await wait_until(lambda: engine.waits)
            if politely:
                await asyncio.wait_for(socket.close(), TIMEOUT)
            else:
                transport = socket._response.connection.transport  # type: ignore[union-attr]
                assert transport is not None
                transport.abort()
            await wait_until(lambda: engine.stopped_at is not None)

        async def left() -> bool:
            return bool((await server.health())["connections"] == 0)

        await wait_until(left)


async def test_the_number_of_open_sockets_is_limited(server: RunningServer) -> None:
    sockets = [await server.session.ws_connect(server.url(SOCKET)) for _ in range(MAX_CONNECTIONS)]
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.session.ws_connect(server.url(SOCKET))
    assert refused.value.status == 503
    for socket in sockets:
        await socket.close()


async def test_the_token_is_needed() -> None:
    async with running(ToneEngine(), token="correct horse") as server:
        async with post(server, THEIRS) as answer:
            assert answer.status == 401
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await server.session.ws_connect(server.url(SOCKET))
        assert refused.value.status == 401
        headers = {"Authorization": "Bearer correct horse"}
        async with server.session.ws_connect(server.url(SOCKET), headers=headers) as socket:
            await socket.send_str(json.dumps(THEIRS))
            assert (await heard(socket))[1]["done"]


async def test_a_page_from_elsewhere_is_refused(server: RunningServer) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        await server.session.ws_connect(server.url(SOCKET), headers={"Origin": "https://evil.example"})
    assert refused.value.status == 403


async def test_the_server_can_end_while_it_speaks() -> None:
    engine = GatedEngine()
    async with aiohttp.ClientSession() as session:
        async with running(engine) as server:
            engine.close_gate()
            socket = await session.ws_connect(server.url(SOCKET))
            await socket.send_str(json.dumps({"text": "reply 1"}))
            await wait_until(lambda: engine.texts)
        message = await socket.receive(timeout=TIMEOUT)
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, aiohttp.WSCloseCode.GOING_AWAY)
    assert engine.closed

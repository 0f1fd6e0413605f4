"""Tests of what the doctor says about lists of servers, a speech server of another kind, and the number of calls."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from bot.doctor.calls import check_calls
from bot.doctor.engines import check_ears, check_model_server, check_voice
from bot.own_weights import OwnWeights
from config.settings import Settings
from sandbox.bare_speech import BareSpeechServer
from tests.free_ports import free_port
from wire.messages import EngineChanged

pytestmark = pytest.mark.usefixtures("clean_environment")


@asynccontextmanager
async def socket_server(talk: Callable[[ServerConnection], Awaitable[None]]) -> AsyncIterator[str]:
    """A WebSocket of another program. Yields its address."""
    async with serve(talk, "127.0.0.1", 0) as running:
        yield f"ws://127.0.0.1:{running.sockets[0].getsockname()[1]}/ws/stream"


async def test_a_server_that_sends_bare_sound_is_recognised_and_the_address_to_set_is_named() -> None:
    async with BareSpeechServer() as server:
        url = server.url.removesuffix("?protocol=plain")
        found = await check_voice(Settings.read(tts_websocket_url=url), OwnWeights())
        assert found.good is False
        assert f"sends bare sound without events: set TTS_WEBSOCKET_URL={server.url}" in found.text
        assert "alone" not in found.text
        found = await check_voice(Settings.read(tts_websocket_url=server.url), OwnWeights())
        assert found.good


async def test_a_websocket_of_another_protocol_is_distinguished_from_no_server_at_all() -> None:
    async def greet(connection: ServerConnection) -> None:
        await connection.send("welcome")

    async with socket_server(greet) as url:
        listed = f"{url},ws://127.0.0.1:{free_port()}/ws/stream"
        found = await check_voice(Settings.read(tts_websocket_url=listed), OwnWeights())
    assert found.good is False
    other, nothing = found.text.splitlines()
    assert "a WebSocket answers at 127.0.0.1" in other
    assert f"{url}?protocol=plain (it must stand alone in the list)" in other
    assert "no speech server answers at 127.0.0.1" in nothing
    assert "protocol" not in nothing


async def test_a_speech_server_whose_health_can_not_be_reached_is_not_taken_for_another_protocol() -> None:
    async def speak(connection: ServerConnection) -> None:
        await connection.send(EngineChanged("espeak", "ready", "").to_json())
        await connection.wait_closed()

    async with socket_server(speak) as url:
        found = await check_voice(Settings.read(tts_websocket_url=url), OwnWeights())
    assert found.good is False
    assert "/health does not answer" in found.text
    assert "protocol=plain" not in found.text


async def test_each_server_of_a_list_has_a_line() -> None:
    one, two = free_port(), free_port()
    urls = f"http://127.0.0.1:{one}/v1,http://127.0.0.1:{two}/v1"
    found = await check_model_server(Settings.read(llm_url=urls, llm_model="m"), OwnWeights())
    assert found.good is False
    lines = found.text.splitlines()
    assert [line.endswith("Is it running?") for line in lines] == [True, True]
    assert [str(port) in line for port, line in zip((one, two), lines, strict=True)] == [True, True]
    found = await check_ears(Settings.read(stt_url=urls, stt_model="a,b", stt_api_key="sk-1,sk-2"), OwnWeights())
    assert found.good is False
    lines = found.text.splitlines()
    assert [str(port) in line for port, line in zip((one, two), lines, strict=True)] == [True, True]
    assert "sk-" not in found.text


@pytest.mark.parametrize(
    ("settings", "good", "told"),
    [
        ({}, True, ["one at a time", "MAX_CALLS"]),
        ({"voice_enabled": False, "max_calls": 3}, None, ["VOICE_ENABLED"]),
        ({"max_calls": 3}, True, ["up to 3 at once (MAX_CALLS)", "They share the model server", "docs/scaling.md"]),
        ({"max_calls": 3, "llm_url": "http://127.0.0.1:8080/v1"}, True, ["--parallel 3"]),
    ],
)
async def test_the_doctor_says_how_many_calls_there_may_be_and_what_they_share(
    settings: dict[str, Any], good: bool | None, told: list[str]
) -> None:
    found = await check_calls(Settings.read(**settings))
    assert found.good is good
    assert all(words in found.text for words in told)

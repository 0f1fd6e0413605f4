"""Tests of the voice's line in `!voice-status`, and of servers that redirect requests."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot.speech_server.address import ServerAddress
from bot.speech_server.client import MAX_STATUS_BYTES, SpeechServerClient
from bot.speech_server.errors import VoiceAwayError
from tests.http_server import Handler, LocalServer, app_of
from wire.parameters import SpeechParameters


def speech_server(health: Handler) -> LocalServer:
    return LocalServer(app_of("/health", health, method="GET"), "/ws/stream", scheme="ws")


@pytest.mark.parametrize(
    ("health", "words"),
    [
        ({"engine": "espeak-ng"}, "espeak-ng at 127.0.0.1"),
        ({"engine": "XTTS v2", "speaking": "XTTS v2", "state": "ready"}, "XTTS v2 at 127.0.0.1"),
        (
            {"engine": "XTTS v2", "speaking": "espeak-ng", "state": "loading", "loading": 0.4},
            "espeak-ng, in place of XTTS v2 (not loaded yet, 40 %) at 127.0.0.1",
        ),
        (
            {"engine": "XTTS v2", "speaking": "espeak-ng", "state": "out_of_memory", "loading": None},
            "espeak-ng, in place of XTTS v2 (the graphics card is full) at 127.0.0.1",
        ),
        (
            {"engine": "piper", "speaking": "openai", "state": "failed", "costs_money": True},
            "openai, in place of piper (it failed; it costs money) at 127.0.0.1",
        ),
        (
            {"engine": "XTTS v2", "speaking": "espeak-ng", "state": "loading", "loading": float("nan")},
            "⚠️ no speech server answers at 127.0.0.1",
        ),
        ({"speaking": "espeak-ng"}, "⚠️ no speech server answers at 127.0.0.1"),
        ([], "⚠️ no speech server answers at 127.0.0.1"),
    ],
)
async def test_the_status_names_the_engine_that_speaks_and_why(health: Any, words: str) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(health)

    async with speech_server(answer) as server, aiohttp.ClientSession() as session:
        assert str(await SpeechServerClient(session, ServerAddress(server.url)).health()) == f"{words}:{server.port}"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"\xff", b"[" * 100_000, b" " * MAX_STATUS_BYTES + b'{"engine": "espeak-ng"}']
)
async def test_another_program_does_not_count_as_a_speech_server(body: bytes) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async with speech_server(answer) as server, aiohttp.ClientSession() as session:
        health = await SpeechServerClient(session, ServerAddress(server.url)).health()
    assert not health.ok
    assert health.text.startswith("no speech server answers at 127.0.0.1")


async def test_the_status_says_if_no_server_answers() -> None:
    async with aiohttp.ClientSession() as session:
        health = await SpeechServerClient(session, ServerAddress("ws://127.0.0.1:9/ws/stream")).health()
        assert not health.ok
        assert str(health) == "⚠️ no speech server answers at 127.0.0.1:9"


async def test_a_redirect_is_told_and_not_followed() -> None:
    asked: list[str] = []

    async def other(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"engine": "espeak-ng"})

    async with speech_server(other) as elsewhere, aiohttp.ClientSession() as session:

        async def answer(_: web.Request) -> web.Response:
            return web.Response(status=307, headers={"Location": f"http://127.0.0.1:{elsewhere.port}/health"})

        async with speech_server(answer) as server:
            client = SpeechServerClient(session, ServerAddress(server.url))
            assert (
                str(await client.health()) == f"⚠️ the speech server at 127.0.0.1:{server.port} redirects us elsewhere"
            )
            with pytest.raises(VoiceAwayError, match="redirects us elsewhere"):
                await client.engine_state()
    assert asked == []


async def test_a_redirect_of_a_request_to_speak_is_no_answer() -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=307, headers={"Location": "http://127.0.0.1:9/"}, text="This is no sound.")

    everything = app_of("/{path:.*}", answer, method="*")
    async with LocalServer(everything, "/ws/stream", scheme="ws") as server, aiohttp.ClientSession() as session:
        client = SpeechServerClient(session, ServerAddress(server.url))
        with pytest.raises(VoiceAwayError, match="redirects us elsewhere"):
            async with client.forwarding.ask("POST", "/v1/audio/speech", {"input": "Hello."}):
                pass
        with pytest.raises(VoiceAwayError, match="redirects us elsewhere"):
            await client.better.speak_better("Hello.", SpeechParameters(), 48_000)


@pytest.mark.parametrize(
    "progress", [float("nan"), float("inf"), "nan", 10**400], ids=["NaN", "infinite", "text", "too large"]
)
async def test_progress_that_is_no_finite_number_is_not_passed_on(progress: object) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response({"engine": "XTTS v2", "state": "loading", "loading": progress})

    async with speech_server(answer) as server, aiohttp.ClientSession() as session:
        with pytest.raises(VoiceAwayError):
            await SpeechServerClient(session, ServerAddress(server.url)).engine_state()

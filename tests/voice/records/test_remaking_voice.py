"""The better voice over HTTP: the real speech server's, and servers that are none, or are not well."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from bot.voice.records.recorder import BOT_RATE
from bot.voice.records.remaking_voice import BetterVoice, UnspeakableError, VoiceAwayError
from tests.tts_server.better_server import running_with_better
from tests.tts_server.client import RunningServer
from tests.tts_server.dsp.measures import frequency
from tests.tts_server.stand_in_engines import FailingEngine
from tts_server.engines.stand_in import SECONDS_PER_CHARACTER, TONE_HZ, StandInEngine
from wire.parameters import SpeechParameters

TEXT = "Hello there, this is a line."
PLAIN = SpeechParameters()
TOKEN = "a secret"


def voice_of(server: RunningServer, token: str | None = None) -> BetterVoice:
    return BetterVoice(server.session, str(server.http.make_url("/ws/stream")).replace("http", "ws", 1), token)


async def test_it_speaks_with_the_better_engine_at_the_recordings_rate(tmp_path: Path) -> None:
    async with running_with_better(tmp_path, StandInEngine(0.0, 0.0), TOKEN) as server:
        voice = voice_of(server, TOKEN)
        assert await voice.there()
        sound = await voice.say(TEXT, PLAIN)
        faster = await voice.say(TEXT, SpeechParameters(voice="tone", preset=None, speed=2.0))
    assert len(sound) / BOT_RATE == pytest.approx(len(TEXT) * SECONDS_PER_CHARACTER, abs=0.1)
    assert frequency(sound, BOT_RATE) == pytest.approx(TONE_HZ, rel=0.02)
    assert len(faster) == pytest.approx(len(sound) / 2, rel=0.05)


async def test_where_all_models_mean_one_engine_there_is_no_better_one(tmp_path: Path) -> None:
    async with running_with_better(tmp_path, None) as server:
        assert not await voice_of(server).there()


async def test_what_the_engine_can_not_say_is_told_apart_from_a_server_that_is_away(tmp_path: Path) -> None:
    async with running_with_better(tmp_path, FailingEngine()) as server:
        voice = voice_of(server)
        with pytest.raises(UnspeakableError, match="the card is gone"):
            await voice.say("Please raise it.", PLAIN)
        with pytest.raises(UnspeakableError, match="broke off"):
            await voice.say("This is broken.", PLAIN)
        with pytest.raises(UnspeakableError, match="Robin"):
            await voice.say(TEXT, SpeechParameters(voice="Robin"))
        with pytest.raises(UnspeakableError, match="4096"):
            await voice.say("x" * 5_000, PLAIN)


async def test_a_server_that_does_not_let_us_in_is_asked_later(tmp_path: Path) -> None:
    async with running_with_better(tmp_path, StandInEngine(0.0, 0.0), TOKEN) as server:
        voice = voice_of(server, "another secret")
        with pytest.raises(VoiceAwayError):
            await voice.there()
        with pytest.raises(VoiceAwayError):
            await voice.say(TEXT, PLAIN)


async def test_so_is_one_that_is_not_there() -> None:
    async with aiohttp.ClientSession() as session:
        voice = BetterVoice(session, f"ws://127.0.0.1:{unused_port()}/ws/stream", None)
        with pytest.raises(VoiceAwayError):
            await voice.there()
        with pytest.raises(VoiceAwayError):
            await voice.say(TEXT, PLAIN)


@asynccontextmanager
async def another_server(answer: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[BetterVoice]:
    application = web.Application()
    application.add_routes([web.route("*", "/{path:.*}", answer)])
    async with TestServer(application) as server, aiohttp.ClientSession() as session:
        yield BetterVoice(session, str(server.make_url("/ws/stream")).replace("http", "ws", 1), None)


@pytest.mark.parametrize(
    "body",
    ["", "[]", "<html>", '{"data": 7}', '{"data": [{"id": "tts-1"}]}', "[" * 100_000, '{"data": [{"id": "tts-1-hd"}]}'],
)
async def test_another_program_has_no_better_voice(body: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type="application/json")

    async with another_server(answer) as voice:
        assert not await voice.there()


@pytest.mark.parametrize("status", [400, 404, 413, 500, 504])
async def test_a_refusal_without_a_reason_is_one_all_the_same(status: int) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="\0<nothing>")

    async with another_server(answer) as voice:
        assert not await voice.there()
        with pytest.raises(UnspeakableError, match=str(status)):
            await voice.say(TEXT, PLAIN)


@pytest.mark.parametrize("status", [401, 408, 429, 502, 503])
async def test_a_server_that_is_busy_is_asked_later(status: int) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with another_server(answer) as voice:
        with pytest.raises(VoiceAwayError, match=str(status)):
            await voice.say(TEXT, PLAIN)

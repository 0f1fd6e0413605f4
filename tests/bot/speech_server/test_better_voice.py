"""Tests of the better voice, which a speech server has for sound of high quality: with the real server, broken servers
and other programs, over HTTP.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port
from pydantic import SecretStr

from audio.samples import SPEAKING_RATE
from bot.speech_server.address import ServerAddress
from bot.speech_server.better_speech import BetterSpeech
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import UnspeakableError, VoiceAwayError, VoiceLimitError
from tests.http_server import LocalServer
from tests.meters import NotingMeter
from tests.tts_server.better_server import running_server
from tests.tts_server.client import RunningServer
from tests.tts_server.dsp.measures import frequency
from tests.tts_server.stand_in_engines import FailingEngine
from tts_server.engines.stand_in import SECONDS_PER_CHARACTER, TONE_HZ, StandInEngine
from wire.parameters import SpeechParameters

TEXT = "Hello there, this is a line."
PLAIN = SpeechParameters()
TOKEN = "a secret"


def voice_of(server: RunningServer, token: str | None = None) -> BetterSpeech:
    url = server.url("/ws/stream", "ws")
    return SpeechServerClient(server.session, ServerAddress(url, SecretStr(token) if token else None)).better


async def test_the_better_engine_speaks_at_the_rate_of_the_recording(tmp_path: Path) -> None:
    async with running_server(tmp_path, StandInEngine(0.0, 0.0), TOKEN) as server:
        voice = voice_of(server, TOKEN)
        assert await voice.has_better_voice()
        sound = await voice.speak_better(TEXT, PLAIN, SPEAKING_RATE)
        faster = await voice.speak_better(TEXT, SpeechParameters(voice="tone", preset=None, speed=2.0), SPEAKING_RATE)
    assert len(sound) / SPEAKING_RATE == pytest.approx(len(TEXT) * SECONDS_PER_CHARACTER, abs=0.1)
    assert frequency(sound, SPEAKING_RATE) == pytest.approx(TONE_HZ, rel=0.02)
    assert len(faster) == pytest.approx(len(sound) / 2, rel=0.05)


async def test_if_all_models_mean_one_engine_there_is_no_better_voice(tmp_path: Path) -> None:
    async with running_server(tmp_path, None) as server:
        assert not await voice_of(server).has_better_voice()


async def test_an_unspeakable_text_is_distinguished_from_an_unreachable_server(tmp_path: Path) -> None:
    async with running_server(tmp_path, FailingEngine()) as server:
        voice = voice_of(server)
        with pytest.raises(UnspeakableError, match="the card is gone"):
            await voice.speak_better("Please raise it.", PLAIN, SPEAKING_RATE)
        with pytest.raises(UnspeakableError, match="broke off"):
            await voice.speak_better("This is broken.", PLAIN, SPEAKING_RATE)
        with pytest.raises(UnspeakableError, match="Robin"):
            await voice.speak_better(TEXT, SpeechParameters(voice="Robin"), SPEAKING_RATE)
        with pytest.raises(UnspeakableError, match="4096"):
            await voice.speak_better("x" * 5_000, PLAIN, SPEAKING_RATE)


async def test_a_server_that_refuses_us_counts_as_away(tmp_path: Path) -> None:
    async with running_server(tmp_path, StandInEngine(0.0, 0.0), TOKEN) as server:
        voice = voice_of(server, "another secret")
        with pytest.raises(VoiceAwayError):
            await voice.has_better_voice()
        with pytest.raises(VoiceAwayError):
            await voice.speak_better(TEXT, PLAIN, SPEAKING_RATE)


async def test_an_unreachable_server_counts_as_away() -> None:
    async with aiohttp.ClientSession() as session:
        voice = SpeechServerClient(session, ServerAddress(f"ws://127.0.0.1:{unused_port()}/ws/stream")).better
        with pytest.raises(VoiceAwayError):
            await voice.has_better_voice()
        with pytest.raises(VoiceAwayError):
            await voice.speak_better(TEXT, PLAIN, SPEAKING_RATE)


@asynccontextmanager
async def another_server(
    answer: Callable[[web.Request], Awaitable[web.StreamResponse]],
) -> AsyncIterator[BetterSpeech]:
    application = web.Application()
    application.add_routes([web.route("*", "/{path:.*}", answer)])
    async with LocalServer(application, "/ws/stream", scheme="ws") as server, aiohttp.ClientSession() as session:
        yield SpeechServerClient(session, ServerAddress(server.url)).better


@pytest.mark.parametrize(
    "body",
    ["", "[]", "<html>", '{"data": 7}', '{"data": [{"id": "tts-1"}]}', "[" * 100_000, '{"data": [{"id": "tts-1-hd"}]}'],
)
async def test_another_program_has_no_better_voice(body: str) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(text=body, content_type="application/json")

    async with another_server(answer) as voice:
        assert not await voice.has_better_voice()


@pytest.mark.parametrize("status", [400, 404, 413, 500, 504])
async def test_a_refusal_without_a_reason_means_that_the_text_can_not_be_spoken(status: int) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status, text="\0<nothing>")

    async with another_server(answer) as voice:
        assert not await voice.has_better_voice()
        with pytest.raises(UnspeakableError, match=str(status)):
            await voice.speak_better(TEXT, PLAIN, SPEAKING_RATE)


@pytest.mark.parametrize("status", [401, 408, 429, 502, 503])
async def test_a_server_whose_status_says_that_it_refuses_us_or_is_busy_counts_as_away(status: int) -> None:
    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async with another_server(answer) as voice:
        with pytest.raises(VoiceAwayError, match=str(status)):
            await voice.speak_better(TEXT, PLAIN, SPEAKING_RATE)


@pytest.mark.parametrize("paid_better", [False, True])
async def test_the_better_engine_of_the_bots_own_server_is_charged_by_what_this_engine_costs(
    tmp_path: Path, paid_better: bool
) -> None:
    async with running_server(tmp_path, StandInEngine(0.0, 0.0)) as server:
        meter = NotingMeter()
        address = ServerAddress(server.url("/ws/stream", "ws"), own=True, paid_better=paid_better)
        voice = SpeechServerClient(server.session, address, meter=meter).better
        await voice.speak_better(TEXT, PLAIN, SPEAKING_RATE)
        assert [paid for *_, paid in meter.sound] == [paid_better]
        meter.used = 1.0
        if paid_better:
            with pytest.raises(VoiceLimitError, match="limit is reached"):
                await voice.speak_better(TEXT, PLAIN, SPEAKING_RATE)
        else:
            await voice.speak_better(TEXT, PLAIN, SPEAKING_RATE)


@pytest.mark.parametrize(("breaks_off", "seconds"), [(False, 1.0), (True, pytest.approx(len(TEXT) / 15))])
async def test_what_an_engine_that_costs_money_was_asked_to_say_counts_also_if_it_breaks_off(
    breaks_off: bool, seconds: float
) -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"X-Costs-Money": "true"})
        await response.prepare(request)
        await response.write(bytes(48_000))
        if breaks_off and request.transport is not None:
            request.transport.close()
        return response

    meter, application = NotingMeter(), web.Application()
    application.add_routes([web.post("/v1/audio/speech", answer)])
    async with LocalServer(application, "/ws/stream", scheme="ws") as server, aiohttp.ClientSession() as session:
        voice = SpeechServerClient(session, ServerAddress(server.url, own=True), meter=meter).better
        with contextlib.suppress(UnspeakableError):
            await voice.speak_better(TEXT, PLAIN, 24_000)
    assert [each[2:] for each in meter.sound] == [(seconds, True)]

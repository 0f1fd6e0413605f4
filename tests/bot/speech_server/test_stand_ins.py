"""Tests of several speech servers: a call that can't reach one, or loses it, goes on with the next."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace

import aiohttp
import numpy as np
import pytest
from aiohttp import web
from websockets.asyncio.server import ServerConnection

from bot.metering import Account
from bot.speech_server.address import ServerAddress
from bot.speech_server.addresses import SpeechAddresses
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.stream import Connected, Disconnected, SegmentAudio, SpeechStream
from config.errors import SettingsError
from config.settings import load_settings
from tests.bot.speech_server.test_stream import Handler, serving, stay, take
from tests.http_server import LocalServer, app_of
from tests.meters import NotingMeter
from wire.messages import Flushed, SegmentEnd, SegmentStart, Speak

NOBODY = ServerAddress("ws://127.0.0.1:9/ws/stream")


async def test_a_call_begins_with_the_first_server_that_answers() -> None:
    async with serving(stay) as (_, second):
        addresses = SpeechAddresses([NOBODY, second])
        client = SpeechStream(addresses)
        await client.open()
        assert client.connected
        assert addresses.current is second
        await client.close()


async def test_a_call_that_loses_its_server_goes_on_with_another_one_and_the_next_begins_with_the_first() -> None:
    lost = asyncio.Event()

    async def leave_later(socket: ServerConnection) -> None:
        if not lost.is_set():
            await lost.wait()
            await socket.close()
        await socket.wait_closed()

    async with serving(leave_later) as (_, first), serving(stay) as (_, second):
        addresses = SpeechAddresses([first, second])
        client = SpeechStream(addresses)
        await client.open()
        assert addresses.current is first
        lost.set()
        gone, back = await take(client.events(), 2)
        assert isinstance(gone, Disconnected)
        assert isinstance(back, Connected)
        assert addresses.current is second
        await client.close()
        next_call = SpeechStream(addresses)
        await next_call.open()
        assert addresses.current is first
        await next_call.close()


async def test_the_error_names_every_server_that_does_not_answer() -> None:
    other = ServerAddress("ws://127.0.0.1:10/ws/stream")
    with pytest.raises(SpeechUnavailable) as raised:
        await SpeechStream(SpeechAddresses([NOBODY, other])).open()
    assert all(address.websocket in str(raised.value) for address in (NOBODY, other))


async def test_the_voice_is_well_if_one_server_is_and_that_one_is_asked_for_voices() -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.json_response({"engine": "piper", "fallback": None, "preferred": "piper", "state": "ready"})

    async with LocalServer(app_of("/{path:.*}", answer, method="*")) as server, aiohttp.ClientSession() as http:
        there = ServerAddress(server.url.replace("http", "ws") + "/ws/stream")
        client = SpeechServerClient(http, NOBODY, stand_ins=[there])
        health = await client.health()
        assert there.place in str(health)
        assert await client.answers(5.0)
        assert client._voices.port == int(there.place.rpartition(":")[2])


def test_local_speech_servers_come_first() -> None:
    urls = "wss://voice.example.com/ws/stream, ws://127.0.0.1:8765/ws/stream"
    settings = load_settings(llm_url="http://127.0.0.1:9/v1", tts_websocket_url=urls)
    assert settings.tts.listed == ("ws://127.0.0.1:8765/ws/stream", "wss://voice.example.com/ws/stream")


def test_a_server_of_bare_sound_stands_alone() -> None:
    urls = "ws://127.0.0.1:1/ws?protocol=plain,ws://127.0.0.1:2/ws/stream"
    with pytest.raises(SettingsError, match="must stand alone"):
        load_settings(llm_url="http://127.0.0.1:9/v1", tts_websocket_url=urls)


async def test_at_todays_limit_the_next_reply_is_spoken_by_the_server_that_costs_nothing() -> None:
    heard: list[str] = []

    def speaking(name: str) -> Handler:
        async def speak(socket: ServerConnection) -> None:
            async for message in socket:
                heard.append(name)
                reply = str(json.loads(message)["reply"])
                await socket.send(Flushed(None, 0.0, reply).to_json())

        return speak

    refused: list[str] = []
    async with serving(speaking("paid")) as (_, first), serving(speaking("free")) as (_, second):
        addresses = SpeechAddresses([replace(first, paid=True), second], lambda: refused[0] if refused else None)
        client = SpeechStream(addresses)
        await client.open()
        events = client.events()
        await client.send(Speak("One.", flush=True, reply="r1"))
        await take(events, 1)
        refused.append("Today's limit is reached.")
        await client.send(Speak("", flush=True, reply="r1"))
        await take(events, 1)
        assert heard == ["paid", "paid"], "a reply that has begun is finished"
        sending = asyncio.create_task(client.send(Speak("Two.", flush=True, reply="r2")))
        (event,) = await take(events, 1)
        await sending
        assert isinstance(event, Flushed), "nobody is told that the voice was lost"
        assert heard == ["paid", "paid", "free"]
        await client.close()


async def test_at_todays_limit_a_voice_that_costs_money_begins_no_reply_and_no_call() -> None:
    refused: list[str] = []
    async with serving(stay) as (_, only):
        addresses = SpeechAddresses([replace(only, paid=True)], lambda: refused[0] if refused else None)
        client = SpeechStream(addresses)
        await client.open()
        await client.send(Speak("One.", reply="r1"))
        refused.append("Today's limit is reached.")
        await client.send(Speak("Two.", flush=True, reply="r1"))
        with pytest.raises(SpeechUnavailable, match="limit is reached"):
            await client.send(Speak("Three.", reply="r2"))
        await client.close()
        with pytest.raises(SpeechUnavailable, match="limit is reached"):
            await SpeechStream(addresses).open()


async def test_sound_is_charged_by_its_length() -> None:
    async def speak(socket: ServerConnection) -> None:
        await socket.send(SegmentStart(0, "One.", "r1").to_json())
        await socket.send(np.zeros(24_000, "<f4").tobytes())
        await socket.send(SegmentEnd(0, 24_000, "r1").to_json())
        await socket.wait_closed()

    meter = NotingMeter()
    async with serving(speak) as (_, address), aiohttp.ClientSession() as http:
        server = SpeechServerClient(http, replace(address, paid=True), meter=meter)
        stream = server.metered_stream(Account(100, 11))
        await stream.open()
        events = await take(stream.events(), 3)
        assert any(isinstance(event, SegmentAudio) for event in events)
        assert meter.sound == [(Account(100, 11), address.place, 0.5, True)]
        assert server.may_guess()
        meter.used = 0.9
        assert not server.may_guess()
        await stream.close()

"""Tests of a voice that costs money: today's limit, and who is charged for which sound."""

from __future__ import annotations

import asyncio
import json
from contextlib import AsyncExitStack
from dataclasses import replace

import aiohttp
import numpy as np
import pytest
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection

from bot.metering import Account
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.events import SegmentAudio
from bot.speech_server.servers import SpeechServers
from bot.speech_server.stream import SpeechStream
from tests.bot.speech_server.serving import SOUND, Handler, serving, stay, take
from tests.meters import NotingMeter
from wire.messages import Flushed, SegmentEnd, SegmentStart, Speak


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
        addresses = SpeechServers([replace(first, paid=True), second], lambda: refused[0] if refused else None)
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
        addresses = SpeechServers([replace(only, paid=True)], lambda: refused[0] if refused else None)
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
        server = SpeechServerClient(http, replace(address, paid=True), meter=meter, guesses=True)
        stream = server.metered_stream(Account(100, 11))
        await stream.open()
        events = await take(stream.events(), 3)
        assert any(isinstance(event, SegmentAudio) for event in events)
        assert server.may_guess()
        meter.used = 0.9
        assert not server.may_guess()
        await stream.close()
        assert meter.sound == [(Account(100, 11), address.place, 0.5, True)]


async def test_sound_of_which_the_server_says_that_it_costs_money_is_charged_as_such() -> None:
    async def speak(socket: ServerConnection) -> None:
        for number, costs_money in enumerate((False, True)):
            await socket.send(SegmentStart(number, "One.", "r1").to_json())
            await socket.send(np.zeros(24_000, "<f4").tobytes())
            await socket.send(SegmentEnd(number, 24_000, "r1", costs_money).to_json())
        await socket.wait_closed()

    meter = NotingMeter()
    async with serving(speak) as (_, address), aiohttp.ClientSession() as http:
        stream = SpeechServerClient(http, replace(address, own=True), meter=meter).metered_stream(Account(100, 11))
        await stream.open()
        await take(stream.events(), 6)
        await stream.close()
        assert [each[2:] for each in meter.sound] == [(0.5, True), (0.5, False)]


async def test_a_server_that_costs_money_speaks_no_guesses_unless_the_operator_wants_it() -> None:
    paid = ServerAddress("wss://voice.example.com/ws/stream", SecretStr("key"), paid=True)
    async with aiohttp.ClientSession() as http:
        assert not SpeechServerClient(http, paid).may_guess()
        assert SpeechServerClient(http, paid, guesses=True).may_guess()
        assert SpeechServerClient(http, replace(paid, paid=False)).may_guess()
        free_first = SpeechServerClient(http, ServerAddress("ws://127.0.0.1:9/ws/stream"), stand_ins=[paid])
        assert free_first.may_guess()


async def test_with_several_calls_sound_is_charged_to_the_server_that_has_spoken_it() -> None:
    said: list[asyncio.Event] = [asyncio.Event(), asyncio.Event()]

    def speaker(number: int) -> Handler:
        async def speak(socket: ServerConnection) -> None:
            await said[number].wait()
            await socket.send(SegmentStart(0, "One.", "r1").to_json())
            await socket.send(SOUND)
            await socket.wait_closed()

        return speak

    meter = NotingMeter()
    async with AsyncExitStack() as stack:
        (_, one), (_, two) = [await stack.enter_async_context(serving(speaker(number))) for number in range(2)]
        one = replace(one, paid=True)
        client = SpeechServerClient(
            await stack.enter_async_context(aiohttp.ClientSession()), one, stand_ins=[two], meter=meter
        )
        people = [11, 22]
        earlier = client.call_stream(lambda: Account(100, people[0]))
        await earlier.open()
        # A second call can't reach the first server, and begins with the other one, which is the current one now.
        client._servers.failed(one)
        later = client.call_stream(lambda: Account(200, people[1]))
        await later.open()
        # The second call first gets a notice of the change.
        for number, (stream, count) in enumerate(((earlier, 2), (later, 3))):
            said[number].set()
            assert isinstance((await take(stream.events(), count))[-1], SegmentAudio)
        for stream in (earlier, later):
            await stream.close()
        assert meter.sound == [(Account(100, 11), one.place, 0.1, True), (Account(200, 22), two.place, 0.1, False)]

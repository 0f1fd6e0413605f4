"""Tests of the connection to speech servers that send bare sound, over real sockets."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import aiohttp
import numpy as np
import pytest
from websockets.utils import accept_key

from bot.speech_server.address import ServerAddress
from bot.speech_server.client import ONE_VOICE, PLAIN_ENGINE, SpeechServerClient
from bot.speech_server.errors import LowPerformanceError, SpeechUnavailable, VoiceAwayError, VoicesError
from bot.speech_server.events import Connected, Disconnected, SegmentAudio, SpeechEvent
from bot.speech_server.plain_reply import PlainLimits
from bot.speech_server.plain_stream import NOT_SOUND, PlainSpeechStream
from bot.speech_server.plain_trial import REMEDY, try_plain_server
from sandbox.bare_speech import BareSpeechServer
from tests.bot.speech_server.plain_talk import LIMIT, QUICK, TEXT, connected, sound_of, until
from tests.timing import Clock, let_run
from wire.messages import Cancel, Failure, Flushed, SegmentStart, Speak
from wire.parameters import SpeechParameters


async def test_the_stream_sends_what_the_servers_own_client_would_send() -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        parameters = SpeechParameters(voice="ada", pitch_shift=2.0, speed=1.1)
        await stream.send(Speak("Good morning,", reply="r1", parameters=parameters))
        await stream.send(Speak(" everybody.", flush=True, reply="r1"))
        events = await until(stream, Flushed)
        assert server.messages == [
            {"token": "Good morning,", "pitch_shift": 2.0},
            {"token": " everybody.", "pitch_shift": 0.0},
            {"flush": True},
        ]
        assert "".join(event.text for event in events if isinstance(event, SegmentStart)) == TEXT
        assert sum(len(event.samples) for event in sound_of(events)) == len(TEXT) * 3_200


async def test_replies_follow_one_another_over_one_connection() -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        for reply in ("r1", "r2", "r3"):
            await stream.send(Speak(TEXT, flush=True, reply=reply))
            events = await until(stream, Flushed)
            assert {event.reply for event in sound_of(events)} == {reply}
        assert server.connections == 1


async def test_a_cancelled_reply_is_never_heard_again_because_the_next_one_has_a_new_connection() -> None:
    async with BareSpeechServer(speed=5.0) as server, connected(server) as stream:
        await stream.send(Speak(10 * TEXT, flush=True, reply="r1"))
        assert sound_of(await until(stream, SegmentAudio))
        await stream.send(Cancel("r1"))
        await stream.send(Speak("Yes.", flush=True, reply="r2"))
        events = await until(stream, Flushed)
        assert {event.reply for event in events if isinstance(event, SegmentStart | SegmentAudio)} == {"r2"}
        assert sum(len(event.samples) for event in sound_of(events)) == 4 * 3_200
        assert server.connections == 2


async def test_cancelling_a_reply_that_has_come_to_its_end_costs_no_connection() -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        await stream.send(Speak(TEXT, flush=True, reply="r1"))
        await until(stream, Flushed)
        await stream.send(Cancel("r1"))
        assert server.connections == 1


async def test_sound_that_comes_after_the_end_of_its_reply_is_not_heard_in_the_next_one() -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        await stream.send(Speak(TEXT, flush=True, reply="r1"))
        await until(stream, Flushed)
        await server.send_unasked(np.full(4_800, 0.7, np.float32))
        reading = asyncio.create_task(until(stream, Flushed))
        while not stream._stale:
            await asyncio.sleep(0.01)
        await stream.send(Speak("Yes.", flush=True, reply="r2"))
        events = await reading
        assert max(float(np.max(event.samples)) for event in sound_of(events)) < 0.2
        assert server.connections == 2


async def test_a_server_that_closes_after_each_reply_is_no_fault() -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        server.hangs_up = True
        for reply in ("r1", "r2"):
            await stream.send(Speak(TEXT, flush=True, reply=reply))
            events = await until(stream, Flushed)
            assert not any(isinstance(event, Disconnected | Failure) for event in events)


async def test_a_server_that_dies_is_reported_and_found_again() -> None:
    async with BareSpeechServer(speed=5.0) as server, connected(server) as stream:
        await stream.send(Speak(10 * TEXT, flush=True, reply="r1"))
        reading = asyncio.create_task(until(stream, Connected))
        while not stream._reply or not stream._reply.begun:
            await asyncio.sleep(0.01)
        server.die()
        while not stream._away:
            await asyncio.sleep(0.01)
        with pytest.raises(SpeechUnavailable):
            await stream.send(Speak(TEXT, flush=True, reply="r2"))
        await server.start()
        events = await reading
        assert [type(event) for event in events[-2:]] == [Disconnected, Connected]
        await stream.send(Speak(TEXT, flush=True, reply="r3"))
        assert sound_of(await until(stream, Flushed))


async def test_a_server_that_hangs_fails_and_the_next_reply_has_a_new_connection() -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        server.hang()
        await stream.send(Speak(TEXT, flush=True, reply="r1"))
        events = await until(stream, Failure)
        assert sound_of(events) == []
        await stream.send(Cancel("r1"))
        server.go_on()
        await stream.send(Speak(TEXT, flush=True, reply="r2"))
        assert {event.reply for event in sound_of(await until(stream, Flushed))} == {"r2"}


async def test_a_machine_that_answers_no_ping_is_away() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A WebSocket that is opened, and never read from again.
        request = (await reader.readuntil(b"\r\n\r\n")).decode()
        key = next(
            line.split(": ")[1] for line in request.split("\r\n") if line.lower().startswith("sec-websocket-key")
        )
        switched = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        writer.write(f"{switched}Sec-WebSocket-Accept: {accept_key(key)}\r\n\r\n".encode())
        await writer.drain()
        await asyncio.Event().wait()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    stream = PlainSpeechStream(ServerAddress(f"ws://127.0.0.1:{port}/?protocol=plain"), silence_timeout=0.2)
    async with asyncio.timeout(LIMIT):
        await stream.open()
        await stream.send(Speak(TEXT, reply="r1"))
        events = await until(stream, Disconnected)
        assert "no sign of life" in str(events[-1])
        await stream.close()
    server.close()


async def test_time_before_a_reply_has_text_is_no_silence() -> None:
    clock = Clock()
    async with BareSpeechServer() as server, asyncio.timeout(LIMIT):
        server.change = lambda frame: ["[]", frame]
        limits = PlainLimits(first_sound=0.1)
        stream = PlainSpeechStream(ServerAddress(server.url), limits=limits, silence_timeout=0.2, clock=clock)
        await stream.open()
        async with aclosing(stream.events()) as coming:
            first = asyncio.ensure_future(anext(coming))
            await let_run(0.05)
            clock.pass_by(30.0)
            await stream.send(Speak(TEXT, flush=True, reply="r1"))
            assert isinstance(await first, SegmentStart)
        await stream.close()


async def test_the_time_that_the_consumer_takes_is_no_silence_of_the_server() -> None:
    clock = Clock()
    async with BareSpeechServer() as server, asyncio.timeout(LIMIT):
        stream = PlainSpeechStream(ServerAddress(server.url), limits=PlainLimits(gap=5.0), clock=clock)
        await stream.open()
        await stream.send(Speak(TEXT, flush=True, reply="r1"))
        heard = list[SpeechEvent]()
        async with aclosing(stream.events()) as coming:
            async for event in coming:
                heard.append(event)
                clock.pass_by(60.0 if isinstance(event, SegmentAudio) else 0.0)
                if sum(len(each.samples) for each in sound_of(heard)) == len(TEXT) * 3_200:
                    break
        assert not [event for event in heard if isinstance(event, Failure)]
        await stream.close()


async def test_a_server_without_voices_says_so_in_words_for_people() -> None:
    async with BareSpeechServer() as server, aiohttp.ClientSession() as http:
        client = SpeechServerClient(http, ServerAddress(server.url))
        assert isinstance(client.stream(), PlainSpeechStream)
        health = await client.health()
        assert health.ok
        assert PLAIN_ENGINE in health.text
        assert (await client.engine_state()).speaking == PLAIN_ENGINE
        assert not await client.better.has_better_voice()
        with pytest.raises(VoicesError, match="one voice") as refused:
            await client.catalogue()
        assert str(refused.value) == ONE_VOICE
        with pytest.raises(LowPerformanceError):
            await client.set_performance(low=True)
        with pytest.raises(VoiceAwayError, match="protocol=plain"):
            async with client.forwarding.ask("GET", "/v1/models"):
                pass
        server.die()
        assert not (await client.health()).ok


async def test_the_doctor_has_the_server_speak_a_sentence() -> None:
    async with BareSpeechServer() as server:
        good, line = await try_plain_server(ServerAddress(server.url), QUICK)
        assert good
        assert "1.8 s long" in line
        server.change = lambda frame: [frame[:-1]]
        good, line = await try_plain_server(ServerAddress(server.url), QUICK)
        assert not good
        assert NOT_SOUND in line
        server.change = lambda frame: []
        good, line = await try_plain_server(ServerAddress(server.url), QUICK)
        assert not good
        assert REMEDY in line
        server.change = lambda frame: ['{"error": "no memory left."}']
        good, line = await try_plain_server(ServerAddress(server.url), QUICK)
        assert not good
        assert line.count("no memory left") == 1, "the error is told once"
        assert REMEDY in line
        server.die()
        good, line = await try_plain_server(ServerAddress(server.url), QUICK)
        assert not good
        assert "No speech server answers" in line

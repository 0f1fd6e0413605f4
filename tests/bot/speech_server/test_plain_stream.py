"""Tests of the connection to speech servers that send bare sound, over real sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager, suppress
from itertools import count

import aiohttp
import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.utils import accept_key

from bot.speech_server.address import ServerAddress
from bot.speech_server.client import ONE_VOICE, PLAIN_ENGINE, SpeechServerClient
from bot.speech_server.errors import LowPerformanceError, SpeechUnavailable, VoiceAwayError, VoicesError
from bot.speech_server.events import Connected, Disconnected, SegmentAudio, SpeechEvent
from bot.speech_server.plain_reply import PlainLimits
from bot.speech_server.plain_stream import MAX_FRAME_BYTES, MAX_TEXT, NOT_SOUND, PlainSpeechStream
from bot.speech_server.plain_trial import REMEDY, try_plain_server
from bot.speech_server.stream import MAX_DELAY
from sandbox.bare_speech import BareSpeechServer
from tests.timing import Clock, let_run
from web_access.socket_messages import READ_BYTES
from wire.messages import Cancel, Failure, Flushed, SegmentStart, Speak, Warned
from wire.parameters import SpeechParameters

LIMIT = 60.0
"""Seconds that a test waits at most, so that a broken test ends."""
QUICK = PlainLimits(first_sound=0.5, quiet=0.2, gap=0.3, extra=2.0)
TEXT = "Good morning, everybody."


@asynccontextmanager
async def connected(
    server: BareSpeechServer, limits: PlainLimits = QUICK, silence: float = 4.5
) -> AsyncIterator[PlainSpeechStream]:
    async with asyncio.timeout(LIMIT):
        stream = PlainSpeechStream(ServerAddress(server.url), limits=limits, silence_timeout=silence)
        await stream.open()
        try:
            yield stream
        finally:
            await stream.close()


async def until(stream: PlainSpeechStream, last: type[SpeechEvent]) -> list[SpeechEvent]:
    """The events up to the first one of a kind."""
    events = list[SpeechEvent]()
    async with aclosing(stream.events()) as coming:
        async for event in coming:
            events.append(event)
            if isinstance(event, last):
                break
    return events


def sound_of(events: list[SpeechEvent]) -> list[SegmentAudio]:
    return [event for event in events if isinstance(event, SegmentAudio)]


async def test_the_server_is_sent_what_its_own_client_sends() -> None:
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


HOSTILE: dict[str, Callable[[bytes], list[str | bytes]]] = {
    "odd lengths": lambda frame: [frame[:-1]],
    "what is no number": lambda frame: [np.full(960, np.nan, "<f4").tobytes()],
    "infinite": lambda frame: [np.full(960, np.inf, "<f4").tobytes()],
    "16-bit samples": lambda frame: [(np.frombuffer(frame, "<f4") * 320_000).astype("<i2").tobytes()],
    "far too loud": lambda frame: [(np.frombuffer(frame, "<f4") * 1e6).astype("<f4").tobytes()],
}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
async def test_what_is_no_sound_is_left_out_and_reported_once(change: Callable[[bytes], list[str | bytes]]) -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        server.change = change
        await stream.send(Speak(TEXT, flush=True, reply="r1"))
        events = await until(stream, Failure)
        assert sound_of(events) == []
        assert [event for event in events if isinstance(event, Warned)] == [Warned(NOT_SOUND)]


@pytest.mark.parametrize("level", [0.0, 0.5], ids=["silence", "noise"])
async def test_sound_without_end_is_bounded(level: float) -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        server.change = lambda frame: 10_000 * [np.full(4_800, level, "<f4").tobytes()]
        await stream.send(Speak("Hello there.", flush=True, reply="r1"))
        events = await until(stream, Failure)
        assert sum(len(event.samples) for event in sound_of(events)) < 48_000 * 10
        await stream.send(Cancel("r1"))
        server.change = lambda frame: [frame]
        await stream.send(Speak("Hello there.", flush=True, reply="r2"))
        assert isinstance((await until(stream, Flushed))[-1], Flushed)


async def test_texts_are_ignored_but_an_error_is_reported() -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        server.change = lambda frame: ["{", '{"status": "ok", "error": null}', "[]", frame]
        await stream.send(Speak(TEXT, flush=True, reply="r1"))
        assert sound_of(await until(stream, Flushed))
        server.change = lambda frame: ['{"error": "no memory\\nleft' + 1000 * "!" + '"}']
        await stream.send(Speak(TEXT, flush=True, reply="r2"))
        warned, failed = (await until(stream, Failure))[-2:]
        assert isinstance(warned, Warned)
        assert "no memory left" in warned.text
        assert len(warned.text) < 400
        assert isinstance(failed, Failure)


async def test_a_text_that_is_too_long_is_not_read() -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        server.change = lambda frame: ['{"error": "' + MAX_TEXT * "!" + '"}', frame]
        await stream.send(Speak(TEXT, flush=True, reply="r1"))
        assert sound_of(await until(stream, Flushed))


async def test_a_server_that_finds_new_words_for_its_error_each_time_is_reported_once() -> None:
    async with BareSpeechServer() as server, connected(server) as stream:
        letters = map(chr, count(0x4E00))
        server.change = lambda frame: [f'{{"error": "{next(letters)}"}}']
        events = list[SpeechEvent]()
        for reply in ("r1", "r2"):
            await stream.send(Speak(TEXT, flush=True, reply=reply))
            events += await until(stream, Failure)
        assert len([event for event in events if isinstance(event, Warned)]) == 1


async def test_texts_without_end_do_not_keep_a_reply_without_sound_from_failing() -> None:
    async def talk(connection: ServerConnection) -> None:
        while True:
            await connection.send('{"status": "working"}')
            await asyncio.sleep(0.02)

    async with serve(talk, "127.0.0.1", 0) as server, asyncio.timeout(LIMIT):
        port = next(iter(server.sockets)).getsockname()[1]
        stream = PlainSpeechStream(ServerAddress(f"ws://127.0.0.1:{port}/?protocol=plain"), limits=QUICK)
        await stream.open()
        await stream.send(Speak(TEXT, flush=True, reply="r1"))
        assert sound_of(await until(stream, Failure)) == []
        await stream.close()


@pytest.mark.parametrize(
    "frame", ["[]", b"", bytes(3_840), bytes(MAX_FRAME_BYTES)], ids=["text", "empty", "short", "long"]
)
async def test_what_is_sent_without_end_while_nothing_is_spoken_is_not_read_without_end(
    frame: str | bytes, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web_access.socket_messages.MAX_BURST", 100.0)
    connections = 0

    async def talk(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1
        with suppress(ConnectionClosed):
            while connections < 4:
                await connection.send(frame)
                await asyncio.sleep(0)
            async for _ in connection:
                await connection.send(np.full(4_800, 0.1, "<f4").tobytes())

    slept = list[float]()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    async with serve(talk, "127.0.0.1", 0, compression=None) as server, asyncio.timeout(LIMIT):
        port = next(iter(server.sockets)).getsockname()[1]
        address = ServerAddress(f"ws://127.0.0.1:{port}/?protocol=plain")
        # The clock stands still, so that only what may come at once is read.
        stream = PlainSpeechStream(address, sleep=sleep, clock=Clock())
        await stream.open()
        async with aclosing(stream.events()) as coming:
            first = asyncio.ensure_future(anext(coming))
            while connections < 4:
                await asyncio.sleep(0.001)
            await stream.send(Speak("Hi.", flush=True, reply="r1"))
            assert await first == SegmentStart(0, "Hi.", "r1"), "what is asked for is heard all the same"
        await stream.close()
    assert len(slept) == 2, "the first time it is connected again at once"
    assert caplog.text.count("although nothing is being spoken") == 1


async def test_a_server_that_closes_each_connection_is_not_asked_again_and_again_at_once() -> None:
    connections = 0
    pauses = list[float]()

    async def close(connection: ServerConnection) -> None:
        nonlocal connections
        connections += 1

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    async with serve(close, "127.0.0.1", 0) as server, asyncio.timeout(LIMIT):
        port = next(iter(server.sockets)).getsockname()[1]
        stream = PlainSpeechStream(ServerAddress(f"ws://127.0.0.1:{port}/?protocol=plain"), sleep=sleep)
        await stream.open()
        reading = asyncio.create_task(until(stream, Connected))
        while connections < 12:
            await asyncio.sleep(0.001)
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        await stream.close()
    assert len(pauses) >= connections - 3
    assert pauses == sorted(pauses)
    assert pauses[-1] == MAX_DELAY


async def test_the_time_in_which_useless_texts_are_read_counts_too(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, read = Clock(), list[str]()

    def read_slowly(text: str) -> None:
        clock.pass_by(0.05)
        read.append(text)

    async def talk(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                await connection.send("[]")
                await asyncio.sleep(0)

    monkeypatch.setattr("bot.speech_server.plain_stream._error_of", read_slowly)
    async with serve(talk, "127.0.0.1", 0) as server, asyncio.timeout(LIMIT):
        port = next(iter(server.sockets)).getsockname()[1]
        address = ServerAddress(f"ws://127.0.0.1:{port}/?protocol=plain")
        stream = PlainSpeechStream(address, limits=PlainLimits(first_sound=1.0), clock=clock)
        await stream.open()
        await stream.send(Speak(TEXT, flush=True, reply="r1"))
        await until(stream, Failure)
        assert len(read) <= 1.0 / 0.05 + 2
        await stream.close()


async def test_the_time_before_its_text_is_no_silence_of_a_reply() -> None:
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
        assert line.count("no memory left") == 1, "it is told once"
        assert REMEDY in line
        server.die()
        good, line = await try_plain_server(ServerAddress(server.url), QUICK)
        assert not good
        assert "No speech server answers" in line


async def test_what_the_server_sends_is_read_in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, take = list[int](), ClientConnection.data_received

    def note(connection: ClientConnection, data: bytes) -> None:
        sizes.append(len(data))
        take(connection, data)

    monkeypatch.setattr(ClientConnection, "data_received", note)
    async with BareSpeechServer() as server, connected(server) as stream:
        await stream.send(Speak(10 * TEXT, flush=True, reply="r1"))
        await until(stream, Flushed)
    assert 1_000 < max(sizes) <= READ_BYTES

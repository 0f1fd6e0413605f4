"""Tests of the connection to servers that send what is no sound, or send without end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing, suppress
from itertools import count

import numpy as np
import pytest
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from bot.speech_server.address import ServerAddress
from bot.speech_server.connector import MAX_DELAY
from bot.speech_server.events import Connected, SpeechEvent
from bot.speech_server.plain_reply import PlainLimits
from bot.speech_server.plain_stream import MAX_FRAME_BYTES, MAX_TEXT, NOT_SOUND, PlainSpeechStream
from sandbox.bare_speech import BareSpeechServer
from tests.bot.speech_server.plain_talk import LIMIT, QUICK, TEXT, connected, sound_of, until
from tests.timing import Clock
from web_access.socket_messages import READ_BYTES
from wire.messages import Cancel, Failure, Flushed, SegmentStart, Speak, Warned

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
    assert len(slept) == 2, "after the first of three losses, it connects again without a pause"
    assert caplog.text.count("although nothing is being spoken") == 1


async def test_a_server_that_closes_each_connection_is_not_tried_again_and_again_at_once() -> None:
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


async def test_time_in_which_useless_texts_are_read_counts_as_time_without_sound(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
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

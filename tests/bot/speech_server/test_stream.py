"""Tests of the connection to the speech server, with a real WebSocket server that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
from contextlib import aclosing

import numpy as np
import pytest
from pydantic import SecretStr
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from bot.speech_server.address import ServerAddress
from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.events import Disconnected, SegmentAudio, SpeechEvent
from bot.speech_server.stream import MAX_EARLY, SpeechStream
from tests.bot.speech_server.serving import leave, serving, stay, take
from tests.timing import LIMIT, Clock, clock_of_the_loop, let_run, wait_until
from wire.messages import (
    SAMPLE_RATE,
    Cancelled,
    EngineChanged,
    Failure,
    Loading,
    SegmentEnd,
    SegmentStart,
    Speak,
    Warned,
)


async def test_messages_go_out_and_events_come_in() -> None:
    got: list[str | bytes] = []

    async def handler(socket: ServerConnection) -> None:
        got.append(await socket.recv())
        await socket.send(SegmentStart(0, "Hi.", "r1").to_json())
        await socket.send(np.array([0.5, -0.5], "<f4").tobytes())
        await socket.send(SegmentEnd(0, 2, "r1").to_json())
        await socket.wait_closed()

    async with serving(handler) as (_, address):
        client = SpeechStream(address)
        await client.open()
        await client.send(Speak("Hi.", flush=True, reply="r1"))
        start, audio, end = await take(client.events(), 3)
        assert start == SegmentStart(0, "Hi.", "r1")
        assert isinstance(audio, SegmentAudio)
        assert audio.samples.tolist() == [0.5, -0.5]
        assert end == SegmentEnd(0, 2, "r1")
        assert json.loads(got[0]) == {"token": "Hi.", "flush": True, "reply": "r1"}
        await client.close()


async def test_loading_is_waited_for_and_its_progress_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    # A stopped machine may need longer than usual for the first notice.
    monkeypatch.setattr("bot.speech_server.stream.FIRST_NOTICE_LIMIT", LIMIT)

    async def handler(socket: ServerConnection) -> None:
        assert socket.request is not None
        assert socket.request.path.endswith("?notices=true")
        for notice in (
            EngineChanged("espeak-ng", "loading"),
            Warned("The card is nearly full."),
            Loading("XTTS v2", 0.25),
            Loading("XTTS v2", 1.0),
            EngineChanged("XTTS v2", "ready"),
            Warned("The card is full."),
        ):
            await socket.send(notice.to_json())
        await socket.wait_closed()

    async with serving(handler) as (_, address):
        client, told = SpeechStream(address), list[float]()
        await client.open()
        await client.loaded(told.append)
        assert told == [0.25, 1.0]
        # All other notices remain for the reader of the events.
        assert await take(client.events(), 3) == [
            Warned("The card is nearly full."),
            EngineChanged("XTTS v2", "ready"),
            Warned("The card is full."),
        ]
        await client.close()


async def test_what_a_server_sends_without_end_while_it_loads_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.speech_server.stream.FIRST_NOTICE_LIMIT", LIMIT)

    async def handler(socket: ServerConnection) -> None:
        await socket.send(SegmentStart(0, "Hi.", "r1").to_json())
        for number in range(200):
            await socket.send(np.zeros(480, "<f4").tobytes())
            await socket.send(Warned(f"Warning {number}").to_json())
        await socket.send(EngineChanged("XTTS v2", "ready").to_json())
        await socket.wait_closed()

    async with serving(handler) as (_, address):
        client = SpeechStream(address)
        await client.open()
        await client.loaded(lambda _: None)
        assert len(client._early) == MAX_EARLY + 1
        assert client._early[-1] == EngineChanged("XTTS v2", "ready")
        await client.close()


async def test_a_server_without_notices_or_one_that_disconnects_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.speech_server.stream.FIRST_NOTICE_LIMIT", 0.05)
    for handler in (stay, leave):
        async with serving(handler) as (_, address):
            client = SpeechStream(address)
            await client.open()
            async with asyncio.timeout(LIMIT):
                await client.loaded(lambda _: None)
            await client.close()


async def test_messages_that_are_not_valid_are_dropped_and_the_connection_stays_open() -> None:
    async def handler(socket: ServerConnection) -> None:
        for rubbish in ("[]", '{"event": "dance"}', '{"event": "end"}', b"\0\0\0\0"):
            await socket.send(rubbish)
        await socket.send(SegmentStart(0, "x", "r1").to_json())
        await socket.send(b"\0\0\0")
        await socket.send(Cancelled("r1").to_json())
        await socket.wait_closed()

    async with serving(handler) as (_, address):
        client = SpeechStream(address)
        await client.open()
        assert await take(client.events(), 2) == [SegmentStart(0, "x", "r1"), Cancelled("r1")]
        await client.close()


async def test_the_error_for_an_unreachable_server_names_its_address() -> None:
    client = SpeechStream(ServerAddress("ws://127.0.0.1:9/ws/stream"))
    with pytest.raises(SpeechUnavailable, match=r"127\.0\.0\.1:9"):
        await client.open()
    await client.close()


async def test_a_redirect_takes_no_words_to_another_host() -> None:
    reached: list[ServerConnection] = []

    async def other(socket: ServerConnection) -> None:
        reached.append(socket)

    async with serving(other) as (_, elsewhere):

        def redirecting(socket: ServerConnection, _: Request) -> Response:
            response = socket.respond(307, "")
            response.headers["Location"] = elsewhere.websocket
            return response

        async with serve(stay, "127.0.0.1", 0, process_request=redirecting) as server:
            stream = SpeechStream(ServerAddress(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}/ws/stream"))
            with pytest.raises(SpeechUnavailable, match="redirects us elsewhere"):
                await stream.open()
            await stream.close()
    assert reached == []


async def test_a_server_that_says_without_end_that_it_loads_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.speech_server.stream.FIRST_NOTICE_LIMIT", LIMIT)
    monkeypatch.setattr("bot.speech_server.stream.LOADING_LIMIT", 0.5)

    async def handler(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send(EngineChanged("XTTS v2", "loading").to_json())
                await asyncio.sleep(0.02)

    async with serving(handler) as (_, address):
        client = SpeechStream(address)
        await client.open()
        async with asyncio.timeout(LIMIT):
            await client.loaded(lambda _: None)
        assert client.connected
        await client.close()


async def test_sound_without_end_is_a_failure_of_its_reply() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(SegmentStart(0, "Hi.", "r1").to_json())
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send(np.zeros(SAMPLE_RATE, "<f4").tobytes())

    async with serving(handler) as (_, address):
        client = SpeechStream(address)
        await client.open()
        await client.send(Speak("Hi.", flush=True, reply="r1"))
        heard = list[SpeechEvent]()
        async with asyncio.timeout(LIMIT), aclosing(client.events()) as events:
            while not isinstance(event := await anext(events), Failure):
                heard.append(event)
        assert event == Failure("its sound does not end", "engine_failed", "r1")
        seconds = sum(len(each.samples) for each in heard if isinstance(each, SegmentAudio)) / SAMPLE_RATE
        assert 15 <= seconds <= 20
        await client.close()


async def test_a_server_that_sends_sound_nobody_has_asked_for_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.speech_server.sound_limit.UNASKED_SECONDS", 10.0)

    async def handler(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            await socket.send(SegmentStart(0, "Hi.", "r1").to_json())
            while True:
                await socket.send(np.zeros(SAMPLE_RATE, "<f4").tobytes())

    async with serving(handler) as (_, address):
        client = SpeechStream(address)
        await client.open()
        async with asyncio.timeout(LIMIT), aclosing(client.events()) as events:
            while not isinstance(event := await anext(events), Disconnected):
                pass
        assert event.reason == "it sends sound that nobody has asked for"
        await client.close()


@pytest.mark.parametrize(
    "frame",
    [
        Warned("Look!").to_json(),
        '{"event": "nonsense"}',
        b"",
        SegmentStart(0, "Hi.", "r1").to_json(),
    ],
    ids=["notice", "unknown", "empty", "unasked"],
)
async def test_a_server_that_sends_useless_messages_without_end_is_left(
    frame: str | bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("web_access.socket_messages.MAX_BURST", 100.0)

    async def handler(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send(frame)
                await asyncio.sleep(0)

    async with serving(handler) as (_, address):
        client = SpeechStream(address, clock=Clock())
        await client.open()
        async with asyncio.timeout(LIMIT), aclosing(client.events()) as events:
            while not isinstance(event := await anext(events), Disconnected):
                pass
        assert event.reason == "it sends too many messages that belong to no reply"
        await client.close()


async def test_the_error_says_if_the_token_was_refused() -> None:
    async with serve(stay, "127.0.0.1", 0, process_request=lambda c, _: c.respond(401, "no")) as server:
        url = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        client = SpeechStream(ServerAddress(url, SecretStr("wrong")))
        with pytest.raises(SpeechUnavailable, match="TTS_TOKEN"):
            await client.open()
        await client.close()


async def test_the_error_says_if_the_server_still_loads_its_voice() -> None:
    async with serve(stay, "127.0.0.1", 0, process_request=lambda c, _: c.respond(503, "no")) as server:
        client = SpeechStream(ServerAddress(f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"))
        with pytest.raises(SpeechUnavailable, match="has no voice loaded yet"):
            await client.open()
        await client.close()


async def test_closing_ends_the_events() -> None:
    async with serving(stay) as (_, address):
        client = SpeechStream(address)
        await client.open()
        listening = asyncio.create_task(anext(client.events(), None))
        await asyncio.sleep(0)
        await client.close()
        assert await asyncio.wait_for(listening, LIMIT) is None


async def test_a_slow_consumer_makes_the_server_wait() -> None:
    sent = 0
    stuck = asyncio.Event()

    async def handler(socket: ServerConnection) -> None:
        nonlocal sent
        await socket.send(SegmentStart(0, "x", "r1").to_json())
        while True:
            try:
                async with asyncio.timeout(1):
                    await socket.send(bytes(96_000))
                    sent += 1
            except TimeoutError:
                stuck.set()
                return

    async with serving(handler) as (_, address):
        client = SpeechStream(address)
        await client.open()
        events = client.events()
        await take(events, 1)
        await asyncio.wait_for(stuck.wait(), 30)
        assert sent < 400, "the server can't write far ahead of a consumer that does not read"
        await client.close()


async def test_a_consumer_that_pauses_loses_neither_sound_nor_the_connection() -> None:
    frames, timeout = 300, LIMIT

    async def handler(socket: ServerConnection) -> None:
        await socket.send(SegmentStart(0, "x", "r1").to_json())
        for number in range(frames):
            await socket.send(np.full(9_600, number, "<f4").tobytes())
        await socket.wait_closed()

    async with serving(handler) as (_, address):
        client = SpeechStream(address, silence_timeout=timeout)
        await client.open()
        events = client.events()
        heard = await take(events, 1 + frames // 2)
        # This is longer than the time after which a silent server counts as lost.
        with clock_of_the_loop() as let_pass:
            for _ in range(3):
                let_pass(timeout)
                await let_run(0.1)
        heard += await take(events, frames - frames // 2)
        assert [int(audio.samples[0]) for audio in heard if isinstance(audio, SegmentAudio)] == list(range(frames))
        await client.close()


async def test_the_connection_is_closed_even_when_the_consumer_was_cancelled_before() -> None:
    gone = asyncio.Event()

    async def handler(socket: ServerConnection) -> None:
        await socket.wait_closed()
        gone.set()

    async with serving(handler) as (_, address):
        client = SpeechStream(address)
        await client.open()
        consumer = asyncio.create_task(take(client.events(), 1))
        await asyncio.sleep(0)
        consumer.cancel()
        await asyncio.wait([consumer])
        await client.close()
        await asyncio.wait_for(gone.wait(), LIMIT)


async def test_a_connection_is_closed_although_nobody_has_read_the_last_sound() -> None:
    async def speak_on(socket: ServerConnection) -> None:
        with contextlib.suppress(ConnectionClosed):
            while True:
                await socket.send(bytes(1 << 16))

    async with serving(speak_on) as (_, address):
        client = SpeechStream(address)
        await client.open()
        connection = client._connection
        assert connection is not None
        await wait_until(lambda: connection.recv_messages.paused)
        await client.close()
        assert connection.close_code == 1000, "the server has answered the closing of the connection"

"""Tests of several speech servers: a call that can't reach one, or loses it, goes on with the next."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest
from aiohttp import web
from websockets.asyncio.server import ServerConnection

from bot.servers import choice, probes
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.events import Connected, Disconnected, SegmentAudio, ServerMoved, SpeechEvent
from bot.speech_server.servers import SpeechServers
from bot.speech_server.stream import SpeechStream
from config.errors import SettingsError
from config.settings import load_settings
from tests.bot.speech_server.serving import SOUND, Handler, serving, stay, take
from tests.http_server import LocalServer, app_of
from tests.timing import LIMIT, wait_until
from wire.messages import Failure, Flushed, SegmentEnd, SegmentStart, Speak

NOBODY = ServerAddress("ws://127.0.0.1:9/ws/stream")
HI = Speak("Hi.", flush=True, reply="r1")


@dataclass
class Pair:
    """A call's connection, and two servers. The second one stands in for the first."""

    servers: SpeechServers
    addresses: tuple[ServerAddress, ServerAddress]
    stream: SpeechStream

    async def events(self, count: int) -> list[SpeechEvent]:
        return await take(self.stream.events(), count)

    @property
    def moved(self) -> ServerMoved:
        """What people are told of the change to the second server."""
        old, new = self.addresses
        text = f"🔁 The speech server at {old.place} doesn't answer, or is too slow: {new.place} speaks instead."
        return ServerMoved(text)


@asynccontextmanager
async def pair(first: Handler, second: Handler = stay, *, slow_after: float = 60.0) -> AsyncIterator[Pair]:
    """A call that has begun with the first of two servers."""
    async with AsyncExitStack() as stack:
        (_, one), (_, two) = [await stack.enter_async_context(serving(each)) for each in (first, second)]
        servers = SpeechServers([one, two])
        stream = SpeechStream(servers, slow_after=slow_after)
        await stream.open()
        yield Pair(servers, (one, two), stream)
        await stream.close()


async def test_a_call_begins_with_the_first_server_that_answers_and_people_are_told_if_it_is_a_stand_in() -> None:
    async with serving(stay) as (_, second):
        servers = SpeechServers([NOBODY, second])
        client = SpeechStream(servers)
        await client.open()
        assert client.connected
        assert servers.current is second
        (told,) = await take(client.events(), 1)
        assert isinstance(told, ServerMoved)
        assert second.place in told.text
        await client.close()


async def test_a_call_that_loses_its_server_goes_on_with_another_one_and_people_are_told_once() -> None:
    async def leave_when_asked(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.close()

    async with pair(leave_when_asked) as both:
        await both.stream.send(HI)
        gone, told = await both.events(2)
        assert isinstance(gone, Disconnected)
        assert gone.replaced
        assert told == both.moved
        assert both.servers.current is both.addresses[1]
        # The call stays with the second server to its end, even if the first one answers again. The next call begins
        # with the first one.
        both.servers._choice.probed(0, ready=True)
        assert both.servers.current is both.addresses[1]
        await both.stream.close()
        assert both.servers.current is both.addresses[0]


async def test_what_is_sent_to_a_server_that_has_just_gone_is_not_sent_to_the_other_one() -> None:
    got: list[str | bytes] = []

    async def leave(socket: ServerConnection) -> None:
        await socket.close()

    async def listen(socket: ServerConnection) -> None:
        got.append(await socket.recv())
        await socket.wait_closed()

    async with pair(leave, listen) as both:
        await wait_until(lambda: not both.stream.connected)
        await both.stream.send(Speak("The first half, ", reply="r1"))
        assert isinstance((await both.events(1))[0], Disconnected)
        # Whoever gets the event knows how much was spoken, and sends the rest. Nothing was, so the rest is all of it.
        await both.stream.send(Speak("All of it.", flush=True, reply="r1"))
        await wait_until(lambda: bool(got))
        assert len(got) == 1
        assert "All of it." in str(got[0])


async def test_the_loss_of_a_server_for_which_a_message_waits_is_no_error() -> None:
    lost, moved = asyncio.Event(), asyncio.Event()

    async def deaf(socket: ServerConnection) -> None:
        await lost.wait()
        socket.transport.abort()

    async with pair(deaf) as both:

        async def send() -> None:
            while not moved.is_set():
                await both.stream.send(Speak("x" * 4_000, reply="r1"))
                await asyncio.sleep(0)

        sending = asyncio.create_task(send())
        await wait_until(lambda: both.stream._connection and both.stream._connection.transport.get_write_buffer_size())
        lost.set()
        (gone,) = await both.events(1)
        moved.set()
        assert isinstance(gone, Disconnected)
        assert gone.replaced
        async with asyncio.timeout(LIMIT):
            await sending


async def test_all_that_has_come_is_read_before_the_loss_is_reported() -> None:
    async def break_off(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(SegmentStart(0, "Hi.", "r1").to_json())
        await socket.send(SOUND)
        socket.transport.abort()

    async with pair(break_off) as both:
        await both.stream.send(HI)
        start, sound, gone = await both.events(3)
        assert isinstance(start, SegmentStart)
        assert isinstance(sound, SegmentAudio)
        assert isinstance(gone, Disconnected)


async def test_a_server_that_hangs_is_left_and_rests_longer_than_one_that_is_down() -> None:
    async with pair(stay, slow_after=0.3) as both:
        await both.stream.send(HI)
        (gone,) = await both.events(1)
        assert isinstance(gone, Disconnected)
        assert gone.replaced
        assert "0.3 s late" in gone.reason
        assert both.servers._choice.until_due() == 0
        both.servers._choice.probed(1, ready=True)
        assert both.servers._choice.until_due() > choice.DOWN_RESTS[0]


async def test_a_server_that_stalls_in_the_middle_is_left() -> None:
    async def stall(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(SegmentStart(0, "Hi.", "r1").to_json())
        await socket.send(SOUND)
        await socket.wait_closed()

    async with pair(stall, slow_after=0.3) as both:
        await both.stream.send(HI)
        *_, gone = await both.events(3)
        assert isinstance(gone, Disconnected)
        assert gone.replaced


async def test_a_server_that_owes_nothing_is_not_left_and_neither_is_the_last_one() -> None:
    async def speak(socket: ServerConnection) -> None:
        await socket.recv()
        await asyncio.sleep(0.8)
        for message in (SegmentStart(0, "Hi.", "r1"), SegmentEnd(0, 0, "r1"), Flushed(1.0, 1.0, "r1")):
            await socket.send(message.to_json())
        await socket.wait_closed()

    async with pair(stay, speak, slow_after=0.3) as both:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.8):
                await anext(both.stream.events())
    async with pair(speak, slow_after=0.3) as both:
        both.servers.failed(both.addresses[1])
        await both.stream.send(HI)
        assert isinstance((await both.events(3))[2], Flushed)


async def test_a_server_whose_engine_fails_is_left_but_not_one_that_refuses_a_voice() -> None:
    async def refuse(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(Failure("no such voice", "unknown_voice", "r1").to_json())
        await socket.recv()
        await socket.send(Failure("the card is on fire", "engine_failed", "r1").to_json())
        await socket.wait_closed()

    async with pair(refuse) as both:
        events = both.stream.events()
        await both.stream.send(HI)
        assert isinstance(await anext(events), Failure)
        await both.stream.send(HI)
        async with asyncio.timeout(LIMIT):
            gone = await anext(events)
        assert isinstance(gone, Disconnected)
        assert (gone.reason, gone.replaced) == ("the card is on fire", True)


async def test_if_no_server_is_left_the_loss_is_reported_and_the_first_that_is_back_is_used() -> None:
    async def leave_once(socket: ServerConnection) -> None:
        if not seen:
            seen.append("first")
            await socket.close()
        await socket.wait_closed()

    seen: list[str] = []
    async with serving(leave_once) as (_, first):
        client = SpeechStream(SpeechServers([first, NOBODY]))
        await client.open()
        gone, back = await take(client.events(), 2)
        assert isinstance(gone, Disconnected)
        assert not gone.replaced
        assert isinstance(back, Connected)
        await client.close()


async def test_the_error_names_every_server_that_does_not_answer() -> None:
    other = ServerAddress("ws://127.0.0.1:10/ws/stream")
    with pytest.raises(SpeechUnavailable) as raised:
        await SpeechStream(SpeechServers([NOBODY, other])).open()
    assert all(address.websocket in str(raised.value) for address in (NOBODY, other))


async def test_a_server_that_is_listed_twice_is_tried_once() -> None:
    with pytest.raises(SpeechUnavailable) as raised:
        await SpeechStream(SpeechServers([NOBODY, ServerAddress(NOBODY.websocket)])).open()
    assert str(raised.value).count(NOBODY.websocket) == 1


@asynccontextmanager
async def healthy_server() -> AsyncIterator[ServerAddress]:
    async def answer(request: web.Request) -> web.Response:
        return web.json_response({"engine": "piper", "fallback": None, "preferred": "piper", "state": "ready"})

    async with LocalServer(app_of("/{path:.*}", answer, method="*")) as server:
        yield ServerAddress(server.url.replace("http", "ws") + "/ws/stream")


async def test_the_voice_is_well_if_one_server_answers_and_to_ask_does_not_change_the_server_of_a_call() -> None:
    async with healthy_server() as there, aiohttp.ClientSession() as http:
        client = SpeechServerClient(http, NOBODY, stand_ins=[there])
        health = await client.health()
        assert health.ok
        assert f"piper at {there.place}, standing in for {NOBODY.place}" in str(health)
        assert client._servers.current is NOBODY
        # The doctor names each server.
        assert [each.ok for each in await client.health_of_each()] == [False, True]


async def test_the_probes_find_a_server_that_answers_and_return_to_the_first_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(probes, "_LONGEST_SLEEP", 0.01)
    monkeypatch.setattr(choice, "FIRST_PROBE", 0.01)
    monkeypatch.setattr(choice, "LAST_PROBE", 0.01)
    async with AsyncExitStack() as stack:
        http = await stack.enter_async_context(aiohttp.ClientSession())
        first, second = [await stack.enter_async_context(healthy_server()) for _ in range(2)]
        client = SpeechServerClient(http, first, stand_ins=[second])
        client._servers.failed(first)
        assert client._voices.port == int(second.place.rpartition(":")[2])
        client.begin_probes()
        monkeypatch.setattr(client._servers._choice._states[0], "probe_at", 0.0)
        await wait_until(lambda: client._servers.current is first)
        await client.end_probes()
    async with healthy_server() as there, aiohttp.ClientSession() as http:
        client = SpeechServerClient(http, NOBODY, stand_ins=[there])
        client.begin_probes()
        await wait_until(lambda: client._servers.current is there)
        assert await client.answers(5.0)
        await client.end_probes()


def test_local_speech_servers_come_first() -> None:
    urls = "wss://voice.example.com/ws/stream, ws://127.0.0.1:8765/ws/stream"
    settings = load_settings(llm_url="http://127.0.0.1:9/v1", tts_websocket_url=urls)
    assert settings.tts.listed == ("ws://127.0.0.1:8765/ws/stream", "wss://voice.example.com/ws/stream")


def test_a_server_of_bare_sound_stands_alone() -> None:
    urls = "ws://127.0.0.1:1/ws?protocol=plain,ws://127.0.0.1:2/ws/stream"
    with pytest.raises(SettingsError, match="must stand alone"):
        load_settings(llm_url="http://127.0.0.1:9/v1", tts_websocket_url=urls)

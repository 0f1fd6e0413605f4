"""Tests of a speech server whose connection is lost, and of one that hangs or sends nonsense.

Each is reported, and the connection is restored.
"""

from __future__ import annotations

import asyncio

import pytest
from websockets.asyncio.server import ServerConnection

from bot.speech_server.connector import FIRST_DELAY, MAX_DELAY
from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.events import Connected, Disconnected
from bot.speech_server.stream import SpeechStream
from sandbox.held_port import hold_port, port_of
from tests.bot.speech_server.serving import leave, serving, stay, take
from tests.timing import LIMIT, clock_of_the_loop, let_run
from wire.messages import Cancelled, Speak


async def test_a_server_whose_messages_are_no_json_counts_as_lost_and_is_tried_again_more_and_more_rarely() -> None:
    delays: list[float] = []

    async def handler(socket: ServerConnection) -> None:
        # A reply whose end is garbled would otherwise be awaited forever.
        await socket.send(b"\0\0\0\0")
        await socket.send(Cancelled("r1").to_json().replace('"', "'"))
        await socket.wait_closed()

    async def sleep(seconds: float) -> None:
        delays.append(seconds)

    async with serving(handler) as (_, address):
        client = SpeechStream(address, sleep=sleep)
        await client.open()
        lost = Disconnected("what it sends can't be read")
        assert await take(client.events(), 9) == [lost, *[Connected(), lost] * 4]
        assert delays == sorted(delays)
        assert delays[-1] > 4 * FIRST_DELAY
        await client.close()


async def test_a_lost_connection_is_reported_and_restored() -> None:
    async def handler(socket: ServerConnection) -> None:
        await socket.recv()

    with hold_port() as held:
        async with serving(handler, port_of(held)) as (_, address):
            client = SpeechStream(address)
            await client.open()
            events = client.events()
            first = asyncio.create_task(take(events, 1))
            await asyncio.sleep(0)
        assert isinstance((await first)[0], Disconnected)
        with pytest.raises(SpeechUnavailable):
            await client.send(Speak("x"))
        async with serving(handler, port_of(held)):
            assert await take(events, 1) == [Connected()]
            assert client.connected
            await client.send(Speak("x"))
            await client.close()


async def test_a_server_that_hangs_is_given_up() -> None:
    async def hang(socket: ServerConnection) -> None:
        socket.transport.pause_reading()
        await socket.wait_closed()

    async with serving(hang) as (_, address):
        client = SpeechStream(address, silence_timeout=0.1)
        await client.open()
        (event,) = await take(client.events(), 1)
        assert isinstance(event, Disconnected)
        assert "sign of life" in event.reason
        await client.close()


async def test_a_server_that_is_silent_but_answers_pings_is_not_given_up() -> None:
    thought = asyncio.Event()

    async def think(socket: ServerConnection) -> None:
        await thought.wait()
        await socket.send(Cancelled("r1").to_json())
        await socket.wait_closed()

    async with serving(think) as (_, address):
        client = SpeechStream(address, silence_timeout=LIMIT)
        await client.open()
        events = client.events()
        hearing = asyncio.create_task(anext(events))
        with clock_of_the_loop() as let_pass:
            for _ in range(5):
                await let_run(0.1)
                let_pass(LIMIT)
        thought.set()
        assert await asyncio.wait_for(hearing, LIMIT) == Cancelled("r1")
        await client.close()


async def test_closing_ends_the_search_for_a_server() -> None:
    async with serving(stay) as (_, address):
        client = SpeechStream(address)
        await client.open()
        events = client.events()
        first = asyncio.create_task(take(events, 1))
        await asyncio.sleep(0)
    await first
    searching = asyncio.create_task(anext(events, None))
    await asyncio.sleep(0)
    await client.close()
    assert await asyncio.wait_for(searching, LIMIT) is None


class QuickPauses:
    """Stands in for :func:`asyncio.sleep`: notes how long each pause was meant to be, and lets it pass at once."""

    def __init__(self) -> None:
        self.asked: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.asked.append(seconds)
        await asyncio.sleep(0)


async def test_a_server_that_disconnects_us_is_tried_again_less_and_less_often() -> None:
    async with serving(leave) as (_, address):
        client = SpeechStream(address, sleep=(pauses := QuickPauses()))
        await client.open()
        await take(client.events(), 13)
        await client.close()
    assert len(pauses.asked) == 6
    usual = (FIRST_DELAY, 2 * FIRST_DELAY, 4 * FIRST_DELAY, 8 * FIRST_DELAY, MAX_DELAY, MAX_DELAY)
    for asked, around in zip(pauses.asked, usual, strict=True):
        assert 0.75 * around <= asked <= 1.25 * around


async def test_a_server_that_sent_messages_before_it_disconnected_us_is_tried_again_soon() -> None:
    async def speak_and_leave(socket: ServerConnection) -> None:
        await socket.send(Cancelled("r1").to_json())

    async with serving(speak_and_leave) as (_, address):
        client = SpeechStream(address, sleep=(pauses := QuickPauses()))
        await client.open()
        await take(client.events(), 13)
        await client.close()
    assert len(pauses.asked) == 4
    assert max(pauses.asked) <= 1.25 * FIRST_DELAY

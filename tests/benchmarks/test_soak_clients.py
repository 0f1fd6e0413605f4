"""The soak's clients in the browser and on the telephone, against small servers in place of a bot."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest

from audio.samples import HEARING_RATE
from benchmarks.errors import MeasurementError
from benchmarks.soak.browser_client import BrowserClient
from benchmarks.soak.client import CallLostError, ClientCall
from benchmarks.soak.phone_client import PhoneClient
from sandbox.voice.opus import SAMPLE_RATE
from tests.benchmarks.tone_bot import FRAMES, ToneBot
from tests.http_server import LocalServer, app_of
from tests.phone.bot import bot as phone_bot
from tests.phone.bot import tone as phone_tone
from tests.phone.bot import until
from tests.phone.programs import HOST
from tests.tones import tone

WORDS = np.concatenate([0.5 * tone(0.4, rate=SAMPLE_RATE), np.zeros(SAMPLE_RATE // 5, np.float32)])


@pytest.fixture
async def page() -> AsyncIterator[tuple[ToneBot, BrowserClient]]:
    page = ToneBot()
    async with LocalServer(app_of("/ws/chat", page.chat, method="GET"), "/") as server:
        yield page, BrowserClient(server.url)


async def checked_until(call: ClientCall, happened: Callable[[], bool]) -> None:
    async with asyncio.timeout(30.0):
        while not happened():
            call.check()
            await asyncio.sleep(0.01)


async def test_a_client_in_the_browser_talks_hears_and_hangs_up(page: tuple[ToneBot, BrowserClient]) -> None:
    server, client = page
    async with client.call() as call:
        said = await call.say(WORDS)
        await checked_until(call, lambda: len(client.heard.streams) == 1)
    first = client.heard.first_after(0.0)
    assert first is not None
    assert first >= said - 0.1
    assert client.heard.streams[0].lateness.packets == FRAMES
    assert server.heard >= 2 * HEARING_RATE * 0.5, "an open microphone sends before and after the words, too"
    assert server.kinds == ["hello", "played", "hangup"]
    assert server.messages[1] == {"type": "played", "reply": "r1", "ms": 200.0}


async def test_a_call_in_the_browser_that_is_refused_or_closed_is_reported(page: tuple[ToneBot, BrowserClient]) -> None:
    server, client = page
    server.refusal = {"type": "error", "code": "busy", "message": "Somebody speaks in another tab."}
    with pytest.raises(MeasurementError, match="another tab"):
        async with asyncio.timeout(30.0), client.call():
            pass
    server.refusal = None
    with pytest.raises(CallLostError):
        async with client.call() as call:
            assert server.socket is not None
            await server.socket.close()
            await call.say(WORDS)


async def test_a_client_on_the_telephone_talks_and_hears() -> None:
    async with phone_bot() as (endpoint, operator):
        client = PhoneClient((HOST, endpoint.port))
        async with client.call() as call:
            conversation = await operator.conversation()
            await call.say(WORDS)
            await until(lambda: len(conversation.heard) > 0)
            client.heard.forget()
            await conversation.say(phone_tone(700, 0.02 * FRAMES))
            await until(lambda: len(client.heard.streams) == 1)
            call.check()
        # Where this machine is late, the line puts in a packet of silence.
        assert FRAMES <= client.heard.streams[0].lateness.packets < 2 * FRAMES
        await until(lambda: bool(conversation.ends))


async def test_a_phone_call_that_the_bot_ends_is_lost() -> None:
    async with phone_bot() as (endpoint, operator):
        client = PhoneClient((HOST, endpoint.port))
        with pytest.raises(CallLostError, match="hung up"):
            async with client.call() as call:
                conversation = await operator.conversation()
                await conversation.line.hang_up()
                await checked_until(call, lambda: False)

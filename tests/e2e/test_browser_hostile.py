"""Two hundred hostile clients of the page's WebSocket do not disturb a call on Discord."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

import aiohttp

from bot.voice.turn import Outcome
from tests.bot.http.chat_house import HELLO, ChatPage
from tests.bot.http.test_chat_hostile import hostile
from tests.e2e.conftest import Stage

AT_ONCE = 12
"""Number of clients at once. The server refuses any client if 32 sockets are open."""
REFUSALS = {"bad_message", "bad_parameter", "unknown_type", "too_long", "no_call", "call_elsewhere"}
STORY = "The train was late again. The meeting starts at nine. This song is wonderful. " * 3


class Attackers:
    """Clients of one server. Each method returns the close code, or the code of the error that the client was told."""

    def __init__(self, session: aiohttp.ClientSession, address: str) -> None:
        self._session = session
        self._address = f"{address}ws/chat"

    async def stranger(self, headers: Mapping[str, str]) -> object:
        """A page from elsewhere, or under another name."""
        return await (await self._open(headers)).closed()

    async def caller(self) -> object:
        """A client that wants a call."""
        page = await self._open()
        await page.send(**HELLO)
        return await page.closed()

    async def babbler(self, message: str) -> object:
        """A client that sends a message that is wrong, or that means nothing without a call.

        Then it interrupts. Because no call is on, it gets at least one error.
        """
        page = await self._open()
        await page.socket.send_str(message)
        await page.send(type="interrupt")
        await page.wait(lambda: page.all("error"), message[:40])
        await page.end()
        return page.all("error")[0]["code"]

    async def shouter(self, data: bytes, count: int) -> object:
        """A client that sends a lot."""
        page = await self._open()
        try:
            for _ in range(count):
                await page.socket.send_bytes(data)
        except ConnectionError:
            pass
        return await page.closed()

    async def _open(self, headers: Mapping[str, str] | None = None) -> ChatPage:
        return ChatPage(await self._session.ws_connect(self._address, headers=headers))


async def test_a_call_on_discord_goes_on_through_200_hostile_clients(stage: Stage) -> None:
    await stage.join()
    places = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession() as session:
        attackers = Attackers(session, stage.app.web.url)
        half_open = [await half_a_request(stage.app.web.url) for _ in range(10)]
        attacks: list[tuple[Callable[[], Awaitable[object]], Any]] = [
            *[(partial(attackers.stranger, {"Origin": "https://evil.example"}), 1008)] * 20,
            *[(partial(attackers.stranger, {"Host": "evil.example"}), 1008)] * 20,
            *[(attackers.caller, 4002)] * 30,
            *[(partial(attackers.shouter, bytes(2_000_000), 1), 1009)] * 5,
            *[(partial(attackers.shouter, bytes(640), 3_000), 4002)] * 5,
            *[(partial(attackers.babbler, message), REFUSALS) for message in hostile()[:110]],
        ]
        assert len(attacks) + len(half_open) == 200

        async def attack(how: Callable[[], Awaitable[object]]) -> object:
            async with places:
                return await how()

        await stage.ask(f"!speak {STORY}")
        await stage.until(lambda: stage.ada.voice.receiver.count(stage.bot), "the bot's voice")
        outcomes = await asyncio.gather(*(attack(how) for how, _ in attacks))
        for outcome, (_, expected) in zip(outcomes, attacks, strict=True):
            assert outcome in expected if isinstance(expected, set) else outcome == expected
        for writer in half_open:
            writer.close()
    (trace,) = await stage.turns(1)
    assert trace.outcome is Outcome.SPOKEN
    assert stage.app.calls.current_on(stage.sandbox.guild.id) is not None
    await stage.answer_to("!leave", starts="👋")


async def half_a_request(address: str) -> asyncio.StreamWriter:
    """A client that begins a request and never ends it."""
    _, writer = await asyncio.open_connection("127.0.0.1", int(address.rstrip("/").rpartition(":")[2]))
    writer.write(b"GET /ws/chat HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: webso")
    await writer.drain()
    return writer

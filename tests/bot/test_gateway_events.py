"""Tests of messages of Discord's gateway that can't be read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from unittest.mock import AsyncMock, Mock

import discord
import pytest
import yarl

from bot import gateway_events
from bot.client import SeiyuuBot, connector
from bot.store import Store
from sandbox.server import Sandbox
from tests.discord_client import sandbox
from tests.faults.proxy import TcpProxy, without_quotes
from tests.guards import make_guard
from tests.timing import let_run, wait_until

__all__ = ["sandbox"]

UNREADABLE_TEXTS = (
    *("[]", "7", "null", '{"op": 0, "t": ["x"], "d": {}}', '{"op": 10, "d": []}'),
    *('{"op": 0, "t": "READY", "d": null}', '{"op": 0, "t": "RESUMED", "d": 7}', '{"op": 0, "t": "GUILD_CREATE"}'),
)
GARBLED = (b"no zlib\x00\x00\xff\xff", "", "not json", "[" * 100_000)
"""The first one ends as a compressed message of the gateway does."""


class Watched:
    """The bot's client on the sandbox, and what it has read."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.ready = asyncio.Event()
        self.resumed = 0
        self.read: list[str] = []

        async def when_ready() -> None:
            self.ready.set()

        tcp = connector(sandbox.ca_file)
        self._bot = SeiyuuBot("!", Mock(spec=Store), when_ready, tcp, make_guard())
        # The seconds for which discord.py waits for further servers.
        self._bot._connection.guild_ready_timeout = 0.05
        self._bot.add_listener(self._on_message, "on_message")
        self._bot.add_listener(self._on_resumed, "on_resumed")
        self._running = asyncio.create_task(self._bot.start(sandbox.bot_token))

    async def _on_message(self, message: discord.Message) -> None:
        self.read.append(message.content)

    async def _on_resumed(self) -> None:
        self.resumed += 1

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition. Raises what has ended the bot."""

        def met() -> object:
            if self._running.done():
                self._running.result()
            return condition()

        await wait_until(met)

    async def close(self) -> None:
        await self._bot.close()
        await asyncio.gather(self._running, return_exceptions=True)


@pytest.fixture
async def bot(sandbox: Sandbox) -> AsyncIterator[Watched]:
    watched = Watched(sandbox)
    try:
        await watched.until(watched.ready.is_set)
        yield watched
    finally:
        await watched.close()


async def test_a_message_that_can_not_be_read_is_left_out_and_the_bot_stays(
    sandbox: Sandbox, bot: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    ada = await sandbox.add_guest("Ada")
    for message in UNREADABLE_TEXTS:
        await sandbox.faults.garble_gateway(message)
    await ada.say(sandbox.text_channel, "still there?")
    await bot.until(lambda: "still there?" in bot.read)
    assert bot.resumed == 0, "it is the same connection"
    told = [record.message for record in caplog.records if "could not be read" in record.message]
    assert len(told) == 1


@pytest.mark.parametrize("message", GARBLED, ids=range(len(GARBLED)))
async def test_after_a_garbled_message_the_session_goes_on(
    sandbox: Sandbox, bot: Watched, message: str | bytes
) -> None:
    ada = await sandbox.add_guest("Ada")
    await sandbox.faults.garble_gateway(message)
    await bot.until(lambda: bot.resumed)
    await ada.say(sandbox.text_channel, "still there?")
    await bot.until(lambda: "still there?" in bot.read)


async def test_an_event_that_can_not_be_read_is_left_out_and_the_bot_stays(
    sandbox: Sandbox, bot: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    ada = await sandbox.add_guest("Ada")
    unreadable: tuple[object, ...] = ({}, [], None, {"guild_id": "x"})
    for number, data in enumerate(unreadable):
        for name in ("GUILD_CREATE", "MESSAGE_CREATE", "VOICE_STATE_UPDATE", "INTERACTION_CREATE"):
            await sandbox.faults.garble_gateway(json.dumps({"op": 0, "t": name, "s": number, "d": data}))
    await ada.say(sandbox.text_channel, "still there?")
    await bot.until(lambda: "still there?" in bot.read)
    assert bot.resumed == 0, "it is the same connection"
    assert len([record for record in caplog.records if "left out" in record.message]) == 1


async def test_what_was_garbled_on_its_way_is_read_later_and_attempts_to_connect_have_pauses(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = 0

    def garble(data: bytes) -> bytes:
        nonlocal tried
        tried += data.startswith(b"HTTP/1.1 101")
        return without_quotes(data)

    async with TcpProxy(yarl.URL(sandbox.gateway_url).explicit_port or 0) as proxy:
        address = yarl.URL(f"ws://127.0.0.1:{proxy.port}/gateway")
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", address)
        bot = Watched(sandbox)
        await bot.until(bot.ready.is_set)
        ada = await sandbox.add_guest("Ada")
        proxy.garble(garble)
        await ada.say(sandbox.text_channel, "is this lost?")
        await bot.until(lambda: tried)
        await let_run(0.5)
        assert tried < 5, "discord.py pauses between two attempts"
        await proxy.heal()
        await bot.until(lambda: "is this lost?" in bot.read)
        await bot.close()


@pytest.mark.parametrize("part", [b"user", b"session_id", b"resume_gateway_url"])
async def test_when_the_first_message_of_a_session_can_not_be_read_the_bot_begins_another_session(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, part: bytes
) -> None:
    # By itself, discord.py would wait 5 s before it begins another session.
    monkeypatch.setattr(discord.Client, "before_identify_hook", AsyncMock())
    monkeypatch.setattr(gateway_events, "LONGEST_PAUSE", 0.01)
    read = 0

    def misname(data: bytes) -> bytes:
        nonlocal read
        if b"READY" not in data:
            return data
        read += 1
        return data.replace(b'"%b"' % part, b'"%b"' % part.upper()) if read == 1 else data

    async with TcpProxy(yarl.URL(sandbox.gateway_url).explicit_port or 0) as proxy:
        address = yarl.URL(f"ws://127.0.0.1:{proxy.port}/gateway")
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", address)
        proxy.garble(misname)
        bot = Watched(sandbox)
        await bot.until(bot.ready.is_set)
        assert read == 2
        await bot.close()


@pytest.mark.parametrize(
    "break_down", [TcpProxy.cut, lambda proxy: proxy.garble(without_quotes)], ids=["away", "garbled"]
)
async def test_a_gateway_that_is_not_there_at_the_start_is_tried_again(
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    break_down: Callable[[TcpProxy], None],
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with TcpProxy(yarl.URL(sandbox.gateway_url).explicit_port or 0) as proxy:
        address = yarl.URL(f"ws://127.0.0.1:{proxy.port}/gateway")
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", address)
        monkeypatch.setattr(gateway_events, "LONGEST_PAUSE", 0.01)
        break_down(proxy)
        bot = Watched(sandbox)
        await bot.until(lambda: any("Attempting a reconnect" in record.message for record in caplog.records))
        await proxy.heal()
        await bot.until(bot.ready.is_set)
        await bot.close()


async def test_after_a_long_outage_the_bot_is_back_soon(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert 24 * 60 * 60 / gateway_events.LONGEST_PAUSE < 1_000, "Discord takes the token away from a bot in a hurry"
    monkeypatch.setattr(gateway_events, "LONGEST_PAUSE", 0.01)
    async with TcpProxy(yarl.URL(sandbox.gateway_url).explicit_port or 0) as proxy:
        address = yarl.URL(f"ws://127.0.0.1:{proxy.port}/gateway")
        monkeypatch.setattr(discord.gateway.DiscordWebSocket, "DEFAULT_GATEWAY", address)
        proxy.cut()
        bot = Watched(sandbox)
        # With the pauses of discord.py itself, so many attempts would take more than half an hour.
        await bot.until(lambda: sum("Attempting a reconnect" in record.message for record in caplog.records) > 12)
        await proxy.heal()
        await bot.until(bot.ready.is_set)
        await bot.close()

"""Tests of events of Discord's gateway that can't be read."""

from __future__ import annotations

import asyncio
import json
import logging
from unittest.mock import Mock

import pytest
from discord.gateway import DiscordWebSocket

from bot.client import SeiyuuBot, connector
from bot.store import Store
from tests.guards import make_guard


async def test_an_event_that_can_not_be_read_is_left_out_and_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    async def ready() -> None:
        return None

    caplog.set_level(logging.WARNING, "bot")
    bot = SeiyuuBot("!", Mock(spec=Store), ready, Mock(spec=connector), make_guard())
    unreadable: tuple[object, ...] = ({}, [], None, {"guild_id": "x"})
    async with bot:
        socket = DiscordWebSocket(Mock(), loop=asyncio.get_running_loop())
        socket.shard_id, socket._discord_parsers = None, bot._connection.parsers
        for number, data in enumerate(unreadable):
            for name in ("GUILD_CREATE", "MESSAGE_CREATE", "VOICE_STATE_UPDATE", "INTERACTION_CREATE"):
                await socket.received_message(json.dumps({"op": 0, "t": name, "s": number, "d": data}))
    assert 1 <= len(caplog.records) <= 4
    assert all("left out" in record.message for record in caplog.records)

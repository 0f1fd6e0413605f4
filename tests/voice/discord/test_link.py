"""Tests of joins that fail: voice servers that can't be reached, refuse, or send what can't be read."""

from __future__ import annotations

import asyncio
import struct
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock

import aiohttp
import discord
import pytest

from bot.user_error import UserError
from bot.voice.discord.link import REJOIN_ATTEMPTS, VoiceLink
from tests.timing import LIMIT, clock_of_the_loop, settle

ERRORS = (
    *(TimeoutError(), ConnectionRefusedError(111, "nobody listens"), aiohttp.ServerDisconnectedError()),
    aiohttp.WSServerHandshakeError(Mock(), (), status=502, message="Bad Gateway"),
    # A greeting of the voice gateway that is no JSON, lacks fields, or has none of the encryptions; a short datagram.
    *(ValueError("not JSON"), TypeError("an int"), KeyError("ssrc"), IndexError("no mode"), struct.error("too short")),
    discord.ClientException("Already connected to a voice channel."),
)


def link_to(error: Exception) -> tuple[VoiceLink, Any]:
    """A link to a voice channel that discord.py can't join, and the channel."""
    channel = MagicMock(spec=discord.VoiceChannel, connect=AsyncMock(side_effect=error))
    channel.name = "Lounge"
    return VoiceLink(channel), channel


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_who_asked_the_bot_to_join_is_told_that_it_could_not(error: Exception) -> None:
    link, _ = link_to(error)
    with pytest.raises(UserError, match="did not let me into Lounge"):
        await link.connect()


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_a_lost_connection_is_tried_again_as_often_as_promised_whatever_is_wrong(error: Exception) -> None:
    link, channel = link_to(error)
    with clock_of_the_loop() as move:
        async with asyncio.timeout(3600 * LIMIT):
            rejoining = asyncio.create_task(link._rejoin())
            while channel.connect.await_count < REJOIN_ATTEMPTS:
                move(10.0)
                await asyncio.sleep(0)
            await settle()
    assert rejoining.done(), "people are told at once that the last attempt was in vain"
    assert not await rejoining
    assert channel.connect.await_count == REJOIN_ATTEMPTS

"""Tests of joins that fail: voice servers that can't be reached, refuse, or send what can't be read."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable
from typing import Any
from unittest.mock import AsyncMock, MagicMock, Mock

import aiohttp
import discord
import pytest

from bot.user_error import UserError
from bot.voice.discord.link import REJOIN_ATTEMPTS, VoiceLink
from bot.voice.discord.link_life import Verdict
from bot.voice.transport import EndCause
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
    return VoiceLink(channel, AsyncMock()), channel


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
async def test_whoever_asked_the_bot_to_join_is_told_that_it_could_not(error: Exception) -> None:
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


@pytest.fixture
async def no_udp(monkeypatch: pytest.MonkeyPatch) -> tuple[VoiceLink, Any]:
    """A link to a voice channel whose server lets the bot in, while no voice packet comes back.

    Returns the link, and a mock of the function that tells people something.
    """
    monkeypatch.setattr("bot.voice.discord.link.SeiyuuVoiceClient", Mock(return_value=Mock(no_packets=True)))

    async def connect(*, cls: Callable[[Any, Any], Any], **_: Any) -> None:
        cls(None, channel)
        raise TimeoutError

    channel = MagicMock(spec=discord.VoiceChannel, connect=connect, members=[Mock(bot=False)])
    channel.name = "Lounge"
    tell = AsyncMock()
    return VoiceLink(channel, tell), tell


async def test_whoever_asked_is_told_that_no_voice_packets_come_through(no_udp: tuple[VoiceLink, Any]) -> None:
    link, _ = no_udp
    with pytest.raises(UserError, match=r"I can't talk in Lounge: .*no voice packets \(UDP\).*firewall"):
        await link.connect()


@pytest.mark.parametrize("fault", [None, TimeoutError()], ids=["told", "Discord does not answer"])
async def test_people_are_told_what_is_likely_wrong_when_no_voice_packets_come_any_more(
    no_udp: tuple[VoiceLink, Any], fault: Exception | None
) -> None:
    link, tell = no_udp
    tell.side_effect = fault
    link._client = Mock(healthy=True, channel=link.channel, abandon=AsyncMock())
    link._life = Mock(step=Mock(return_value=Verdict.NO_PACKETS))
    with clock_of_the_loop() as move:
        async with asyncio.timeout(3600 * LIMIT):
            waiting = asyncio.create_task(link.wait_lost())
            while not waiting.done():
                move(10.0)
                await asyncio.sleep(0)
    assert await waiting is EndCause.NO_PACKETS, "and the last words say so again"
    (told,) = [call.args[0] for call in tell.await_args_list]
    assert "no voice packets (UDP)" in told
    assert "firewall" in told

"""Tests of two servers that want the bot at the same moment: one gets it, the other is told immediately."""

from __future__ import annotations

import asyncio

from bot.guard import JOIN_ELSEWHERE
from sandbox.guest import Guest
from sandbox.world.entities import Channel, ChannelKind
from tests.e2e.conftest import LIMIT, Stage, StageMaker


async def test_two_servers_at_once_get_one_call_and_one_clear_refusal(
    make_stage: StageMaker, speech_server: str
) -> None:
    async with make_stage(tts_websocket_url=speech_server) as stage:
        zoe, elsewhere = await somebody_elsewhere(stage)
        here = stage.sandbox.home.general
        await asyncio.gather(stage.ada.say(here, "!join"), zoe.say(elsewhere, "!join"))
        answers = [asyncio.create_task(outcome(stage.ada, here)), asyncio.create_task(outcome(zoe, elsewhere))]
        told = await asyncio.gather(*answers)
        assert told.count(JOIN_ELSEWHERE) == 1
        assert sum(text.startswith("🎤 Joined") for text in told) == 1


async def outcome(guest: Guest, channel: Channel) -> str:
    """The result of a join."""

    def tells(text: str) -> bool:
        return text.startswith(("🎤 Joined", "❌"))

    return (await guest.wait_for_message(channel, lambda m: m.author.bot and tells(m.content), LIMIT)).content


async def somebody_elsewhere(stage: Stage) -> tuple[Guest, Channel]:
    """Zoe in a voice channel of another server of the bot, and that server's text channel."""
    sandbox, directory = stage.sandbox, stage.sandbox.world.directory
    guild = directory.add_guild("Elsewhere", sandbox.home.owner)
    directory.add_member(guild, sandbox.bot)
    text, voice = directory.add_channel(guild, "general"), directory.add_channel(guild, "lounge", ChannelKind.VOICE)
    zoe = await sandbox.add_guest("Zoe", guild)
    await zoe.join_voice(voice)
    return zoe, text

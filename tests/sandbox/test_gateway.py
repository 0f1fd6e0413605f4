"""The gateway as discord.py meets it: login, intents, resume, refusals."""

from __future__ import annotations

import discord

from sandbox.server import Sandbox
from tests.sandbox.conftest import LIMIT, Bot


async def test_discord_py_logs_in_and_sees_the_guild(sandbox: Sandbox, bot: Bot) -> None:
    assert bot.user is not None
    assert bot.user.id == sandbox.bot_id
    guild = bot.get_guild(sandbox.guild.id)
    assert guild is not None
    assert {channel.name for channel in guild.voice_channels} >= {"Lounge", "AFK"}
    assert guild.afk_channel is not None
    assert guild.afk_channel.id == sandbox.afk_channel.id
    assert guild.me.guild_permissions.speak


async def test_a_message_goes_both_ways(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")

    @bot.listen("on_message")
    async def reply(message: discord.Message) -> None:
        if not message.author.bot:
            await message.reply(f"You said {message.content}")

    said = await ada.say(sandbox.text_channel, "hello")
    answer = await ada.wait_for_message(sandbox.text_channel)
    assert answer.content == "You said hello"
    assert answer.reference is said


async def test_the_bot_joins_voice_and_leaves(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    await ada.join_voice(sandbox.voice_channel)
    channel = bot.get_channel(sandbox.voice_channel.id)
    assert isinstance(channel, discord.VoiceChannel)
    assert [member.display_name for member in channel.members] == ["Ada"]
    voice: discord.VoiceClient = await channel.connect(timeout=LIMIT, reconnect=False)
    assert {state.member.user.name for state in sandbox.world.voice.inside(sandbox.voice_channel)} == {"Ada", "Bot"}
    await voice.disconnect()
    assert sandbox.world.voice.find(sandbox.guild.id, sandbox.bot_id) is None

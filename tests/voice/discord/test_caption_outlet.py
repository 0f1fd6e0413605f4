"""Tests of captions in the sandbox's Discord: in the channel, in a thread, and without the right to open threads."""

from __future__ import annotations

import discord
import pytest

from bot.voice.discord.text_channel import NO_THREAD, DiscordCaptionOutlet
from bot.voice.transport import CaptionError
from config.sections import Captions
from sandbox.server import Sandbox
from sandbox.world.entities import Channel, ChannelKind, Overwrite
from sandbox.world.permissions import Permission
from tests.discord_client import client, sandbox

__all__ = ["client", "sandbox"]


def outlet_in(client: discord.Client, channel: Channel) -> DiscordCaptionOutlet:
    found = client.get_channel(channel.id)
    assert isinstance(found, discord.TextChannel | discord.VoiceChannel)
    return DiscordCaptionOutlet(found, "Lounge, 31 January")


def written(sandbox: Sandbox, channel: Channel) -> list[str]:
    return [message.content for message in sandbox.world.messages.seen_by(sandbox.home.owner.id, channel.id)]


def threads(sandbox: Sandbox) -> list[Channel]:
    return [channel for channel in sandbox.home.guild.channels.values() if channel.kind is ChannelKind.PUBLIC_THREAD]


async def test_captions_go_to_the_channel_or_to_one_thread_of_it(sandbox: Sandbox, client: discord.Client) -> None:
    outlet = outlet_in(client, sandbox.home.general)
    await outlet.write("**Ada:** one", Captions.CHANNEL)
    await outlet.write("**Ada:** two", Captions.THREAD)
    await outlet.write("**Ada:** three", Captions.THREAD)
    (thread,) = threads(sandbox)
    assert thread.name == "Lounge, 31 January"
    assert "**Ada:** one" in written(sandbox, sandbox.home.general)
    assert [text for text in written(sandbox, thread) if text] == ["**Ada:** two", "**Ada:** three"]


@pytest.mark.parametrize("denied", [Permission.CREATE_PUBLIC_THREADS, Permission.SEND_MESSAGES_IN_THREADS])
async def test_captions_go_to_the_channel_without_the_right_to_write_in_threads_and_a_notice_says_so_once(
    sandbox: Sandbox, client: discord.Client, denied: Permission
) -> None:
    general = sandbox.home.general
    sandbox.world.directory.set_overwrite(general, Overwrite(sandbox.bot_id, True, deny=denied))
    outlet = outlet_in(client, general)
    await outlet.write("**Ada:** one", Captions.THREAD)
    await outlet.write("**Ada:** two", Captions.THREAD)
    assert [text for text in written(sandbox, general) if text] == [NO_THREAD, "**Ada:** one", "**Ada:** two"]


async def test_the_chat_of_a_voice_channel_has_no_threads(sandbox: Sandbox, client: discord.Client) -> None:
    outlet = outlet_in(client, sandbox.home.lounge)
    await outlet.write("**Ada:** one", Captions.THREAD)
    assert written(sandbox, sandbox.home.lounge) == [NO_THREAD, "**Ada:** one"]


async def test_a_thread_that_somebody_deletes_is_replaced(sandbox: Sandbox, client: discord.Client) -> None:
    outlet = outlet_in(client, sandbox.home.general)
    await outlet.write("**Ada:** one", Captions.THREAD)
    sandbox.world.delete_channel(threads(sandbox)[0])
    await outlet.write("**Ada:** two", Captions.THREAD)
    await outlet.write("**Ada:** three", Captions.THREAD)
    assert "**Ada:** two" in written(sandbox, sandbox.home.general)
    assert "**Ada:** three" in written(sandbox, threads(sandbox)[0])


async def test_the_error_says_that_the_channel_of_the_captions_is_gone(
    sandbox: Sandbox, client: discord.Client
) -> None:
    outlet = outlet_in(client, sandbox.home.general)
    sandbox.world.delete_channel(sandbox.home.general)
    with pytest.raises(CaptionError, match="Unknown Channel"):
        await outlet.write("**Ada:** one", Captions.THREAD)

"""Voice messages, forwards, polls, mentions of roles and replies to deleted messages, as discord.py reads them."""

from __future__ import annotations

import discord
import pytest

from sandbox.server import Sandbox
from sandbox.world.entities import Upload
from tests.sandbox.conftest import Bot

OGG = b"OggS" + bytes(60)
CAT = Upload("cat.png", b"\x89PNG", "image/png")


async def test_a_voice_message_has_its_flag_its_length_and_its_waveform(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    seen = bot.sees("message", lambda message: message.flags.voice)
    await ada.send_voice_message(sandbox.text_channel, OGG, 1.5)
    message = await seen
    assert isinstance(message, discord.Message)
    assert message.flags.value == 8192
    (attachment,) = message.attachments
    assert attachment.is_voice_message()
    assert (attachment.duration, attachment.content_type, attachment.filename) == (
        1.5,
        "audio/ogg",
        "voice-message.ogg",
    )
    assert await attachment.read() == OGG


async def test_a_forward_carries_a_snapshot_without_its_author(sandbox: Sandbox, bot: Bot) -> None:
    ada, ben = await sandbox.add_guest("Ada"), await sandbox.add_guest("Ben")
    original = await ben.say(sandbox.home.side, "look", attachments=[CAT])
    seen = bot.sees("message", lambda message: bool(message.message_snapshots))
    sent = await ada.forward(original, sandbox.text_channel)
    await ben.edit(original, "changed")
    message = await seen
    assert isinstance(message, discord.Message)
    assert (message.content, message.flags.forwarded) == ("", True)
    assert message.reference is not None
    assert message.reference.type is discord.MessageReferenceType.forward
    assert (message.reference.message_id, message.reference.channel_id) == (original.id, sandbox.home.side.id)
    (snapshot,) = message.message_snapshots
    assert (snapshot.content, snapshot.attachments[0].filename) == ("look", "cat.png")
    again = await ada.forward(sent, sandbox.text_channel)
    assert again.snapshot == sent.snapshot


async def test_the_bot_has_a_role_of_its_own_that_can_be_mentioned(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    seen = bot.sees("message", lambda message: bool(message.role_mentions))
    await ada.say(sandbox.text_channel, f"<@&{sandbox.home.bot_role.id}> hello")
    message = await seen
    assert isinstance(message, discord.Message)
    assert message.guild is not None
    assert message.role_mentions == [message.guild.self_role]
    assert message.mentions == []


async def test_a_poll_has_its_question_and_its_answers(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    seen = bot.sees("message", lambda message: message.poll is not None)
    await ada.ask_poll(sandbox.text_channel, "Tea?", ["Yes", "No"])
    message = await seen
    assert isinstance(message, discord.Message)
    assert message.poll is not None
    assert (message.poll.question, [answer.text for answer in message.poll.answers]) == ("Tea?", ["Yes", "No"])


async def test_a_reply_to_a_deleted_message_is_refused_or_becomes_a_plain_message(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    channel = bot.get_channel(sandbox.text_channel.id)
    assert isinstance(channel, discord.TextChannel)
    question = await ada.say(sandbox.text_channel, "hello?")
    read = await channel.fetch_message(question.id)
    reply = await read.reply("first")
    await ada.delete(question)
    with pytest.raises(discord.HTTPException) as error:
        await read.reply("second")
    assert (error.value.status, error.value.code) == (400, 50035)
    assert "Unknown message" in error.value.text
    plain = await channel.send("third", reference=read.to_reference(fail_if_not_exists=False))
    assert plain.reference is None
    found = await channel.fetch_message(reply.id)
    assert found.reference is not None
    assert isinstance(found.reference.resolved, discord.DeletedReferencedMessage)

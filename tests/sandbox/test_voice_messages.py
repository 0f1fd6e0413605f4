"""Voice messages that the bot posts: the sandbox takes and refuses them as Discord does."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import discord
import pytest
from discord.http import Route

from sandbox.server import Sandbox
from sandbox.world.permissions import Permission
from tests.sandbox.conftest import Bot

OGG = b"OggS" + bytes(60)
WAVEFORM = base64.b64encode(bytes(range(12))).decode()
FILE = {"id": 0, "filename": "voice-message.ogg", "duration_secs": 1.2, "waveform": WAVEFORM}
MESSAGE: dict[str, Any] = {"flags": 8192, "attachments": [FILE]}


async def post(bot: Bot, channel: int, message: dict[str, Any], *, files: int = 1, kind: str = "audio/ogg") -> Any:
    """Post a message with files through discord.py, as Discord's documentation describes it."""
    sound = {"value": OGG, "filename": "voice-message.ogg", "content_type": kind}
    form: list[dict[str, Any]] = [
        {"name": "payload_json", "value": json.dumps(message)},
        *({"name": f"files[{number}]", **sound} for number in range(files)),
    ]
    route = Route("POST", "/channels/{channel_id}/messages", channel_id=channel)
    return await bot.http.request(route, form=form, files=[])


def with_file(**changes: Any) -> dict[str, Any]:
    """The message with changes of its file. ``None`` removes a field."""
    file = {name: value for name, value in {**FILE, **changes}.items() if value is not None}
    return {**MESSAGE, "attachments": [file]}


async def test_a_voice_message_of_the_bot_arrives_with_its_length_and_its_waveform(sandbox: Sandbox, bot: Bot) -> None:
    ada = await sandbox.add_guest("Ada")
    asked = await ada.say(sandbox.text_channel, "Sing!")
    answer = await post(bot, sandbox.text_channel.id, {**MESSAGE, "message_reference": {"message_id": str(asked.id)}})
    assert answer["flags"] == 8192
    message = ada.messages(sandbox.text_channel)[-1]
    assert message.reference_id == asked.id
    (attachment,) = message.attachments
    assert (attachment.upload.seconds, attachment.upload.waveform) == (1.2, WAVEFORM)
    channel = bot.get_channel(sandbox.text_channel.id)
    assert isinstance(channel, discord.TextChannel)
    read = await channel.fetch_message(message.id)
    assert read.flags.voice
    assert read.attachments[0].is_voice_message()
    with pytest.raises(discord.HTTPException) as error:
        await read.edit(content="la la")
    assert error.value.code == 50162


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({**MESSAGE, "content": "listen"}, 50159),
        ({**MESSAGE, "embeds": [{"title": "listen"}]}, 50159),
        ({**MESSAGE, "components": [{"type": 1, "components": []}]}, 50159),
        (with_file(waveform=None), 50161),
        (with_file(duration_secs=None), 50161),
        (with_file(duration_secs=0), 50035),
        (with_file(duration_secs="long"), 50035),
        (with_file(waveform="no base 64!"), 50035),
        (with_file(waveform=""), 50035),
        (with_file(waveform=base64.b64encode(bytes(257)).decode()), 50035),
    ],
)
async def test_a_message_that_is_no_proper_voice_message_is_refused(
    sandbox: Sandbox, bot: Bot, message: dict[str, Any], code: int
) -> None:
    with pytest.raises(discord.HTTPException) as error:
        await post(bot, sandbox.text_channel.id, message)
    assert (error.value.status, error.value.code) == (400, code)


@pytest.mark.parametrize(("files", "kind"), [(2, "audio/ogg"), (1, "application/octet-stream")])
async def test_a_voice_message_has_exactly_one_file_which_is_a_sound(
    sandbox: Sandbox, bot: Bot, files: int, kind: str
) -> None:
    with pytest.raises(discord.HTTPException) as error:
        await post(bot, sandbox.text_channel.id, MESSAGE, files=files, kind=kind)
    assert (error.value.status, error.value.code) == (400, 50160)


async def test_the_bot_needs_a_permission_for_voice_messages_on_a_server_but_not_in_private(
    sandbox: Sandbox, bot: Bot
) -> None:
    ada = await sandbox.add_guest("Ada")
    sandbox.faults.deny(sandbox.bot, sandbox.text_channel, Permission.SEND_VOICE_MESSAGES)
    with pytest.raises(discord.Forbidden) as error:
        await post(bot, sandbox.text_channel.id, MESSAGE)
    assert error.value.code == 50173
    plain = bot.get_channel(sandbox.text_channel.id)
    assert isinstance(plain, discord.TextChannel)
    await plain.send("a sound", file=discord.File(io.BytesIO(OGG), "sound.ogg"))
    await post(bot, ada.dm_channel.id, MESSAGE)
    assert ada.messages(ada.dm_channel)[-1].flags == 8192

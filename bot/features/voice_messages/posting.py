"""Posts voice messages. discord.py 2.7 can't, so this module gives it a file with the fields that Discord needs."""

from __future__ import annotations

import base64
import io
from typing import Any

import discord
from discord.http import handle_message_parameters
from typing_extensions import override

from audio.voice_message import VoiceMessage
from bot.replying import NOBODY

FILENAME = "voice-message.ogg"
_KIND = "audio/ogg"
_MAY_NOT_SPEAK = 50173
"""Discord's error code for a channel in which the bot may not send voice messages."""


class VoiceMessagesForbiddenError(Exception):
    """The bot may not send voice messages in the channel."""


class _VoiceFile(discord.File):
    """A file with the length and the waveform of a voice message."""

    __slots__ = ("_message",)

    def __init__(self, message: VoiceMessage) -> None:
        super().__init__(io.BytesIO(message.ogg), FILENAME)
        self._message = message

    @override
    def to_dict(self, index: int) -> dict[str, Any]:
        waveform = base64.b64encode(self._message.waveform).decode()
        return {**super().to_dict(index), "duration_secs": self._message.seconds, "waveform": waveform}


async def post_voice_message(
    client: discord.Client, channel: int, message: VoiceMessage, reply_to: int | None = None
) -> None:
    """Post a voice message. Nobody is notified.

    Args:
        channel: the id of the channel.
        reply_to: the id of the message in this channel that it replies to. A message that is gone does no harm.

    Raises:
        VoiceMessagesForbiddenError: the bot may not send voice messages there.
        discord.HTTPException: Discord does not take it.
    """
    try:
        await _post(client, channel, message, reply_to)
    except discord.Forbidden as error:
        if error.code == _MAY_NOT_SPEAK:
            raise VoiceMessagesForbiddenError from error
        if reply_to is None:
            raise
        # A bot without the right to read a channel's history may write there, but not reply.
        await _post(client, channel, message, None)


async def _post(client: discord.Client, channel: int, message: VoiceMessage, reply_to: int | None) -> None:
    flags = discord.MessageFlags()
    flags.voice = True
    reference = discord.utils.MISSING
    if reply_to is not None:
        reference = {"message_id": reply_to, "channel_id": channel, "fail_if_not_exists": False}
    with handle_message_parameters(
        file=_VoiceFile(message), flags=flags, message_reference=reference, allowed_mentions=NOBODY
    ) as parameters:
        for part in parameters.multipart or ():
            # Discord takes no other content type for a voice message.
            if "filename" in part:
                part["content_type"] = _KIND
        await client.http.send_message(channel, params=parameters)

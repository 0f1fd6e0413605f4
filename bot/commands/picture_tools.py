"""What the tools for pictures need of Discord: the newest picture of a channel, and drawings for a person."""

from __future__ import annotations

import logging

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.features.image_generation.drawing_request import SpokenRequest
from bot.features.image_generation.feature import ImageGeneration
from bot.features.image_generation.outcome import DrawingError
from bot.features.vision.feature import Vision
from bot.features.vision.media import VisionError, shows_pictures
from bot.tools.builtin.drawing import DrawingRefusedError
from bot.tools.builtin.last_picture import PictureError

_log = logging.getLogger(__name__)

NOT_FOUND = "The channel or the person for which it should be drawn can't be found."
LOOKED_THROUGH = 30
"""Number of the newest messages among which a picture is looked for."""


class ChannelPictures:
    """Describes pictures in Discord's channels (:class:`~bot.tools.builtin.last_picture.Pictures`)."""

    def __init__(self, client: discord.Client, vision: Vision) -> None:
        self._client = client
        self._vision = vision

    async def describe_last(self, channel: int, question: str) -> str | None:
        """Describe the newest picture in a channel; ``None`` if there is none. Raises :class:`PictureError`."""
        try:
            message = await self._newest(channel)
            return None if message is None else await self._vision.look(message, question)
        except VisionError as error:
            raise PictureError(str(error)) from error
        except DISCORD_ERRORS as error:
            _log.warning("The pictures of the channel %d can't be read: %s", channel, discord_error_text(error))
            raise PictureError("The channel can't be read at the moment.") from error

    async def _newest(self, channel: int) -> discord.Message | None:
        found = self._client.get_channel(channel) or await self._client.fetch_channel(channel)
        if not isinstance(found, discord.abc.Messageable):
            return None
        async for message in found.history(limit=LOOKED_THROUGH):
            if shows_pictures(message):
                return message
        return None


class ChannelDrawings:
    """Draws for people on Discord (:class:`~bot.tools.builtin.drawing.Drawings`)."""

    def __init__(self, client: discord.Client, images: ImageGeneration) -> None:
        self._client = client
        self._images = images

    async def draw_when_free(self, person: int, server: int, channel: int, description: str) -> bool:
        """Draw a picture now, or after the call if one is on. Returns whether it is drawn now.

        Raises:
            DrawingRefusedError: the person may not have it drawn, or the description can't be used.
        """
        try:
            request = await self._request(person, server, channel)
            return self._images.draw_when_free(request, description)
        except DrawingError as error:
            raise DrawingRefusedError(str(error)) from error

    async def _request(self, person: int, server: int, channel: int) -> SpokenRequest:
        guild = self._client.get_guild(server)
        author: discord.Member | discord.User
        try:
            if guild is not None:
                author = guild.get_member(person) or await guild.fetch_member(person)
            else:
                author = self._client.get_user(person) or await self._client.fetch_user(person)
            found = self._client.get_channel(channel) or await self._client.fetch_channel(channel)
        except DISCORD_ERRORS as error:
            _log.warning("A drawing can't be made for %d: %s", person, discord_error_text(error))
            raise DrawingRefusedError(NOT_FOUND) from error
        if not isinstance(found, discord.abc.Messageable):
            raise DrawingRefusedError(NOT_FOUND)
        return SpokenRequest(author, found, guild)

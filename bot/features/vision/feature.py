"""The vision feature: describes the pictures and videos of messages.

During a call, the feature is paused and its model is unloaded.
"""

from __future__ import annotations

import asyncio
import logging

import aiohttp
import discord

from bot.discord_files import DownloadError, FileTooLargeError, download
from bot.features.vision.budget import UnknownFileError
from bot.features.vision.frames import extract_frames
from bot.features.vision.media import MediaItem, VisionError, check_media, find_media, too_large
from bot.features.vision.vision_model import MediaFrames, VisionModel
from bot.metering import DIRECT_MESSAGES, Account
from bot.pictures import BrokenPictureError
from bot.text import shorten
from bot.work_gate import IN_FLIGHT_LIMIT, FeatureHeldError, WorkGate, WorkStoppedError
from config.feature_sections import VisionSettings

_log = logging.getLogger(__name__)

HELD = "🎤 I can't look at images or videos right now, I'm talking in voice chat! Send it again after I leave."
CANT_SEE = "🙈 I can't see pictures here (nobody has set VISION_LLM_URL)."

_MAX_TEXT_CHARS = 500
"""Maximum number of characters of a message's text that the model sees."""


class Vision:
    """Describes the pictures and videos of messages. Paused during a call (:class:`~bot.lease.Lockable`).

    This class is not thread-safe.

    Args:
        http: the session for downloads. It must not send credentials. The caller closes it.
        beside_calls: whether the model takes no memory from a call, because it runs on another machine or is the model
            that calls use. If so, :meth:`look` works during a call.
        in_flight_limit: the largest number of seconds that a starting call waits for a description in progress.
    """

    name = "vision"

    def __init__(
        self,
        model: VisionModel,
        settings: VisionSettings,
        http: aiohttp.ClientSession,
        *,
        beside_calls: bool = False,
        in_flight_limit: float = IN_FLIGHT_LIMIT,
    ) -> None:
        self._beside_calls = beside_calls
        self._settings = settings
        self._http = http
        self._model = model
        self._gate = WorkGate(self.name, limit=in_flight_limit)
        self._decoding = asyncio.Lock()

    @property
    def busy(self) -> bool:
        """Whether something is being described now. A description that was begun during a call does not count."""
        return self._gate.busy

    async def hold(self, reason: str) -> None:
        """Pause, and unload the model."""
        await self._gate.hold(reason)
        await self.unload()

    async def release(self) -> None:
        """Resume. The server loads the model again at the next request."""
        await self._gate.release()

    async def unload(self) -> None:
        """Ask the model's server to free its GPU memory. A failure is only logged."""
        await self._model.unload()

    async def describe(self, message: discord.Message) -> str | None:
        """Describe the pictures and videos of a message and of the messages that it replies to or forwards.

        Returns ``None`` if there are none.

        Raises:
            VisionError: a picture can't be described. The text is for the person who sent it. The error's attribute
                ``seen`` describes the other pictures.
        """
        items = find_media(message)
        if not items:
            return None
        try:
            async with self._gate.work():
                return await self._describe(items, shorten(message.clean_content, _MAX_TEXT_CHARS), _account(message))
        except (FeatureHeldError, WorkStoppedError):
            raise VisionError(HELD) from None

    async def look(self, message: discord.Message, question: str) -> str | None:
        """Describe the pictures and videos of a message with a question in mind; if possible, also during a call.

        Returns ``None`` if there are none.

        Raises:
            VisionError: they can't be described now. The text says why.
        """
        items = find_media(message)
        if not items:
            return None
        if self._gate.held and self._beside_calls:
            return await self._describe(items, question, _account(message))
        try:
            async with self._gate.work():
                return await self._describe(items, question, _account(message))
        except (FeatureHeldError, WorkStoppedError):
            raise VisionError(HELD) from None

    async def _describe(self, items: list[MediaItem], words: str, account: Account) -> str | None:
        count = max(1, self._settings.max_frames // len(items))
        shown: list[MediaFrames] = []
        refusals: list[str] = []
        for item in items:
            try:
                check_media(item, self._settings.max_bytes)
                shown.append(MediaFrames(item.title, await self._frames(item, count)))
            except VisionError as error:
                if item.sent:
                    refusals.append(str(error))
                else:
                    # A link's preview picture was not sent by a person, so the message is complete without it.
                    _log.info("The picture of a link was skipped: %s", error)
        try:
            seen = await self._model.describe(shown, words, account) if shown else None
        except VisionError as error:
            raise VisionError("\n".join([*refusals, str(error)])) from error
        if refusals:
            raise VisionError("\n".join(refusals), seen)
        return seen

    async def _frames(self, item: MediaItem, count: int) -> list[bytes]:
        try:
            data = await download(self._http, item.url, self._settings.max_bytes)
        except FileTooLargeError as error:
            raise too_large(item, self._settings.max_bytes) from error
        except DownloadError as error:
            raise VisionError(f"❌ I could not fetch {item.name} from Discord. Please send it again.") from error
        try:
            # Files are decoded one at a time, because a decoded picture can take much memory.
            async with self._decoding:
                return await extract_frames(data, count)
        except UnknownFileError as error:
            if item.kind.startswith("video/"):
                raise _undecodable(item) from error
            raise VisionError(f"❌ {item.name} is not the kind of picture or video that its name says.") from error
        except BrokenPictureError as error:
            raise _undecodable(item) from error


def _account(message: discord.Message) -> Account:
    return Account(DIRECT_MESSAGES if message.guild is None else message.guild.id, message.author.id)


def _undecodable(item: MediaItem) -> VisionError:
    return VisionError(f"❌ I can't make out {item.name}: it is broken, or far too large.")

"""The profile picture feature: shows the pictures of a folder in turn, on a schedule and on command."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import discord

from bot.discord_errors import DISCORD_ERRORS, discord_error_text
from bot.features.profile_picture.folder import picture_names, read_picture
from bot.features.profile_picture.records import Change, PictureRecords
from bot.pictures import BrokenPictureError
from bot.user_error import UserError
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError

_log = logging.getLogger(__name__)

CHANGES_PER_HOUR = 2
"""Maximum number of changes in an hour, so that Discord does not refuse them."""
HOUR = 3600.0
TRIES = 3
"""A change is given up after Discord has refused this number of pictures."""
TIMEOUT = 60.0
"""Seconds for one change. Without a limit, discord.py could wait for hours if Discord asks it to."""
POLL = 60.0
"""Seconds between two checks whether a change is due."""

TOO_FAST = "⏳ Discord says that I change my picture too often. I won't try again for an hour."
NO_OTHER = "❌ There is no other picture in my folder that I can use."
NO_FOLDER = "❌ I can't read my folder of pictures."
NOT_TAKEN = "❌ Discord did not accept the picture. The log says why."
NO_ANSWER = "❌ Discord did not answer, so my picture may have changed or not. The log says why."


class ProfilePictureError(UserError):
    """The picture was not changed. The text says why."""


class TooSoonError(ProfilePictureError):
    """The picture was changed too often recently. The next change is possible in ``wait`` seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"the next change is possible in {wait:.0f} s")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Album:
    """The pictures, the one that is shown, and the time of the next change.

    ``due_at`` is in seconds since 1970; 0 means as soon as possible.
    """

    names: tuple[str, ...]
    shown: str | None
    due_at: float


class ProfilePicture:
    """Changes the bot's picture: :meth:`run` on schedule, :meth:`change` on command.

    It is paused during a call (:class:`~bot.lease.Lockable`).

    Args:
        bot: the client whose avatar is changed. It must be logged in.
        hours: hours between two changes.
        clock: returns seconds since 1970.
        poll: seconds between two checks whether a change is due.
    """

    name = "profile picture"

    def __init__(
        self,
        bot: discord.Client,
        records: PictureRecords,
        folder: Path,
        hours: float,
        *,
        clock: Callable[[], float] = time.time,
        poll: float = POLL,
    ) -> None:
        self._bot = bot
        self._records = records
        self._folder = folder
        self._period = hours * HOUR
        self._clock = clock
        self._poll = poll
        self._gate = WorkGate(self.name)
        self._changing = asyncio.Lock()
        self._wake = asyncio.Event()
        self._postponed = False
        self._rest_until = 0.0

    async def hold(self, reason: str) -> None:
        """Pause: the picture stays as it is."""
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Resume. If changes became due during the pause, one is made now."""
        await self._gate.release()
        self._wake.set()

    async def run(self) -> None:
        """Change the picture whenever a change is due, until cancelled."""
        while True:
            self._wake.clear()
            try:
                await self._change_if_due()
            except Exception:
                _log.exception("The picture could not be changed")
                self._rest_until = self._clock() + HOUR
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._poll):
                    await self._wake.wait()

    async def _change_if_due(self) -> None:
        if not self._postponed and self._clock() < await self._due_at():
            return
        if self._gate.held:
            self._postpone()
        elif self._clock() >= self._rest_until and await self._seconds_to_wait() <= 0:
            try:
                await self.change()
            except FeatureHeldError:
                return  # A call began during the check. `change` has already postponed the change.
            except (ProfilePictureError, WorkStoppedError) as error:
                _log.warning("The picture stays: %s", error)
                self._rest_until = self._clock() + HOUR

    def _postpone(self) -> None:
        if not self._postponed:
            _log.info("A change of the picture is put off: %s is paused", self.name)
        self._postponed = True

    async def change(self) -> str:
        """Show the next picture now.

        Returns:
            the picture's name.

        Raises:
            ProfilePictureError: the picture stays as it was.
            FeatureHeldError: a call is active. The change is made after the call.
            WorkStoppedError: a call began during the change.
        """
        if self._gate.held:
            self._postpone()
            raise FeatureHeldError(self.name)
        async with self._gate.work(), self._changing:
            wait = await self._seconds_to_wait()
            if wait > 0:
                raise TooSoonError(wait)
            name = await self._show_another()
        self._postponed = False
        _log.info("The picture is %s now", name)
        return name

    async def album(self) -> Album:
        """The pictures and the one that is shown; raises :class:`ProfilePictureError` if the folder can't be read."""
        return Album(await self._names(), await self._shown(), await self._due_at())

    async def _due_at(self) -> float:
        newest = await self._records.newest(1)
        return newest[0].at + self._period if newest else 0.0

    async def _seconds_to_wait(self) -> float:
        """Seconds until Discord and :data:`CHANGES_PER_HOUR` both allow a change; 0 or less means now."""
        free_at = await self._records.refused_until()
        recent = await self._records.newest(CHANGES_PER_HOUR)
        if len(recent) == CHANGES_PER_HOUR:
            free_at = max(free_at, recent[-1].at + HOUR)
        return free_at - self._clock()

    async def _show_another(self) -> str:
        refused = 0
        for name in _after(await self._shown(), await self._names()):
            try:
                data = await asyncio.to_thread(read_picture, self._folder / name)
            except BrokenPictureError as error:
                _log.warning("The picture %s is skipped: %s", name, error)
                continue
            if await self._set_avatar(name, data):
                return name
            refused += 1
            if refused == TRIES:
                break
        raise ProfilePictureError(NO_OTHER)

    async def _set_avatar(self, name: str, data: bytes) -> bool:
        """Set the avatar. Returns False if Discord does not accept the file as a picture."""
        if self._bot.user is None:
            raise RuntimeError("the bot is not logged in")
        # The change is recorded before it is made. If the bot crashes in between, it does not change the picture too
        # early after the restart.
        record = await self._records.note(Change(name, self._clock()))
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._bot.user.edit(avatar=data)
        except TimeoutError as error:
            await self._replace_by_refusal(record)
            raise ProfilePictureError(TOO_FAST) from error
        except discord.HTTPException as error:
            if error.status == HTTPStatus.TOO_MANY_REQUESTS or "too fast" in error.text:
                await self._replace_by_refusal(record)
                raise ProfilePictureError(TOO_FAST) from error
            await self._records.delete(record)
            _log.warning("Discord did not take the picture %s: %s", name, error)
            if error.status == HTTPStatus.BAD_REQUEST:
                return False
            raise ProfilePictureError(NOT_TAKEN) from error
        except DISCORD_ERRORS as error:
            _log.warning("Discord may not have got the picture %s: %s", name, discord_error_text(error))
            raise ProfilePictureError(NO_ANSWER) from error
        return True

    async def _replace_by_refusal(self, record: int) -> None:
        """Delete the record of a change that Discord refused, and store the refusal."""
        await self._records.delete(record)
        await self._records.note_refusal(self._clock() + HOUR)

    async def _names(self) -> tuple[str, ...]:
        try:
            return await asyncio.to_thread(picture_names, self._folder)
        except OSError as error:
            _log.warning("The folder of pictures %s can't be read: %s", self._folder, error)
            raise ProfilePictureError(NO_FOLDER) from error

    async def _shown(self) -> str | None:
        newest = await self._records.newest(1)
        return newest[0].file if newest else None


def _after(shown: str | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """All names but ``shown``: first the names after it in alphabetical order, then the names before it."""
    if shown is None:
        return names
    return tuple(name for name in names if name > shown) + tuple(name for name in names if name < shown)

"""Profile picture: the bot's picture goes through a folder, on a schedule and when asked."""

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

from bot.features.profile_picture.folder import picture_names, read_picture
from bot.features.profile_picture.records import Change, PictureRecords
from bot.pictures import BrokenPictureError
from bot.user_error import UserError
from bot.work_gate import FeatureHeldError, WorkGate, WorkStoppedError

_log = logging.getLogger(__name__)

CHANGES_PER_HOUR = 2
HOUR = 3600.0
TRIES = 3
"""Pictures that Discord may refuse before a change is given up."""
TIMEOUT = 60.0
"""Seconds that a change may take: discord.py waits by itself where Discord asks for it, if need be for hours."""
POLL = 60.0

TOO_FAST = "⏳ Discord says that I change my picture too often. I won't try again for an hour."
NO_OTHER = "❌ There is no other picture in my folder that I can use."
NO_FOLDER = "❌ I can't read my folder of pictures."
NOT_TAKEN = "❌ Discord did not accept the picture. The log says why."


class PictureError(UserError):
    """The picture was not changed; the text says why."""


class TooSoonError(PictureError):
    """It was changed too often lately; ``wait`` in seconds."""

    def __init__(self, wait: float) -> None:
        super().__init__(f"the next change is possible in {wait:.0f} s")
        self.wait = wait


@dataclass(frozen=True, slots=True)
class Album:
    """What there is, what of it is shown, and when that changes by itself: seconds since 1970; 0 as soon as it can."""

    names: tuple[str, ...]
    shown: str | None
    due_at: float


class ProfilePicture:
    """Changes the picture; ``run`` does it on schedule. A ``Lockable`` of the lease.

    Args:
        bot: who is pictured; logged in.
        hours: between two changes.
        clock: seconds since 1970.
        poll: seconds between two looks at the clock.
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
        self._owed = False
        self._rest_until = 0.0

    async def hold(self, reason: str) -> None:
        """Leave the picture alone."""
        await self._gate.hold(reason)

    async def release(self) -> None:
        """Change it again; what came due meanwhile happens once, now."""
        await self._gate.release()
        self._wake.set()

    async def run(self) -> None:
        """Change the picture when it is due, until cancelled."""
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
        if not self._owed and self._clock() < await self._due_at():
            return
        if self._gate.held:
            self._owe()
        elif self._clock() >= self._rest_until and await self._wait() <= 0:
            try:
                await self.change()
            except FeatureHeldError:
                return  # A call began while we looked; the change is put off already.
            except (PictureError, WorkStoppedError) as error:
                _log.warning("The picture stays: %s", error)
                self._rest_until = self._clock() + HOUR

    def _owe(self) -> None:
        if not self._owed:
            _log.info("A change of the picture is put off: %s is held", self.name)
        self._owed = True

    async def change(self) -> str:
        """Show the next picture now; returns its name.

        Raises:
            PictureError: it stays.
            FeatureHeldError: not during a call; it is done afterwards.
            WorkStoppedError: a call began.
        """
        if self._gate.held:
            self._owe()
            raise FeatureHeldError(self.name)
        async with self._gate.work(), self._changing:
            wait = await self._wait()
            if wait > 0:
                raise TooSoonError(wait)
            name = await self._show_another()
        self._owed = False
        _log.info("The picture is %s now", name)
        return name

    async def album(self) -> Album:
        """What there is and what of it is shown; raises :class:`PictureError`."""
        return Album(await self._names(), await self._shown(), await self._due_at())

    async def _due_at(self) -> float:
        newest = await self._records.newest(1)
        return newest[0].at + self._period if newest else 0.0

    async def _wait(self) -> float:
        """Seconds until a change is possible, by Discord's limit and by our own; 0 or less: now."""
        free_at = await self._records.refused_until()
        lately = await self._records.newest(CHANGES_PER_HOUR)
        if len(lately) == CHANGES_PER_HOUR:
            free_at = max(free_at, lately[-1].at + HOUR)
        return free_at - self._clock()

    async def _show_another(self) -> str:
        refused = 0
        for name in _after(await self._shown(), await self._names()):
            try:
                data = await asyncio.to_thread(read_picture, self._folder / name)
            except BrokenPictureError as error:
                _log.warning("The picture %s is skipped: %s", name, error)
                continue
            if await self._put_up(name, data):
                return name
            refused += 1
            if refused == TRIES:
                break
        raise PictureError(NO_OTHER)

    async def _put_up(self, name: str, data: bytes) -> bool:
        """Returns whether Discord takes this one for a picture."""
        if self._bot.user is None:
            raise RuntimeError("the bot is not logged in")
        # Noted first: whatever ends this process now, the next one does not change the picture again at once.
        number = await self._records.note(Change(name, self._clock()))
        try:
            async with asyncio.timeout(TIMEOUT):
                await self._bot.user.edit(avatar=data)
        except TimeoutError as error:
            await self._refused(number)
            raise PictureError(TOO_FAST) from error
        except discord.HTTPException as error:
            if error.status == HTTPStatus.TOO_MANY_REQUESTS or "too fast" in error.text:
                await self._refused(number)
                raise PictureError(TOO_FAST) from error
            await self._records.withdraw(number)
            _log.warning("Discord did not take the picture %s: %s", name, error)
            if error.status == HTTPStatus.BAD_REQUEST:
                return False
            raise PictureError(NOT_TAKEN) from error
        return True

    async def _refused(self, number: int) -> None:
        await self._records.withdraw(number)
        await self._records.note_refusal(self._clock() + HOUR)

    async def _names(self) -> tuple[str, ...]:
        try:
            return await asyncio.to_thread(picture_names, self._folder)
        except OSError as error:
            _log.warning("The folder of pictures %s can't be read: %s", self._folder, error)
            raise PictureError(NO_FOLDER) from error

    async def _shown(self) -> str | None:
        newest = await self._records.newest(1)
        return newest[0].file if newest else None


def _after(shown: str | None, names: tuple[str, ...]) -> tuple[str, ...]:
    """The other names, beginning with the one after the one that is shown."""
    if shown is None:
        return names
    return tuple(name for name in names if name > shown) + tuple(name for name in names if name < shown)

"""Remembers whose data are being erased, so that the next start can finish it if the process dies meanwhile."""

from __future__ import annotations

import logging

import aiosqlite

from bot.database import Records
from bot.personal_data.personal_data import Subject

_log = logging.getLogger(__name__)


class StoredErasures(Records):
    """The erasures that have begun, in the database (:class:`~bot.personal_data.personal_data.BegunErasures`)."""

    async def add(self, subject: Subject) -> None:
        """Note that an erasure begins. If that can't be stored, the erasure goes on all the same."""
        await self._write(
            "INSERT OR REPLACE INTO erasure (person, private_channel) VALUES (?, ?)",
            subject.id,
            subject.private_channel,
        )

    async def remove(self, subject: Subject) -> None:
        """Note that an erasure is over. If that can't be stored, the next start does it again."""
        await self._write("DELETE FROM erasure WHERE person = ?", subject.id)

    async def all(self) -> list[Subject]:
        """The people whose erasure has begun; raises :class:`aiosqlite.Error`."""
        rows = await self._database.rows("SELECT person, private_channel FROM erasure ORDER BY person")
        return [Subject(int(person), None if channel is None else int(channel)) for person, channel in rows]

    async def _write(self, statement: str, *values: int | None) -> None:
        try:
            await self._database.write(statement, *values)
        except aiosqlite.Error as error:
            _log.warning("It can't be stored whose data are being erased: %s", error)

"""Exports and deletes a person's data in all stores that know something of that person."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

import aiosqlite

_log = logging.getLogger(__name__)

JsonValue = str | int | float | bool | None | Sequence["JsonValue"] | Mapping[str, "JsonValue"]
FAILED = "{name}: these could not be deleted just now. Please ask me again later."


class NotErasedError(Exception):
    """A store could not delete everything now. The text is for people."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The person whose data are meant.

    Attributes:
        id: the person's user id.
        private_channel: the id of the channel of their direct messages with the bot; ``None`` if it is not known.
    """

    id: int
    private_channel: int | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """What a store has deleted.

    Attributes:
        count: how many things it has deleted.
        left: what it has kept, and why, as one sentence for people; empty if it has kept nothing.
    """

    count: int = 0
    left: str = ""


class PersonalData(Protocol):
    """A store that knows something of a person."""

    @property
    def name(self) -> str:
        """What is stored, in plain words."""
        ...

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """All that is stored of the person, as JSON.

        Raises:
            aiosqlite.Error: the database can't be read.
        """
        ...

    async def erase(self, subject: Subject) -> Erased:
        """Delete all that is stored of the person, except what has to stay.

        Raises:
            NotErasedError: not everything could be deleted.
            aiosqlite.Error: the database can't be written.
        """
        ...


class BegunErasures(Protocol):
    """Remembers whose data are being erased, until that is done."""

    async def add(self, subject: Subject) -> None:
        """Note that an erasure begins."""
        ...

    async def remove(self, subject: Subject) -> None:
        """Note that an erasure is over."""
        ...

    async def all(self) -> Sequence[Subject]:
        """The people whose erasure has begun; raises :class:`aiosqlite.Error`."""
        ...


@dataclass(frozen=True, slots=True)
class Erasure:
    """What was deleted in all stores.

    Attributes:
        counts: how many things were deleted, by the store's name. Stores that had nothing are left out.
        left: what was kept, and why.
        failed: what could not be deleted.
    """

    counts: Mapping[str, int]
    left: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()


class PersonalStores:
    """All stores that know something of a person. Use it only on the event loop.

    Args:
        stores: the stores, in the order in which they are emptied.
        erase_traces: cleans the database's files of deleted rows. Raises :class:`aiosqlite.Error`.
        begun: remembers whose data are being erased; ``None`` if that need not outlive the process.
    """

    def __init__(
        self,
        stores: Sequence[PersonalData],
        erase_traces: Callable[[], Awaitable[None]],
        begun: BegunErasures | None = None,
    ) -> None:
        self._stores = [*stores]
        self._erase_traces = erase_traces
        self._begun = begun

    def add(self, store: PersonalData) -> None:
        """Add a store. It is emptied after the others."""
        self._stores.append(store)

    @property
    def names(self) -> list[str]:
        """The names of all stores."""
        return [store.name for store in self._stores]

    async def export(self, subject: Subject) -> dict[str, JsonValue]:
        """All that is stored of a person, by the store's name.

        Raises:
            aiosqlite.Error: the database can't be read.
        """
        return {store.name: await store.export(subject) for store in self._stores}

    async def erase(self, subject: Subject) -> Erasure:
        """Delete what is stored of a person. If one store fails, the others are emptied all the same.

        If the process dies meanwhile, or this is cancelled, :meth:`go_on` finishes it.
        """
        if self._begun is not None:
            await self._begun.add(subject)
        erasure = await self._erase(subject)
        if self._begun is not None:
            await self._begun.remove(subject)
        return erasure

    async def go_on(self) -> None:
        """Finish the erasures during which an earlier process died. What can't be deleted is logged."""
        for subject in () if self._begun is None else await self._begun.all():
            erasure = await self.erase(subject)
            _log.warning("Data of a person are erased only now, because the bot had died before all of them were")
            for failure in erasure.failed:
                _log.error("Data of a person could not be erased: %s", failure)

    async def _erase(self, subject: Subject) -> Erasure:
        counts, left, failed = dict[str, int](), list[str](), list[str]()
        for store in self._stores:
            try:
                erased = await store.erase(subject)
            except NotErasedError as error:
                failed.append(str(error))
            except Exception:
                # Whatever the error is, the person's other data must not stay because of it.
                _log.exception("Data of a person could not be deleted: %s", store.name)
                failed.append(FAILED.format(name=store.name))
            else:
                if erased.count:
                    counts[store.name] = erased.count
                if erased.left:
                    left.append(erased.left)
        try:
            await self._erase_traces()
        except aiosqlite.Error as error:
            _log.warning("Traces of deleted data are still in the database's files: %s", error)
            failed.append("The deleted rows could not be overwritten just now. Please ask me again later.")
        return Erasure(counts, tuple(left), tuple(failed))


def moment(seconds: float) -> str:
    """A time in seconds since 1970 as ISO 8601 in UTC; the number itself if it is too large for a date."""
    try:
        return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return str(seconds)

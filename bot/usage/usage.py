"""The service that counts what is used. It stores the figures a few seconds later, so that no answer waits for it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from typing import Self

import aiosqlite

from bot.database import Database
from bot.metering import Account, Paid
from bot.usage.ledger import Amounts, Engine, UsageKey, UsageLedger
from bot.usage.limits import DailyLimits
from bot.usage.records import UsageRecords
from config.sections import DailySettings

_log = logging.getLogger(__name__)

GATHER_SECONDS = 5.0
"""Seconds for which figures are gathered before they are stored."""
RETRY_SECONDS = 60.0
"""Seconds between two attempts while the database can't be written."""
DAYS_KEPT = 92
"""Number of days, with today, of which figures are kept: enough for any quarter of a year."""
NO_LIMITS = DailySettings()
MAX_FIGURES = 50_000
"""Maximum number of stored figures. If there are more, the oldest days are deleted."""


class Usage:
    """The :class:`~bot.metering.Meter` of the running bot. Use it only on the event loop.

    Args:
        clock: returns the current time in the people's time zone.
        ledger: the figures of the newest days.
        limits: the operator's limits; by default there are none.
        costing: the kinds of use for which a server costs money.
        sleep: waits the given seconds.
    """

    def __init__(
        self,
        records: UsageRecords,
        ledger: UsageLedger,
        clock: Callable[[], datetime],
        limits: DailySettings = NO_LIMITS,
        costing: Collection[Paid] = tuple(Paid),
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.records = records
        self.ledger = ledger
        self.clock = clock
        self.limits = DailyLimits(limits, ledger.paid_today, clock, costing)
        self._sleep = sleep
        self._more = asyncio.Event()
        self._storing = asyncio.Lock()
        self._trouble = False
        self._cleaned: date | None = None

    @classmethod
    @asynccontextmanager
    async def opened(
        cls,
        database: Database,
        clock: Callable[[], datetime],
        limits: DailySettings = NO_LIMITS,
        costing: Collection[Paid] = tuple(Paid),
    ) -> AsyncIterator[Self]:
        """Read the figures of the newest days. When the context ends, what was counted last is stored.

        Raises:
            aiosqlite.Error: the database can't be read.
        """
        records = UsageRecords(database)
        stored = await records.since(clock().date() - timedelta(days=1))
        usage = cls(records, UsageLedger(lambda: clock().date(), stored), clock, limits, costing)
        try:
            yield usage
        finally:
            if usage.ledger.has_unstored:
                await usage.store()

    def tokens(self, account: Account, server: str, prompt: int, answer: int, *, paid: bool) -> None:
        """Count a request to a model server."""
        self._add(account, Engine.MIND, server, Amounts(1, prompt, answer), paid=paid)

    def spoken(self, account: Account, server: str, seconds: float, *, paid: bool) -> None:
        """Count sound that a speech server has made."""
        self._add(account, Engine.VOICE, server, Amounts(1, milliseconds=round(1000 * seconds)), paid=paid)

    def heard(self, account: Account, server: str, seconds: float, *, paid: bool) -> None:
        """Count sound that was sent to a recogniser."""
        self._add(account, Engine.EARS, server, Amounts(1, milliseconds=round(1000 * seconds)), paid=paid)

    def _add(self, account: Account, engine: Engine, server: str, amounts: Amounts, *, paid: bool) -> None:
        self.ledger.add(account, engine, server, amounts, paid=paid)
        self._more.set()
        for text in self.limits.news():
            _log.warning("%s", text)

    def refusal(self, paid: Paid, *, guess: bool = False) -> str | None:
        """Why nothing that costs money may be begun now; see :meth:`~bot.usage.limits.DailyLimits.refusal`."""
        return self.limits.refusal(paid, guess=guess)

    async def run(self) -> None:
        """Store what was counted, and delete what is too old, until cancelled."""
        while True:
            await self._more.wait()
            await self._sleep(GATHER_SECONDS)
            # A transaction that was cancelled may be committed or not, and then it would not be known what is stored.
            if await asyncio.shield(self.store()):
                await self._clean_up()
            else:
                await self._sleep(RETRY_SECONDS)

    async def store(self) -> bool:
        """Store what was counted. Returns False if the database can't be written now; then nothing is lost."""
        async with self._storing:
            self._more.clear()
            if not self.ledger.has_unstored:
                return True
            taken = self.ledger.take_unstored()
            try:
                await self.records.add(taken)
            except aiosqlite.Error as error:
                self.ledger.put_back(taken)
                if not self._trouble:
                    _log.error("What was used can't be stored: %s; trying again every %.0f s", error, RETRY_SECONDS)
                self._trouble = True
                self._more.set()
                return False
            self._trouble = False
            return True

    async def _clean_up(self) -> None:
        """Once a day, delete what is too old or too much."""
        today = self.ledger.today()
        if self._cleaned == today:
            return
        try:
            await self.records.forget_before(today - timedelta(days=DAYS_KEPT - 1))
            await self.records.keep_newest(MAX_FIGURES, today)
        except aiosqlite.Error as error:
            _log.warning("Old figures of what was used can't be deleted: %s; trying again later", error)
        else:
            self._cleaned = today

    async def of_person(self, person: int) -> list[tuple[UsageKey, Amounts]]:
        """All figures of a person; raises :class:`aiosqlite.Error`."""
        await self.store()
        return await self.records.of_person(person)

    async def disown(self, person: int) -> int:
        """Forget whose use it was. Returns how many figures there were; raises :class:`aiosqlite.Error`.

        The sums of the days and servers stay, because the daily limits need them.
        """
        await self.store()
        async with self._storing:
            self.ledger.forget(person)
            return await self.records.disown(person)

"""Tests of how the figures of what was used are stored: over restarts, while the database can't be written, until they
are too old, and without the people who have erased themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from bot.database import FILE, Database
from bot.metering import Account
from bot.personal_data.personal_data import Subject
from bot.personal_data.used import UsedEngines
from bot.usage.ledger import NOBODY_ID, Amounts, Engine
from bot.usage.records import Scope
from bot.usage.usage import DAYS_KEPT, Usage
from tests.timing import wait_until

ADA, BEN = 11, 22
HERE, THERE = 100, 200
HOSTED, LOCAL = "api.example.org", "127.0.0.1:8080"


class Clock:
    """The clock that the test moves."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 29, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@asynccontextmanager
async def opened(folder: Path, clock: Clock) -> AsyncIterator[Usage]:
    async with Database.opened(folder / FILE) as database, Usage.opened(database, clock) as usage:
        yield usage


async def test_a_restart_loses_nothing(tmp_path: Path) -> None:
    clock = Clock()
    for _ in range(2):
        async with opened(tmp_path, clock) as usage:
            usage.tokens(Account(HERE, ADA), HOSTED, 90, 10, paid=True)
            usage.spoken(Account(HERE, ADA), LOCAL, 1.5, paid=False)
    async with opened(tmp_path, clock) as usage:
        assert usage.ledger.paid_today() == Amounts(2, 180, 20)
        figures = await usage.of_person(ADA)
        assert [(key.engine, amounts) for key, amounts in figures] == [
            (Engine.MIND, Amounts(2, 180, 20)),
            (Engine.VOICE, Amounts(2, 0, 0, 3_000)),
        ]
    clock.now += timedelta(days=1)
    async with opened(tmp_path, clock) as usage:
        assert usage.ledger.paid_today() == Amounts()


async def test_figures_are_stored_after_a_moment_and_not_at_once(tmp_path: Path) -> None:
    pauses = asyncio.Semaphore(0)

    async def sleep(seconds: float) -> None:
        await pauses.acquire()

    async with Database.opened(tmp_path / FILE) as database, Usage.opened(database, Clock()) as made:
        usage = Usage(made.records, made.ledger, made.clock, sleep=sleep)
        storing = asyncio.create_task(usage.run())
        for _ in range(3):
            usage.tokens(Account(HERE, ADA), HOSTED, 1, 0, paid=True)
        await asyncio.sleep(0)
        assert await usage.records.of_person(ADA) == []
        pauses.release()
        await wait_until(lambda: not usage.ledger.has_unstored)
        ((_, amounts),) = await usage.of_person(ADA)
        assert amounts == Amounts(3, 3, 0), "the three uses are in one row"
        storing.cancel()
        with suppress(asyncio.CancelledError):
            await storing


async def test_nothing_is_lost_while_the_database_cannot_be_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Database.opened(tmp_path / FILE) as database, Usage.opened(database, Clock()) as usage:
        await database.write("ALTER TABLE usage RENAME TO away")
        for _ in range(2):
            usage.tokens(Account(HERE, ADA), HOSTED, 5, 0, paid=True)
            assert not await usage.store()
        assert len(caplog.messages) == 1, "told once"
        await database.write("ALTER TABLE away RENAME TO usage")
        assert await usage.store()
        ((_, amounts),) = await usage.of_person(ADA)
        assert amounts == Amounts(2, 10, 0)


async def test_old_figures_are_deleted(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock()) as usage:
        rows = [(date(2026, 11, 29) - timedelta(days=age), person) for age in (0, 1, DAYS_KEPT) for person in (1, 2)]
        for day, person in rows:
            await usage.records._database.write(
                "INSERT INTO usage VALUES (?, 1, ?, 'mind', 'x', 0, 1, 1, 1, 0)", day.isoformat(), person
            )
        await usage._clean_up()
        scope = Scope(date(2020, 1, 1))
        assert [day for day, _ in await usage.records.by_day(scope)] == [date(2026, 11, 29), date(2026, 11, 28)]
        await usage.records.keep_newest(3, date(2026, 11, 29))
        assert [day for day, _ in await usage.records.by_day(scope)] == [date(2026, 11, 29)]
        await usage.records.keep_newest(1, date(2026, 11, 29))
        assert len(await usage.records.by_day(scope)) == 1, "today's figures stay, since limits are counted by them"


async def test_sums_by_server_by_person_and_by_day(tmp_path: Path) -> None:
    clock = Clock()
    async with opened(tmp_path, clock) as usage:
        usage.tokens(Account(HERE, ADA), HOSTED, 100, 10, paid=True)
        usage.tokens(Account(THERE, ADA), HOSTED, 1, 1, paid=True)
        usage.tokens(Account(HERE, BEN), LOCAL, 30, 3, paid=False)
        clock.now += timedelta(days=1)
        usage.tokens(Account(HERE, BEN), LOCAL, 300, 0, paid=False)
        await usage.store()
        here = Scope(date(2026, 11, 29), place=HERE)
        servers = [(each.server, each.amounts.tokens) for each in await usage.records.by_server(here)]
        assert servers == [(LOCAL, 333), (HOSTED, 110)]
        people = [(person, amounts.tokens) for person, amounts in await usage.records.by_person(here)]
        assert people == [(BEN, 333), (ADA, 110)]
        days = [(day.day, amounts.tokens) for day, amounts in await usage.records.by_day(Scope(date(2026, 11, 29)))]
        assert days == [(30, 300), (29, 145)]
        assert await usage.records.by_day(Scope(date(2026, 11, 30), person=ADA)) == []


async def test_my_data_has_the_figures_and_erase_me_takes_the_person_out_of_them(tmp_path: Path) -> None:
    async with opened(tmp_path, Clock()) as usage:
        store = UsedEngines(usage)
        usage.tokens(Account(HERE), HOSTED, 7, 0, paid=True)
        usage.tokens(Account(HERE, ADA), HOSTED, 100, 10, paid=True)
        usage.tokens(Account(HERE, BEN), HOSTED, 1, 0, paid=True)
        (exported,) = await store.export(Subject(ADA))
        assert isinstance(exported, dict)
        assert (exported["day"], exported["tokens read"], exported["by"]) == ("2026-11-29", 100, HOSTED)
        usage.tokens(Account(HERE, ADA), HOSTED, 1_000, 0, paid=True)  # not stored yet
        assert (await store.erase(Subject(ADA))).count == 1
        assert await store.export(Subject(ADA)) == []
        people = {person: amounts.tokens for person, amounts in await usage.records.by_person(Scope(date(2026, 1, 1)))}
        assert people == {NOBODY_ID: 1_117, BEN: 1}
        assert usage.ledger.paid_today().tokens == 1_118
        assert (await store.erase(Subject(ADA))).count == 0

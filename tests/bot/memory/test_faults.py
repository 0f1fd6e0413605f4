"""Faults of the disk and the database: the bot answers without memory, logs that, and saves what can be saved."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import aiosqlite
import pytest

from bot.database import FILE
from bot.database.integrity import damaged_files
from bot.memory.gathering import FactGatherer
from bot.memory.records import Fact, FactRecords
from tests.bot.memory.brain import ADA, BEN, brain
from tests.bot.memory.test_gathering import SISTER, Model, gatherer

TOLD = "Nothing can be recalled from memory now"


async def test_facts_are_recalled_while_another_program_writes_into_the_database(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.learn("sister is called Mira", "My sister is called Mira.")
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:
            other.execute("BEGIN EXCLUSIVE")
            assert "Mira" in await mind.recalled(ADA, "Who is my sister?")
            other.execute("ROLLBACK")


async def test_a_damaged_index_is_reported_once_and_made_anew_at_the_next_start(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with brain(tmp_path) as mind:
        await mind.learn("sister is called Mira", "My sister is called Mira.", heard=[BEN])
        # The rows up to 10 are the index's own records. All others are its content.
        await mind.database.write("DELETE FROM fact_word_data WHERE id > 10")
        assert await mind.recalled(ADA, "Who is my sister?") == await mind.recalled(ADA, "Mira") == ""
        assert caplog.text.count(TOLD) == 1
    async with brain(tmp_path) as mind:
        assert "was made anew from the facts" in caplog.text
        assert "Mira" in await mind.recalled(BEN, "Who is Ada's sister?")


async def test_a_damaged_database_is_kept_as_a_file_and_its_readable_facts_are_remembered(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.learn("sister is called Mira", "My sister is called Mira.", heard=[BEN])
        await mind.memory.set_choice(BEN, False)
    path = tmp_path / FILE
    with closing(sqlite3.connect(path)) as database:
        (page,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'reminder'").fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"damaged " * (size // 8)
    path.write_bytes(content)
    async with brain(tmp_path) as mind:
        (kept,) = damaged_files(path)
        assert kept.read_bytes() == bytes(content)
        assert "Mira" in await mind.recalled(ADA, "Who is my sister?")
        assert mind.memory.choice(BEN) is False


async def test_if_refusals_may_be_lost_with_a_damaged_database_everybody_is_asked(tmp_path: Path) -> None:
    async with brain(tmp_path) as mind:
        await mind.memory.set_choice(BEN, False)
    path = tmp_path / FILE
    with closing(sqlite3.connect(path)) as database:
        (page,) = database.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'memory_choice'").fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"damaged " * (size // 8)
    path.write_bytes(content)
    async with brain(tmp_path) as mind:
        assert not mind.memory.consent.allows(BEN) and not mind.memory.consent.allows(ADA)
    (kept,) = damaged_files(path)
    kept.unlink()
    async with brain(tmp_path) as mind:
        assert mind.memory.consent.allows(ADA)


async def test_facts_that_could_not_be_stored_under_a_lock_are_gathered_again_once_it_is_gone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with brain(tmp_path) as mind:
        await mind.learn("dog is called Bolt", "My dog is called Bolt.")
        await mind.written(ADA, "My sister is called Mira.")
        await mind.database.rows("PRAGMA busy_timeout = 0")
        with closing(sqlite3.connect(tmp_path / FILE, isolation_level=None)) as other:

            def lock(_: int) -> str:
                other.execute("BEGIN EXCLUSIVE")
                return SISTER

            model = Model(lock)
            running = asyncio.create_task(gatherer(mind, model).run())
            async with asyncio.timeout(60):
                while "No facts could be gathered: database is locked" not in caplog.text:
                    await asyncio.sleep(0.01)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            assert "Bolt" in await mind.recalled(ADA, "What is my dog called?"), "what is known is told"
            assert len(model.asked) == 1, "the model is not asked again and again"
            other.execute("ROLLBACK")
        assert await gatherer(mind, Model(lambda _: SISTER)).gather_some()
        assert [fact.text for fact in await mind.memory.export(ADA)] == ["sister is called Mira", "dog is called Bolt"]


class FullDisk(FactRecords):
    """Facts that can't be stored, because the disk is full."""

    async def add(self, fact: Fact, instead_of: Sequence[int] = ()) -> Fact:
        raise aiosqlite.OperationalError("database or disk is full")


async def test_on_a_full_disk_turns_stay_unread_until_their_facts_can_be_stored(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with brain(tmp_path) as mind:
        await mind.learn("dog is called Bolt", "My dog is called Bolt.")
        await mind.written(ADA, "My sister is called Mira.")
        memory, model = mind.memory, Model(lambda _: SISTER)
        full = FactGatherer(
            memory.unread,
            FullDisk(mind.database),
            memory.consent,
            memory.audiences,
            memory.gate,
            model,
            clock=lambda: mind.now + 60,
            sleep=_soon,
        )
        running = asyncio.create_task(full.run())
        async with asyncio.timeout(60):
            while "No facts could be gathered: database or disk is full" not in caplog.text:
                await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert "Bolt" in await mind.recalled(ADA, "What is my dog called?"), "what is known is told"
        assert len(model.asked) == 1, "the model is not asked again and again"
        assert await gatherer(mind, model).gather_some()
        assert {fact.text for fact in await memory.export(ADA)} == {"dog is called Bolt", "sister is called Mira"}


async def _soon(_: float) -> None:
    await asyncio.sleep(0.01)

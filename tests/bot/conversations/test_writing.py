"""The queue of the conversation writer: nobody waits for the disk, and the queue's length is bounded."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
from pathlib import Path

import pytest

from bot.database import Database
from bot.database.write_queue import MAX_WAITING
from bot.voice.events import CallEnded, UtteranceHeard
from tests.bot.conversations.archives import ADA, BEN, Archive, words
from tests.timing import quickest


async def test_after_a_crash_a_call_is_stored_as_ended_at_its_last_words(archive: Archive, database: Database) -> None:
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "Hello", True))
    said = archive.now
    await archive.turns()
    restarted = Archive(database, now=archive.now + 900)
    await restarted.conversations.open()
    assert [ended for _, _, _, ended, _ in await restarted.rows()] == [said]


LOCK_TIMEOUT = 5.0
"""Seconds for which sqlite3 waits for a locked database. A turn that waited for the disk would take longer."""


async def test_nobody_waits_for_the_disk(archive: Archive, tmp_path: Path) -> None:
    """While the database is locked, turns are queued immediately. They are written when it is unlocked."""
    with sqlite3.connect(tmp_path / "seiyuu.sqlite3") as other:
        other.execute("BEGIN IMMEDIATE")
        said = 0

        async def say() -> float:
            nonlocal said
            watch, _ = archive.call()
            begun = time.perf_counter()
            for number in range(100):
                watch(UtteranceHeard(ADA, "Ada", f"{number}", True))
            said += 100
            return time.perf_counter() - begun

        taken = await quickest(say, LOCK_TIMEOUT)
        writing = asyncio.create_task(archive.conversations.writer.flush())
        ticks = 0
        while ticks < 20:
            await asyncio.sleep(0.005)
            ticks += 1
        assert not writing.done()
        other.execute("ROLLBACK")
    assert taken < LOCK_TIMEOUT
    assert await writing
    assert len(await archive.turns()) == said


async def test_a_full_disk_is_reported_once_and_the_turns_are_written_when_there_is_room(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    (pages,) = await archive.database.row("PRAGMA page_count") or (0,)
    await archive.database.row(f"PRAGMA max_page_count = {pages}")
    watch, _ = archive.call()
    with caplog.at_level(logging.WARNING):
        for number in range(50):
            watch(UtteranceHeard(ADA, "Ada", f"{number} " + "x" * 1_000, True))
            await archive.conversations.writer.flush()
        troubles = [record for record in caplog.records if "can't be stored" in record.getMessage()]
        assert len(troubles) == 1
        assert "full" in troubles[0].getMessage()
        await archive.database.row("PRAGMA max_page_count = 100000")
        assert len(await archive.turns()) == 50
    assert caplog.records[-1].getMessage().startswith("Conversations are stored again; ")


async def test_the_queue_is_bounded_and_lost_turns_are_reported(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    await archive.database.row("PRAGMA query_only = ON")
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "first", True))
    assert not await archive.conversations.writer.flush()
    for number in range(MAX_WAITING + 5):
        watch(UtteranceHeard(ADA, "Ada", f"{number}", True))
    await archive.database.row("PRAGMA query_only = OFF")
    assert len(await archive.turns()) == MAX_WAITING
    assert "6 turns are lost" in caplog.text


async def test_the_last_words_are_written_when_the_bot_ends(archive: Archive) -> None:
    watch, _ = archive.call()
    writing = asyncio.create_task(archive.conversations.writer.run())
    watch(UtteranceHeard(ADA, "Ada", "Goodbye", True))
    watch(CallEnded("Lounge", "shutdown"))
    writing.cancel()
    await asyncio.gather(writing, return_exceptions=True)
    await archive.conversations.close()
    assert await archive.database.rows("SELECT text FROM turns") == [("Goodbye",)]


@pytest.mark.parametrize("first", ["somebody opts out", "a call ends"])
async def test_the_queue_is_bounded_whatever_its_first_item_is(archive: Archive, first: str) -> None:
    await archive.database.row("PRAGMA query_only = ON")
    watch, _ = archive.call()
    if first == "a call ends":
        watch(CallEnded("Lounge", "command"))
        watch, _ = archive.call()
    for _ in range(5):
        archive.conversations.writer.forget_person(BEN)
    for number in range(MAX_WAITING + 5):
        watch(UtteranceHeard(ADA, "Ada", f"{number}", True))
    waiting = len(archive.conversations.writer._queue.waiting)
    assert waiting <= MAX_WAITING + 2
    await archive.database.row("PRAGMA query_only = OFF")
    assert words(await archive.turns()) == [f"{number}" for number in range(5, MAX_WAITING + 5)]

"""Tests of the backlog: errors lose no waiting message, and one message that always fails does not block others."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import aiosqlite
import pytest

from bot.database import Database
from bot.features.text_chat.backlog import MAX_FAULTS, Backlog
from bot.features.text_chat.waiting import WaitingMessage, WaitingMessages


@pytest.fixture
async def waiting(tmp_path: Path) -> AsyncIterator[WaitingMessages]:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        waiting = WaitingMessages(database)
        for number in (1, 2):
            await waiting.add(WaitingMessage(number, 7, 8, 0.0, "Ada", f"number {number}"))
        yield waiting


async def nobody(_: WaitingMessage) -> None:
    raise AssertionError("no message is given up")


@pytest.mark.parametrize(("faults", "answered"), [(1, [1, 2]), (MAX_FAULTS, [2])])
async def test_a_failed_answer_is_tried_again_a_few_times(
    waiting: WaitingMessages, faults: int, answered: list[int]
) -> None:
    left = faults
    done: list[int] = []

    async def answer(it: WaitingMessage) -> None:
        nonlocal left
        if it.message == 1 and left:
            left -= 1
            raise RuntimeError("Session is closed")
        done.append(it.message)
        await waiting.remove(it.message)

    async def give_up(it: WaitingMessage) -> None:
        given_up.append(it.message)
        await waiting.remove(it.message)
        raise RuntimeError("The author can't be told")

    given_up = list[int]()
    backlog = Backlog(waiting, answer, give_up, lambda: asyncio.sleep(0))
    backlog.begin()
    async with asyncio.timeout(30):
        while await waiting.first() is not None:
            await asyncio.sleep(0)
    await backlog.close()
    assert done == answered
    assert given_up == ([1] if faults == MAX_FAULTS else []), "whoever gets no answer is told so"


async def test_the_end_of_the_process_loses_nothing(waiting: WaitingMessages) -> None:
    stumbled = asyncio.Event()

    async def answer(_: WaitingMessage) -> None:
        stumbled.set()
        raise RuntimeError("Session is closed")

    backlog = Backlog(waiting, answer, nobody, asyncio.Event().wait)  # type: ignore[arg-type]
    backlog.begin()
    await stumbled.wait()
    await backlog.close()
    first = await waiting.first()
    assert first is not None
    assert first.message == 1


async def test_a_message_is_answered_once_when_the_database_can_be_used_again(
    waiting: WaitingMessages, caplog: pytest.LogCaptureFixture
) -> None:
    attempts = list[int]()

    async def answer(it: WaitingMessage) -> None:
        attempts.append(it.message)
        if len(attempts) <= 2 * MAX_FAULTS:
            raise aiosqlite.OperationalError("database is locked")
        await waiting.remove(it.message)

    backlog = Backlog(waiting, answer, nobody, lambda: asyncio.sleep(0))
    backlog.begin()
    async with asyncio.timeout(30):
        while await waiting.first() is not None:
            await asyncio.sleep(0)
    await backlog.close()
    assert attempts == [*[1] * (2 * MAX_FAULTS + 1), 2]
    assert caplog.text.count("Message 1 waits until the database can be used: database is locked") == 1

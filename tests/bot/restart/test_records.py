"""The database's records of the calls and prompts that a restart has interrupted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.database import Database
from bot.restart.records import InterruptedCall, RestartRecords, UnansweredPrompt

CALL = InterruptedCall(1, 2, 3, 100.5, frozenset({11, 22}), "de", True, "talk", "off")


async def test_calls_and_prompts_are_read_as_they_were_stored_until_they_are_forgotten(tmp_path: Path) -> None:
    prompts = [UnansweredPrompt(3, 7, 11, "Ada", "And then?"), UnansweredPrompt(3, None, 22, "Ben", "Hello", True)]
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        records = RestartRecords(database)
        await records.keep_call(CALL)
        await records.keep(prompts, 100.5)
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        records = RestartRecords(database)
        assert await records.calls() == await records.calls() == [CALL]
        await records.keep_call(later := replace(CALL, ended_at=101.5))
        await records.forget_call(CALL)
        assert await records.calls() == [later], "a call that was interrupted meanwhile is kept"
        await records.forget_call(later)
        assert await records.calls() == []
        assert await records.unanswered(100.5) == prompts
        assert await records.unanswered(101.0) == prompts[:1], "spoken words are not shown long after they were said"
        await records.keep_call(replace(CALL, offered_at=500.0))
        assert await records.calls() == [], "the bot does not go back by itself into a call that it has offered"
        assert await records.offered(CALL.guild, 400.0) == replace(CALL, offered_at=500.0)
        assert await records.offered(CALL.guild + 1, 400.0) is None
        assert await records.offered(CALL.guild, 501.0) is None
        assert await records.offered(CALL.guild, 400.0) is None, "what is too old is deleted"
        read = await records.unanswered(0.0)
        await records.keep(prompts[1:], 102.0)
        await records.forget_prompts(read)
        assert await records.unanswered(0.0) == prompts[1:], "what came meanwhile is kept"


@pytest.mark.parametrize("damage", ["[1", "", "7", '["11"]', "[[1]]", 100_000 * "["])
async def test_a_damaged_call_is_left_out_and_the_other_calls_are_not_lost(tmp_path: Path, damage: str) -> None:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        records = RestartRecords(database)
        for call in (CALL, replace(CALL, guild=7, offered_at=500.0)):
            await records.keep_call(call)
        await database.write("UPDATE interrupted_call SET present = ?", damage)
        await records.keep_call(replace(CALL, guild=5))
        assert await records.calls() == [replace(CALL, guild=5)]
        assert await records.offered(7, 400.0) is None

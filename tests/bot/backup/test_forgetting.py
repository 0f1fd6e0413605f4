"""Restores of backups with words of people who have opted out since: only the backup itself has these words then."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from bot.__main__ import main
from bot.conversations.records import ConversationRecords
from bot.database import Database
from bot.store import Store
from tests.bot.backup.data_folder import told
from tests.file_contents import files_with

ADA, CLEO = 11, 13
SECRET = "zebrafish"


def talk(database: Path, turns: int = 400) -> None:
    """Store a long conversation of Ada, Cleo and the bot. Rows of many lengths make SQLite move them about."""
    lines = [
        (str(ADA), "Ada", "zebrafish {}"),
        (None, "Seiyuu", "Yes, zebrafish {}"),
        (str(CLEO), "Cleo", "goldfish {}"),
    ]
    rows = [
        (
            number,
            *lines[number % 3][:2],
            lines[number % 3][2].format(number) + " and so on" * (number % 40),
            float(number),
        )
        for number in range(turns)
    ]
    with closing(sqlite3.connect(database)) as bot, bot:
        bot.execute("INSERT OR REPLACE INTO listening_choice VALUES (?, 1), (?, 1)", (ADA, CLEO))
        bot.execute(
            "INSERT INTO conversations (id, transport, server, channel, place, started, ended, people) "
            "VALUES (1, 'discord', '1', '3', 'Lounge', 0.0, 400.0, '[\"Ada\", \"Cleo\"]')"
        )
        bot.executemany(
            "INSERT INTO turns (conversation, number, person, who, text, at, interrupted) VALUES (1, ?, ?, ?, ?, ?, 0)",
            rows,
        )


async def opt_out(database: Path) -> None:
    """Ada opts out, as in the running bot."""
    async with Database.opened(database) as opened:
        await Store(opened).set_listening_choice(ADA, False)
        records = ConversationRecords(opened)
        await records.forget_person(ADA)
        await records.erase_traces()


def test_words_of_a_person_who_opted_out_after_the_backup_are_nowhere_after_the_restore(
    folder: Path, database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    talk(database)
    assert main(["backup", "saved.sqlite3"]) == 0
    assert files_with(folder, SECRET) == {"saved.sqlite3", "data/seiyuu.sqlite3"}
    asyncio.run(opt_out(database))
    assert files_with(folder, SECRET) == {"saved.sqlite3"}
    assert main(["restore", "saved.sqlite3"]) == 0
    assert "People who have opted out since the backup stay opted out: 1." in told(capsys)
    with closing(sqlite3.connect(database)) as restored:
        assert restored.execute("SELECT DISTINCT who FROM turns").fetchall() == [("Cleo",)]
    assert files_with(folder, SECRET) == {"saved.sqlite3"}, "the backup itself stays as it is"


def test_facts_about_people_who_refused_since_the_backup_are_nowhere_after_the_restore(
    folder: Path, database: Path
) -> None:
    with closing(sqlite3.connect(database)) as bot, bot:
        for number in range(200):
            words = f"ada has a zebrafish {number}"
            bot.execute(
                "INSERT INTO fact "
                "(server, speaker, speaker_name, person, person_name, fact, quote, said_at, words, audience) "
                "VALUES ('1', ?1, 'Ada', ?1, 'Ada', ?2, ?2, 0.0, ?2, 's1p11')",
                (str(ADA), words),
            )
    assert main(["backup", "saved.sqlite3"]) == 0
    with closing(sqlite3.connect(database)) as bot, bot:
        bot.execute("DELETE FROM fact")
        bot.execute("INSERT INTO memory_choice VALUES (?, 0)", (str(ADA),))
    assert main(["restore", "saved.sqlite3"]) == 0
    with closing(sqlite3.connect(database)) as restored:
        assert restored.execute("SELECT person, keep FROM memory_choice").fetchall() == [(str(ADA), 0)]
    assert SECRET.encode() not in database.read_bytes()


def test_words_that_a_killed_bot_had_no_time_to_delete_do_not_come_back(folder: Path, database: Path) -> None:
    talk(database)
    with closing(sqlite3.connect(database)) as bot, bot:
        bot.execute("UPDATE listening_choice SET listen = 0 WHERE person = ?", (ADA,))
    assert main(["backup", "saved.sqlite3"]) == 0
    assert main(["restore", "saved.sqlite3"]) == 0
    assert SECRET.encode() not in database.read_bytes()

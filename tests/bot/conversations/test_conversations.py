"""Stored conversations: what is stored, of which people, for how long, and without making anybody wait."""

from __future__ import annotations

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from bot.conversations.keeping import DAY, CallKeeper, Conversations
from bot.conversations.records import (
    CHAT,
    DELETE_BATCH,
    LONGEST,
    MOST_TURNS,
    SILENCE,
    ConversationPlace,
    ConversationRecords,
)
from bot.conversations.writer import MAX_WAITING
from bot.database import Database
from bot.llm.history import Turn as Said
from bot.voice.events import CallBegan, CallEnded, PromptTaken, ReplyEnded, UtteranceHeard
from bot.voice.metrics import TurnTrace
from bot.voice.records.kept_turns import KeptTurns
from bot.voice.turn import Outcome, TurnId
from config.types import KeptDays

ADA, BEN, CAT = 11, 12, 13
SERVER, CHANNEL = 1, 3
LOUNGE = ConversationPlace("discord", "Lounge", SERVER, CHANNEL)
GENERAL = ConversationPlace(CHAT, "general", SERVER, CHANNEL)

Turn = tuple[int, str, str, bool]


@dataclass
class Archive:
    """Stored conversations in a separate database, with a clock that the test moves."""

    database: Database
    days: KeptDays = 30
    now: float = 1_000_000_000.0
    unwanted: set[int] = field(default_factory=set)
    conversations: Conversations = field(init=False)

    def __post_init__(self) -> None:
        records = ConversationRecords(self.database)
        self.conversations = Conversations(
            records, self.days, lambda _, person: person not in self.unwanted, clock=lambda: self.now, sleep=no_sleep
        )

    def call(self) -> tuple[KeptTurns, CallKeeper]:
        keeper = self.conversations.call(LOUNGE)
        return KeptTurns(keeper, lambda: "Mia"), keeper

    def write(self, person: int, name: str, asked: str, answered: str, place: ConversationPlace = GENERAL) -> None:
        self.conversations.chat(place, Said.of_person(name, asked, person), Said.of_bot(answered, name="Mia"))

    async def turns(self) -> list[Turn]:
        await self.conversations.writer.flush()
        rows = await self.database.rows(
            "SELECT number, who, text, interrupted FROM turns ORDER BY conversation, number"
        )
        return [(number, who, text, bool(interrupted)) for number, who, text, interrupted in rows]

    async def rows(self) -> list[tuple[str, str, float, float | None, list[str]]]:
        await self.conversations.writer.flush()
        query = "SELECT transport, place, started, ended, people FROM conversations ORDER BY id"
        return [(*row[:4], json.loads(row[4])) for row in await self.database.rows(query)]


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with Database.opened(tmp_path / "seiyuu.sqlite3") as database:
        yield database


@pytest.fixture
def archive(database: Database) -> Archive:
    return Archive(database)


def answer(heard: str, *, interrupted: bool = False) -> ReplyEnded:
    return ReplyEnded(TurnTrace("r1", Outcome.INTERRUPTED if interrupted else Outcome.SPOKEN, 0.0), heard)


def words(turns: list[Turn]) -> list[str]:
    return [text for _, _, text, _ in turns]


async def test_a_call_is_kept_as_it_was_heard(archive: Archive) -> None:
    began = archive.now
    watch, _ = archive.call()
    watch(CallBegan("discord", "Lounge", True))
    watch(UtteranceHeard(ADA, "Ada", "What time is it?", True))
    watch(PromptTaken("r1", "Ada", "What time is it?", person=ADA, turn=TurnId(ADA, 1)))
    archive.now += 5
    watch(answer("It is three", interrupted=True))
    watch(PromptTaken("r2", "Ben", "Are you sure?", person=BEN))
    watch(answer("Quite sure."))
    archive.now += 5
    watch(CallEnded("Lounge", "command"))
    assert await archive.turns() == [
        (1, "Ada", "What time is it?", False),
        (2, "Mia", "It is three", True),
        (3, "Ben", "Are you sure?", False),
        (4, "Mia", "Quite sure.", False),
    ]
    assert await archive.rows() == [("discord", "Lounge", began, archive.now, ["Ada", "Ben"])]


async def test_what_is_recited_is_the_bots_own(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(PromptTaken("r1", "Ada", "Hello, all.", recited=True, person=ADA))
    watch(answer("Hello, all."))
    assert await archive.turns() == [(1, "Mia", "Hello, all.", False)]


async def test_a_call_in_which_nobody_said_anything_is_none(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(CallBegan("discord", "Lounge", True))
    watch(CallEnded("Lounge", "alone"))
    assert await archive.rows() == []


async def test_of_those_who_do_not_want_it_nothing_is_kept_nor_what_was_answered_to_them(archive: Archive) -> None:
    archive.unwanted = {BEN}
    watch, _ = archive.call()
    watch(UtteranceHeard(BEN, "Ben", "Secret one", False))
    watch(PromptTaken("r1", "Ben", "Secret two", person=BEN))
    watch(answer("You said: secret two"))
    watch(UtteranceHeard(ADA, "Ada", "Hello", True))
    watch(PromptTaken("r2", "Ada", "Hello", person=ADA, turn=TurnId(ADA, 1)))
    watch(answer("Hello, Ada"))
    archive.write(BEN, "Ben", "Secret three", "You wrote: secret three")
    archive.write(ADA, "Ada", "Hi", "Hi, Ada")
    assert words(await archive.turns()) == ["Hello", "Hello, Ada", "Hi", "Hi, Ada"]
    assert all("Ben" not in people for *_, people in await archive.rows())


async def test_chat_goes_on_in_one_conversation_until_there_is_silence(archive: Archive) -> None:
    began = archive.now
    archive.write(ADA, "Ada", "one", "1")
    archive.now += SILENCE - 1
    archive.write(BEN, "Ben", "two", "2")
    second = archive.now
    archive.now += SILENCE + 1
    archive.write(ADA, "Ada", "three", "3")
    assert await archive.rows() == [
        ("chat", "general", began, second, ["Ada", "Ben"]),
        ("chat", "general", archive.now, archive.now, ["Ada"]),
    ]


async def test_two_channels_are_two_conversations_and_a_call_is_another(archive: Archive) -> None:
    archive.write(ADA, "Ada", "here", "yes")
    archive.write(ADA, "Ada", "there", "yes", ConversationPlace(CHAT, "other", SERVER, 4))
    archive.write(ADA, "Ada", "private", "yes", ConversationPlace(CHAT, "in private", None, 5))
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "aloud", True))
    assert [(transport, place) for transport, place, *_ in await archive.rows()] == [
        ("chat", "general"),
        ("chat", "other"),
        ("chat", "in private"),
        ("discord", "Lounge"),
    ]


async def test_half_a_character_and_names_that_are_hostile_are_kept_without_harm(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada\n\udcff'); DROP TABLE turns; --", "caf\ud83d", True))
    ((_, who, text, _),) = await archive.turns()
    assert "\n" not in who
    assert text.startswith("caf")


@pytest.mark.parametrize(("days", "kept"), [(0, []), (1, ["new"]), (30, ["old", "new"]), ("forever", ["old", "new"])])
async def test_they_are_kept_as_long_as_the_operator_wants(database: Database, days: KeptDays, kept: list[str]) -> None:
    before = Archive(database, "forever")
    watch, _ = before.call()
    watch(UtteranceHeard(ADA, "Ada", "old", True))
    before.now += 20 * DAY
    watch(UtteranceHeard(BEN, "Ben", "new", True))
    watch(CallEnded("Lounge", "command"))
    assert words(await before.turns()) == ["old", "new"]

    after = Archive(database, days, before.now + 60)
    await after.conversations.open()
    assert words(await after.turns()) == kept
    assert [people for *_, people in await after.rows()] == ([["Ada", "Ben"][-len(kept) :]] if kept else [])


async def test_with_none_to_be_kept_nothing_is_written(database: Database) -> None:
    archive = Archive(database, 0)
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "Hello", True))
    watch(PromptTaken("r1", "Ben", "Typed", person=BEN))
    watch(answer("Hello"))
    archive.write(ADA, "Ada", "Hi", "Hi")
    assert await archive.rows() == []
    assert await archive.turns() == []


async def test_the_limit_holds_every_day(archive: Archive) -> None:
    archive.write(ADA, "Ada", "Hello", "Hi")
    left = [len(await archive.turns())]

    async def a_day_later(seconds: float) -> None:
        """Note the turns that are left after each day. An exception ends the test."""
        left.append(len(await archive.turns()))
        archive.now += seconds
        if len(left) > 33:
            raise EOFError

    records = ConversationRecords(archive.database)
    daily = Conversations(records, 30, lambda *_: True, clock=lambda: archive.now, sleep=a_day_later)
    with pytest.raises(EOFError):
        await daily.forget_old_daily()
    assert left == [2] * 32 + [0] * 2


async def test_whoever_opts_out_is_forgotten_everywhere_also_what_was_not_written_yet(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "mine", True))
    watch(UtteranceHeard(BEN, "Ben", "yours", True))
    archive.write(ADA, "Ada", "mine too", "answer")
    await archive.turns()
    watch(UtteranceHeard(ADA, "Ada", "not written yet", True))
    archive.conversations.writer.forget_person(ADA)
    assert words(await archive.turns()) == ["yours", "answer"]
    assert all("Ada" not in people for *_, people in await archive.rows())


async def test_a_channel_is_forgotten_with_the_calls_that_belong_to_it_and_a_call_goes_on(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "one", True))
    archive.write(ADA, "Ada", "two", "2")
    archive.write(ADA, "Ada", "elsewhere", "3", ConversationPlace(CHAT, "other", SERVER, 4))
    await archive.turns()
    watch(UtteranceHeard(ADA, "Ada", "not written yet", True))
    assert await archive.conversations.forget_channel(CHANNEL) == 3
    assert words(await archive.turns()) == ["elsewhere", "3"]
    watch(UtteranceHeard(ADA, "Ada", "afterwards", True))
    archive.write(ADA, "Ada", "also afterwards", "4")
    assert sorted(words(await archive.turns())) == ["3", "4", "afterwards", "also afterwards", "elsewhere"]


async def test_what_is_forgotten_is_not_left_in_the_file(archive: Archive, tmp_path: Path) -> None:
    archive.write(ADA, "Ada", "a very particular secret", "I see.")
    await archive.turns()
    await archive.conversations.forget_channel(CHANNEL)
    await archive.database.row("PRAGMA wal_checkpoint(TRUNCATE)")
    for file in await asyncio.to_thread(lambda: list(tmp_path.iterdir())):
        assert b"very particular" not in await asyncio.to_thread(file.read_bytes), file


async def test_a_crash_in_a_call_leaves_its_end_at_the_last_words(archive: Archive, database: Database) -> None:
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "Hello", True))
    said = archive.now
    await archive.turns()
    restarted = Archive(database, now=archive.now + 900)
    await restarted.conversations.open()
    assert [ended for _, _, _, ended, _ in await restarted.rows()] == [said]


async def test_nobody_waits_for_the_disk(archive: Archive, tmp_path: Path) -> None:
    """While the database is locked, turns are queued immediately. They are written when it is unlocked."""
    with sqlite3.connect(tmp_path / "seiyuu.sqlite3") as other:
        other.execute("BEGIN IMMEDIATE")
        watch, _ = archive.call()
        begun = time.perf_counter()
        for number in range(100):
            watch(UtteranceHeard(ADA, "Ada", f"{number}", True))
        taken = time.perf_counter() - begun
        writing = asyncio.create_task(archive.conversations.writer.flush())
        ticks = 0
        while ticks < 20:
            await asyncio.sleep(0.005)
            ticks += 1
        assert not writing.done()
        other.execute("ROLLBACK")
    assert taken < 0.1
    assert await writing
    assert len(await archive.turns()) == 100


async def test_a_full_disk_is_told_once_and_what_was_said_is_written_when_there_is_room(
    archive: Archive, caplog: pytest.LogCaptureFixture
) -> None:
    (pages,) = await archive.database.row("PRAGMA page_count") or (0,)
    await archive.database.row(f"PRAGMA max_page_count = {pages}")
    watch, _ = archive.call()
    with caplog.at_level(logging.WARNING):
        for number in range(50):
            watch(UtteranceHeard(ADA, "Ada", f"{number} " + "x" * 1_000, True))
            await archive.conversations.writer.flush()
        troubles = [record for record in caplog.records if "can't be kept" in record.getMessage()]
        assert len(troubles) == 1
        assert "full" in troubles[0].getMessage()
        await archive.database.row("PRAGMA max_page_count = 100000")
        assert len(await archive.turns()) == 50
    assert caplog.records[-1].getMessage().startswith("What is said is kept again; ")


async def test_what_waits_is_bounded_and_what_is_lost_is_told(
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


async def fill(database: Database, turns: int, people: int = 20) -> None:
    """Create a conversation as long as a lively channel without an hour of silence would make it in a month."""
    await database.write(
        "INSERT INTO conversations (transport, channel, place, started, ended, people) "
        "VALUES ('chat', ?, 'general', 0.0, 0.0, ?)",
        str(CHANNEL),
        json.dumps([f"P{number}" for number in range(people)]),
    )
    rows = [(n + 1, str(n % people) if n % 2 else None, f"P{n % people}", float(n)) for n in range(turns)]
    await database.write_many("INSERT INTO turns SELECT max(id), ?, ?, ?, 'some words', ?, 0 FROM conversations", rows)


@dataclass
class Work:
    """Counts the work of SQLite, in thousands of its virtual machine's steps."""

    done: int = 0

    def __call__(self) -> int:
        self.done += 1
        return 0


Forgetting = Callable[[ConversationRecords, int], Awaitable[int]]
FORGETTINGS: dict[str, Forgetting] = {
    "a channel": lambda records, _: records.forget_channel(CHANNEL),
    "a person": lambda records, _: records.forget_person(1),
    "what is too old": lambda records, turns: records.forget_before(turns * 0.9),
}


@pytest.mark.parametrize("what", FORGETTINGS)
async def test_forgetting_takes_time_in_proportion_to_what_is_forgotten(tmp_path: Path, what: str) -> None:
    work: list[int] = []
    for turns in (1_000, 4_000):
        async with Database.opened(tmp_path / f"{turns}.sqlite3") as database:
            await fill(database, turns)
            count = Work()
            await database._connection.set_progress_handler(count, 1_000)
            assert await FORGETTINGS[what](ConversationRecords(database), turns) > turns // 50
            work.append(max(count.done, 1))
    assert work[1] < 8 * work[0], "four times as many are four times the work, and not sixteen times"


async def test_others_ask_the_database_while_much_is_forgotten(archive: Archive) -> None:
    await fill(archive.database, 20 * DELETE_BATCH)
    forgetting = asyncio.create_task(archive.conversations.forget_channel(CHANNEL))
    asked = 0
    while not forgetting.done():
        await archive.database.row("SELECT 1")
        asked += 1
    assert await forgetting == 20 * DELETE_BATCH
    assert asked >= 20
    assert await archive.rows() == []


async def test_who_has_nothing_left_in_a_conversation_is_not_named_and_the_others_are(archive: Archive) -> None:
    for person, name in ((ADA, "Ada"), (BEN, "Ben"), (CAT, "Cat"), (BEN, "Benny")):
        archive.write(person, name, "Hello", "Hi")
    assert [people for *_, people in await archive.rows()] == [["Ada", "Ben", "Cat", "Benny"]]
    archive.conversations.writer.forget_person(BEN)
    assert [people for *_, people in await archive.rows()] == [["Ada", "Cat"]]


async def test_a_damaged_list_of_people_keeps_nobody_from_speaking(archive: Archive) -> None:
    archive.write(ADA, "Ada", "Hello", "Hi")
    await archive.rows()
    await archive.database.write("UPDATE conversations SET people = '[\"A'")
    archive.write(BEN, "Ben", "Hello", "Hi")
    assert [people for *_, people in await archive.rows()] == [["Ben"]]


async def test_a_channel_that_is_never_silent_has_a_conversation_a_day_or_after_many_turns(archive: Archive) -> None:
    began = archive.now
    while archive.now <= began + LONGEST + SILENCE:
        archive.write(ADA, "Ada", "still here", "I see")
        archive.now += SILENCE / 2
    assert len(await archive.rows()) == 2
    for _ in range(MOST_TURNS // 2):
        archive.write(ADA, "Ada", "and on", "I see")
    assert len(await archive.rows()) == 3


@pytest.mark.parametrize("first", ["somebody opts out", "a call ends"])
async def test_what_waits_is_bounded_whatever_waits_before_it(archive: Archive, first: str) -> None:
    await archive.database.row("PRAGMA query_only = ON")
    watch, _ = archive.call()
    if first == "a call ends":
        watch(CallEnded("Lounge", "command"))
        watch, _ = archive.call()
    for _ in range(5):
        archive.conversations.writer.forget_person(BEN)
    for number in range(MAX_WAITING + 5):
        watch(UtteranceHeard(ADA, "Ada", f"{number}", True))
    waiting = len(archive.conversations.writer._waiting)
    assert waiting <= MAX_WAITING + 2
    await archive.database.row("PRAGMA query_only = OFF")
    assert words(await archive.turns()) == [f"{number}" for number in range(5, MAX_WAITING + 5)]

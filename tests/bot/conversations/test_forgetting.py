"""Deletion of stored conversations: by age, person and channel, in bounded time."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import aiosqlite
import pytest

from bot.consent import ListeningConsent
from bot.conversations.keeping import DAY, Conversations
from bot.conversations.records import CHAT, DELETE_BATCH, ConversationPlace, ConversationRecords
from bot.database import Database
from bot.restart.records import RestartRecords, UnansweredPrompt
from bot.store import Store
from bot.voice.events import CallEnded, PromptTaken, UtteranceHeard
from bot.voice.turn import TurnId
from config.sections import ListeningPolicy
from config.types import KeptDays
from tests.bot.conversations.archives import ADA, BEN, CAT, CHANNEL, SERVER, Archive, answer, words


@pytest.mark.parametrize(
    ("days", "kept", "people"),
    [
        (0, [], []),
        (1, ["new"], [["Ben"]]),
        (30, ["old", "new"], [["Ada", "Ben"]]),
        ("forever", ["old", "new"], [["Ada", "Ben"]]),
    ],
)
async def test_conversations_are_kept_as_long_as_the_operator_wants(
    database: Database, days: KeptDays, kept: list[str], people: list[list[str]]
) -> None:
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
    assert [named for *_, named in await after.rows()] == people


async def test_turns_that_have_become_too_old_are_deleted_every_day(archive: Archive) -> None:
    archive.write(ADA, "Ada", "Hello", "Hi")
    left = [len(await archive.turns())]

    async def a_day_later(seconds: float) -> None:
        """Note how many turns are left, then let a day pass. The 33rd call ends the endless loop by an exception."""
        left.append(len(await archive.turns()))
        archive.now += seconds
        if len(left) > 33:
            raise EOFError

    records = ConversationRecords(archive.database)
    daily = Conversations(records, 30, may_keep=lambda *_: True, clock=lambda: archive.now, sleep=a_day_later)
    with pytest.raises(EOFError):
        await daily.forget_old_daily()
    # The turns are counted once at the beginning, and then on the days 0 to 32. On day 31 they are more than 30 days
    # old.
    assert left == [2] * 32 + [0] * 2


async def test_all_turns_of_a_person_who_opts_out_are_deleted_even_unwritten_ones(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "mine", True))
    watch(UtteranceHeard(BEN, "Ben", "yours", True))
    archive.write(ADA, "Ada", "mine too", "answer")
    await archive.turns()
    watch(UtteranceHeard(ADA, "Ada", "not written yet", True))
    archive.conversations.writer.forget_person(ADA)
    assert words(await archive.turns()) == ["yours"], "an answer to Ada may repeat her words"
    assert all("Ada" not in people for *_, people in await archive.rows())


async def test_spoken_prompts_that_wait_for_a_restart_are_deleted_when_their_person_opts_out(archive: Archive) -> None:
    records = RestartRecords(archive.database)
    spoken, typed = UnansweredPrompt(CHANNEL, None, ADA, "Ada", "mine"), UnansweredPrompt(CHANNEL, 7, ADA, "Ada", "hi")
    bens = UnansweredPrompt(CHANNEL, None, BEN, "Ben", "yours")
    await records.keep([spoken, typed, bens], archive.now)
    archive.conversations.writer.forget_person(ADA)
    await archive.conversations.writer.flush()
    assert await records.unanswered(0.0) == [typed, bens]


async def test_answers_to_a_person_who_opts_out_are_deleted_and_those_to_others_stay(
    archive: Archive, tmp_path: Path
) -> None:
    watch, _ = archive.call()
    lines = ((BEN, "Ben", "one"), (ADA, "Zuleika", "two"), (ADA, "Zuleika", "three"), (BEN, "Ben", "four"))
    for written in (True, False):
        for person, name, said in lines:
            watch(UtteranceHeard(person, name, said, True))
            watch(answer(f"{said} for {name}"))
        if written:
            await archive.turns()
    archive.conversations.writer.forget_person(ADA)
    assert words(await archive.turns()) == 2 * ["one", "one for Ben", "four", "four for Ben"]
    for file in await asyncio.to_thread(lambda: list(tmp_path.iterdir())):
        assert b"Zuleika" not in await asyncio.to_thread(file.read_bytes), file


async def test_words_that_a_killed_bot_had_no_time_to_delete_are_deleted_by_its_next_start(
    archive: Archive, tmp_path: Path
) -> None:
    archive.write(ADA, "Ada", "a very peculiar secret", "Peculiar indeed.")
    archive.write(BEN, "Ben", "remains", "I see.")
    await archive.turns()
    await Archive(archive.database, now=archive.now).conversations.open({ADA})
    assert words(await archive.turns()) == ["remains", "I see."]
    # The first letter is left out, because only the answer has a capital P.
    await assert_nowhere(tmp_path, b"eculiar")


async def test_a_channel_is_forgotten_with_its_calls_and_what_is_said_there_afterwards_is_stored(
    archive: Archive,
) -> None:
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "one", True))
    archive.write(ADA, "Ada", "two", "2")
    archive.write(ADA, "Ada", "elsewhere", "3", ConversationPlace(CHAT, "other", SERVER, 4))
    await archive.turns()
    watch(UtteranceHeard(ADA, "Ada", "not written yet", True))
    assert await archive.conversations.forget_channel(CHANNEL) == 3, "only what was written is counted"
    assert words(await archive.turns()) == ["elsewhere", "3"]
    watch(UtteranceHeard(ADA, "Ada", "afterwards", True))
    archive.write(ADA, "Ada", "also afterwards", "4")
    assert sorted(words(await archive.turns())) == ["3", "4", "afterwards", "also afterwards", "elsewhere"]


async def test_deleted_turns_do_not_stay_in_the_file(archive: Archive, tmp_path: Path) -> None:
    archive.write(ADA, "Ada", "a very particular secret", "I see.")
    await archive.turns()
    await archive.conversations.forget_channel(CHANNEL)
    await archive.database.row("PRAGMA wal_checkpoint(TRUNCATE)")
    for file in await asyncio.to_thread(lambda: list(tmp_path.iterdir())):
        assert b"very particular" not in await asyncio.to_thread(file.read_bytes), file


async def test_turns_that_were_too_old_do_not_stay_in_the_gaps_of_the_file(archive: Archive, tmp_path: Path) -> None:
    """Rows that SQLite has moved leave copies behind, which only the rewriting of the file removes."""
    for number in range(400):
        archive.write(ADA, "Ada", f"secret {number}", "I see. " * (number % 20))
    archive.now += 20 * DAY
    archive.write(BEN, "Ben", "remains", "I see.", ConversationPlace(CHAT, "other", SERVER, 4))
    await archive.turns()
    archive.now += 20 * DAY
    await archive.conversations.open()
    assert words(await archive.turns()) == ["remains", "I see."]
    await assert_nowhere(tmp_path, b"secret")


async def test_if_the_file_can_not_be_cleaned_of_deleted_turns_it_is_cleaned_later(
    archive: Archive, tmp_path: Path
) -> None:
    archive.write(ADA, "Ada", "a very particular secret", "I see.")
    await archive.turns()
    archive.now += 40 * DAY
    rewrite = archive.database.erase_traces
    failures = [aiosqlite.OperationalError("the disk is full")]

    async def erase_traces() -> None:
        if failures:
            raise failures.pop()
        await rewrite()

    archive.database.erase_traces = erase_traces  # type: ignore[method-assign]
    await archive.conversations.open()
    assert not failures
    assert await archive.conversations.writer.flush()
    await assert_nowhere(tmp_path, b"very particular")


async def assert_nowhere(folder: Path, secret: bytes) -> None:
    for file in await asyncio.to_thread(lambda: list(folder.iterdir())):
        assert secret not in await asyncio.to_thread(file.read_bytes), file


async def fill(database: Database, turns: int, people: int = 20) -> None:
    """Store one conversation with these numbers of turns and people.

    The numbers may be larger than a real conversation's, which ends at a limit.
    """
    await database.write(
        "INSERT INTO conversations (transport, channel, place, started, ended, people) "
        "VALUES ('chat', ?, 'general', 0.0, 0.0, ?)",
        str(CHANNEL),
        json.dumps([f"P{number}" for number in range(people)]),
    )
    rows = [(n + 1, str(n % people) if n % 2 else None, f"P{n % people}", float(n)) for n in range(turns)]
    await database.write_many(
        "INSERT INTO turns (conversation, number, person, who, text, at, interrupted) "
        "SELECT max(id), ?, ?, ?, 'some words', ?, 0 FROM conversations",
        rows,
    )


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
async def test_the_time_for_deleting_grows_in_proportion_to_the_deleted_turns(tmp_path: Path, what: str) -> None:
    work: list[int] = []
    for turns in (1_000, 4_000):
        async with Database.opened(tmp_path / f"{turns}.sqlite3") as database:
            await fill(database, turns)
            count = Work()
            await database._connection.set_progress_handler(count, 1_000)
            # One person's turns are a twentieth of all turns. Those of a channel, and those that are too old, are more.
            assert await FORGETTINGS[what](ConversationRecords(database), turns) >= turns // 20
            work.append(max(count.done, 1))
    assert work[1] < 8 * work[0], "four times as many turns are four times the work, and not sixteen times"


async def test_the_database_can_be_read_while_many_turns_are_deleted(archive: Archive) -> None:
    await fill(archive.database, 20 * DELETE_BATCH)
    forgetting = asyncio.create_task(archive.conversations.forget_channel(CHANNEL))
    asked = 0
    while not forgetting.done():
        await archive.database.row("SELECT 1")
        asked += 1
    assert await forgetting == 20 * DELETE_BATCH
    assert asked >= 20
    assert await archive.rows() == []


async def test_a_conversation_names_only_people_who_still_have_turns_in_it(archive: Archive) -> None:
    for person, name in ((ADA, "Ada"), (BEN, "Ben"), (CAT, "Cat"), (BEN, "Benny")):
        archive.write(person, name, "Hello", "Hi")
    assert [people for *_, people in await archive.rows()] == [["Ada", "Ben", "Cat", "Benny"]]
    archive.conversations.writer.forget_person(BEN)
    assert [people for *_, people in await archive.rows()] == [["Ada", "Cat"]]


async def test_the_answer_to_a_person_goes_with_their_words_even_if_somebody_spoke_in_between(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(UtteranceHeard(ADA, "Ada", "Where is my key?", True))
    watch(PromptTaken("r1", "Ada", "Where is my key?", person=ADA, turn=TurnId(ADA, 1)))
    watch(UtteranceHeard(BEN, "Ben", "And my hat?", False))
    watch(answer("Ada, your key is in the drawer."))
    watch(PromptTaken("r2", "Ben", "And my hat?", person=BEN, turn=TurnId(BEN, 1)))
    watch(UtteranceHeard(ADA, "Ada", "Thanks.", False))
    watch(answer("Your hat is on the hook."))
    watch(PromptTaken("r3", "Ada", "The safe opens by 1234.", recited=True, person=ADA))
    watch(UtteranceHeard(BEN, "Ben", "What is that?", False))
    watch(answer("The safe opens by 1234."))
    watch(PromptTaken("r4", "", "Ada, your timer: the cake.", recited=True, told_to=ADA))
    watch(answer("Ada, your timer: the cake."))
    await archive.turns()
    archive.conversations.writer.forget_person(ADA)
    assert words(await archive.turns()) == ["And my hat?", "Your hat is on the hook.", "What is that?"]


async def test_the_answer_to_a_person_is_dropped_while_it_waits_to_be_written(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(PromptTaken("r1", "Ada", "Where is my key?", person=ADA))
    watch(UtteranceHeard(BEN, "Ben", "And my hat?", False))
    watch(answer("Ada, your key is in the drawer."))
    archive.conversations.writer.forget_person(ADA)
    assert words(await archive.turns()) == ["And my hat?"]


@pytest.mark.parametrize("opts_out", [True, False])
async def test_of_an_answer_during_which_its_person_opts_out_or_has_everything_erased_nothing_is_stored(
    archive: Archive, *, opts_out: bool
) -> None:
    consent = await ListeningConsent.load(Store(archive.database), ListeningPolicy.OPT_OUT)
    watch, _ = archive.call()
    consent.watch(archive.conversations.writer.forget_person)
    # A call that is told to drop everything of a person cuts the answer to them, and passes on what was heard of it.
    consent.watch(lambda _: watch(answer("Ada, your key is in the", interrupted=True)))
    watch(UtteranceHeard(BEN, "Ben", "Hello", False))
    watch(PromptTaken("r1", "Ada", "Where is my key?", person=ADA))
    await (consent.opt_out(ADA) if opts_out else consent.forget(ADA))
    assert words(await archive.turns()) == ["Hello"]


async def test_an_answer_that_ends_after_its_person_has_opted_out_is_not_stored(archive: Archive) -> None:
    watch, _ = archive.call()
    watch(PromptTaken("r1", "Ada", "Where is my key?", person=ADA))
    archive.unwanted = {ADA}
    archive.conversations.writer.forget_person(ADA)
    watch(answer("Ada, your key is in the drawer."))
    assert await archive.turns() == []

"""The command ``reminders``: people see and cancel their own timers and reminders, and nobody else's."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.commands.private_answer import SENT
from bot.commands.reminder_list import NONE, ReminderCommands
from bot.database import Database
from bot.reminders.records import MAX_PER_PERSON, Reminder, ReminderDraft, ReminderRecords
from bot.reminders.reminders import Reminders
from bot.reminders.texts import ReminderLines
from tests.features.stage import FeatureStage, feature_stage
from tests.features.test_reminder_pings import NoCall
from tests.timing import LIMIT, Clock


@dataclass
class Stage:
    """The bot with its reminders."""

    stage: FeatureStage
    reminders: Reminders

    async def add(self, person: int, text: str, *, timer: bool = False) -> Reminder:
        return await self.reminders.add(ReminderDraft(person, "Ada", 1, None, text, 1_800_000_000.0, timer))


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    made: list[Reminders] = []
    clock = Clock()

    async def make_cogs(_: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
        made.append(Reminders(ReminderRecords(database), NoCall(), UTC, ReminderLines(), clock=clock, elapsed=clock))
        return [ReminderCommands(made[0], "!")]

    async with feature_stage(tmp_path, monkeypatch, make_cogs) as shown:
        yield Stage(shown, made[0])


async def test_a_person_without_reminders_is_told_so(stage: Stage) -> None:
    assert await stage.stage.ask("!reminders") == NONE


async def test_the_list_goes_only_to_the_person_whose_reminders_it_has(stage: Stage) -> None:
    pizza = await stage.add(stage.stage.ada.id, "the *pizza* for <@5>")
    tea = await stage.add(stage.stage.ada.id, "", timer=True)
    await stage.add(stage.stage.ada.id + 1, "somebody else's")
    assert await stage.stage.ask("!reminders") == SENT
    ada = stage.stage.ada
    listed = await ada.wait_for_message(ada.dm_channel, lambda m: m.author.bot, LIMIT)
    assert listed.content.splitlines() == [
        "⏰ **Your timers and reminders**",
        f"`{pizza.id}` ⏰ <t:1800000000:f>, <t:1800000000:R>: the \\*pizza\\* for \\<\\@5\\>",
        f"`{tea.id}` ⏲️ <t:1800000000:f>, <t:1800000000:R>",
        "`!reminders cancel NUMBER` cancels one.",
    ]
    assert not listed.mentions


async def test_a_list_that_is_too_long_for_one_message_comes_in_several(stage: Stage) -> None:
    for _ in range(MAX_PER_PERSON):
        await stage.add(stage.stage.ada.id, "*" * 300)
    ada = stage.stage.ada
    await ada.dm("!reminders")
    end = await ada.wait_for_message(ada.dm_channel, lambda m: m.content.endswith("cancels one."), LIMIT)
    texts = [message.content for message in ada.messages(ada.dm_channel) if message.author.bot]
    assert sum(len(text.splitlines()) for text in texts) == MAX_PER_PERSON + 2, end.content


async def test_people_can_cancel_only_their_own_reminders(stage: Stage) -> None:
    mine = await stage.add(stage.stage.ada.id, "mine")
    other = await stage.add(stage.stage.ada.id + 1, "somebody else's")
    assert await stage.stage.ask(f"!reminders cancel {other.id}") == (
        f"❌ You have no timer or reminder with the number {other.id}. `!reminders` shows your numbers."
    )
    assert await stage.stage.ask(f"!reminders cancel {mine.id}") == f"⏰ Number {mine.id} is cancelled."
    assert await stage.reminders.of(stage.stage.ada.id) == []
    assert await stage.reminders.of(stage.stage.ada.id + 1) == [other]
    assert (await stage.stage.ask("!reminders cancel")).startswith("❌ Which one?")

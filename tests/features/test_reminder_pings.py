"""Reminders on Discord: they ping in the channel, or come as a direct message, and ``!forget`` deletes them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

import pytest
from discord.ext import commands

from bot.characters import Characters
from bot.client import SeiyuuBot
from bot.commands.listening import ListeningCommands
from bot.commands.reminder_pings import ReminderPings
from bot.consent import ListeningConsent
from bot.database import Database
from bot.features.text_chat.commands import ChatCommands
from bot.features.text_chat.service import TextChat
from bot.llm.client import ModelClient
from bot.llm.personas import PERSONAS_DIR
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.lone_people import FIRST_LONE_PERSON
from bot.reminders.records import ReminderDraft, ReminderRecords
from bot.reminders.reminders import PingResult, Reminders, Words
from bot.reminders.texts import ReminderLines
from bot.store import Store
from bot.voice.browser.people import web_person
from config.feature_sections import ChatSettings
from config.sections import ListeningPolicy
from sandbox.world.entities import Overwrite
from sandbox.world.permissions import Permission
from tests.features.chat_stage import NOW
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import let_manage
from tests.timing import LIMIT, Clock, wait_until


class NoCall:
    """Nobody is in a call."""

    async def say(self, person: int, server: int, words: Words, private: int | None = None) -> bool:
        return False


@dataclass
class Stage:
    """The bot with its reminders."""

    stage: FeatureStage
    reminders: Reminders
    pings: ReminderPings
    consent: ListeningConsent
    clock: Clock

    async def remind_ada(self, text: str, channel: int | None) -> None:
        ada, server = self.stage.ada.id, self.stage.sandbox.home.guild.id
        await self.reminders.add(ReminderDraft(ada, "Ada", server, channel, text, self.clock.now + 60, timer=False))


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    made: list[tuple[Reminders, ReminderPings, ListeningConsent]] = []
    clock = Clock()

    async with ModelClient(ModelOptions("http://127.0.0.1:1/v1")) as model:

        async def make_cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            pings = ReminderPings(bot)
            reminders = Reminders(
                ReminderRecords(database),
                NoCall(),
                UTC,
                ReminderLines(),
                pinger=pings,
                clock=clock,
                elapsed=clock,
                poll=0.01,
            )
            consent = await ListeningConsent.load(Store(database), ListeningPolicy.OPT_OUT)
            made.append((reminders, pings, consent))
            characters = await Characters.open(database, PERSONAS_DIR, "seiyuu")
            prompts, settings = load_small_prompts(), ChatSettings()
            chat = await TextChat.open(
                bot, database, model, characters, settings, clock=lambda: NOW, small_prompts=prompts
            )
            return [
                ListeningCommands(lambda _: None, consent, "!"),
                ChatCommands(chat, "!", reminders.forget_channel),
            ]

        async with feature_stage(tmp_path, monkeypatch, make_cogs) as shown:
            yield Stage(shown, *made[0], clock)


@asynccontextmanager
async def running(reminders: Reminders) -> AsyncIterator[None]:
    task = asyncio.create_task(reminders.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_a_reminder_of_somebody_who_opted_out_pings_them_and_nobody_else(stage: Stage) -> None:
    home, ada = stage.stage.sandbox.home, stage.stage.ada
    await ada.say(home.general, "!optout")
    await ada.wait_for_message(home.general, lambda m: "don't listen to you any more" in m.content, LIMIT)
    assert not stage.consent.admits(ada.id)
    await stage.remind_ada("tell <@1> and @everyone", home.general.id)
    async with running(stage.reminders):
        stage.clock.pass_by(60)
        told = await stage.stage.told(f"<@{ada.id}> ⏰ Your reminder: tell ")

        async def is_deleted() -> bool:
            return not await stage.reminders.of(ada.id)

        await wait_until(is_deleted)
    assert [user.id for user in told.mentions] == [ada.id]
    assert not told.mention_everyone


async def test_if_the_channel_is_gone_the_person_gets_a_message(stage: Stage) -> None:
    home, ada = stage.stage.sandbox.home, stage.stage.ada
    await stage.remind_ada("look here", home.side.id)
    home_directory = stage.stage.sandbox.world.directory
    home_directory.delete_channel(home.side)
    async with running(stage.reminders):
        stage.clock.pass_by(60)
        await ada.wait_for_message(ada.dm_channel, lambda m: "look here" in m.content, LIMIT)


async def test_a_ping_for_an_unknown_person_is_given_up_and_one_for_a_person_in_a_browser_is_not(stage: Stage) -> None:
    assert await stage.pings.ping(4, 5, "hello") is PingResult.NEVER
    assert web_person("Ada") >= FIRST_LONE_PERSON
    assert await stage.pings.ping(web_person("Ada"), None, "hello") is PingResult.LATER


async def test_forget_deletes_the_reminders_that_were_set_in_the_channel(stage: Stage) -> None:
    home, ada = stage.stage.sandbox.home, stage.stage.ada
    let_manage(stage.stage.sandbox, ada.id)
    await stage.remind_ada("one", home.general.id)
    await stage.remind_ada("two", home.general.id)
    await stage.remind_ada("elsewhere", home.side.id)
    told = await stage.stage.ask("!forget", starts="🧹")
    assert told.endswith("The reminders and timers that were set here are gone too (2).")
    assert [each.text for each in await stage.reminders.of(ada.id)] == ["elsewhere"]
    assert "reminders" not in await stage.stage.ask("!forget", starts="🧹")


async def test_a_channel_that_not_everybody_can_read_is_private(stage: Stage) -> None:
    world, home = stage.stage.sandbox.world, stage.stage.sandbox.home
    assert not stage.pings.is_private(home.general.id)
    hidden = Overwrite(home.guild.id, is_member=False, deny=Permission.VIEW_CHANNEL)
    world.directory.set_overwrite(home.general, hidden)
    await wait_until(lambda: stage.pings.is_private(home.general.id))
    assert not stage.pings.is_private(home.side.id)
    # A channel that the bot does not know, such as a deleted one or a direct message, counts as private too.
    assert stage.pings.is_private(12345)

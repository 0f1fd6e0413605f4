"""Tests of autonomous talk: the bot writes unasked where guests have talked and paused, but never twice in a row."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from discord.ext import commands

from bot.characters import Characters
from bot.client import SeiyuuBot
from bot.database import Database
from bot.features.autonomous_talk.commands import AutonomousCommands
from bot.features.autonomous_talk.feature import REMEMBERED, AutonomousTalk
from bot.features.autonomous_talk.records import ChannelRecord, ChannelRecords
from bot.features.autonomous_talk.timing import MAX_SILENCE, MIN_SILENCE, QuietHours, is_good_moment
from bot.llm.client import ModelClient
from bot.llm.requests import ModelOptions
from config.feature_sections import AutonomousSettings
from sandbox.world.entities import Message
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import CLOCK_START, Router, character, let_manage, running, written_by_bots
from tests.timing import LIMIT, Clock

HOUR = 3600.0
SETTINGS, ZONE = AutonomousSettings(60.0, "23-8"), ZoneInfo("Asia/Singapore")
REMARK = "By the way, tea."


@dataclass(slots=True)
class LoopSleep:
    """The sleep of the feature's loop. It ends when the test wants another check."""

    wanted: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))
    done: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def __call__(self, seconds: float) -> None:
        self.done.release()
        await self.wanted.acquire()


@dataclass(slots=True)
class Parlour:
    """A bot that writes unasked in the general channel, and Ada, who writes there."""

    stage: FeatureStage
    model: ScriptedModel
    talk: AutonomousTalk
    router: Router
    clock: Clock
    loop_sleep: LoopSleep
    characters: Characters

    async def say(self, *texts: str) -> None:
        """Ada writes these texts in the general channel. Waits until the feature has seen them."""
        for text in texts:
            await self.router.observed(await self.stage.ada.say(self.stage.sandbox.home.general, text))

    async def after(self, seconds: float) -> list[str]:
        """Let time pass and the loop check the channels. Returns all posts of the bot so far."""
        self.clock.pass_by(seconds)
        self.loop_sleep.wanted.release()
        async with asyncio.timeout(LIMIT):
            await self.loop_sleep.done.acquire()
        return self.remarks()

    def remarks(self) -> list[str]:
        return [m.content for m in self._written() if not m.content.startswith(("💭", "🔒"))]

    def _written(self) -> list[Message]:
        return written_by_bots(self.stage.sandbox, self.stage.sandbox.home.general)


@pytest.fixture
async def parlour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Parlour]:
    character(tmp_path, "Mika")
    character(tmp_path, "Akim")
    clock, loop_sleep = Clock(CLOCK_START), LoopSleep()
    clock.pass_by(-4 * HOUR)  # Four in the afternoon in Singapore.
    made: list[tuple[AutonomousTalk, Router, Characters]] = []

    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(ScriptedModel(lambda line: Answer(REMARK)))
        client = await stack.enter_async_context(ModelClient(ModelOptions(model.url)))

        async def cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            records = ChannelRecords(database)
            who = await Characters.open(database, tmp_path, "Mika")
            rng = random.Random(7)
            talk = AutonomousTalk(bot, records, client, who, SETTINGS, ZONE, clock=clock, rng=rng, sleep=loop_sleep)
            made.append((talk, Router(talk.observe), who))
            return [AutonomousCommands(talk), made[0][1]]

        stage = await stack.enter_async_context(feature_stage(tmp_path, monkeypatch, cogs))
        let_manage(stage.sandbox, stage.ada.id)
        talk, router, characters = made[0]
        await stack.enter_async_context(running(talk.run()))
        await loop_sleep.done.acquire()
        yield Parlour(stage, model, talk, router, clock, loop_sleep, characters)


async def test_autonomous_talk_continues_a_conversation_that_has_paused(parlour: Parlour) -> None:
    assert await parlour.stage.ask("!autonomous on") == "💭 I sometimes write here without being asked."
    await parlour.after(2 * HOUR)
    await parlour.say(*(f"number {number}" for number in range(20)), "I like tea")
    assert await parlour.after(1) == [], "nobody is interrupted"
    assert await parlour.after(MIN_SILENCE) == [REMARK]
    (asked,) = parlour.model.asked
    assert "You are Mika, of whom only this test knows." in asked[0]["content"]
    lines = asked[1]["content"].split("\n")
    assert lines[-1] == "Ada: I like tea"
    assert len(lines) == REMEMBERED
    assert parlour.model.models == ["Mika-model"]


async def test_autonomous_talk_uses_the_chosen_persona_and_knows_place_and_time(
    parlour: Parlour, tmp_path: Path
) -> None:
    await parlour.characters.choose_persona(parlour.stage.sandbox.guild.id, "Akim")
    await parlour.stage.ask("!autonomous on")
    await parlour.say("I like tea")
    assert await parlour.after(MIN_SILENCE) == []
    assert await parlour.after(2 * HOUR) == [REMARK]
    assert parlour.model.models == ["Akim-model"]
    system = parlour.model.asked[0][0]["content"]
    assert system.startswith("You are Akim. ")
    room, now = system.split("\n\n")[-2:]
    assert room.startswith("## Room\nYou are in the text channel #general of the server ")
    assert room.endswith("People who wrote here lately: Ada.")
    assert now.startswith("## Now\nFriday, 15 January 2027, ")
    assert now.endswith("(Asia/Singapore)")
    await parlour.say("So do I")
    assert len(await parlour.after(2 * HOUR)) == 2
    assert "Akim: " in parlour.model.asked[1][1]["content"]
    assert "People who wrote here lately: Ada.\n" in parlour.model.asked[1][0]["content"], (
        "the bot is not among these people"
    )


async def test_autonomous_talk_never_says_two_things_in_a_row_without_an_answer_even_after_a_restart(
    parlour: Parlour,
) -> None:
    await parlour.stage.ask("!autonomous on")
    await parlour.after(2 * HOUR)
    await parlour.say("hello")
    assert len(await parlour.after(MIN_SILENCE)) == 1
    assert len(await parlour.after(2 * HOUR)) == 1
    (record,) = await (ChannelRecords(parlour.stage.database)).all()
    assert not record.answered
    await parlour.say("oh, really?")
    assert len(await parlour.after(MIN_SILENCE)) == 2
    await parlour.say("yes")
    assert len(await parlour.after(MIN_SILENCE)) == 2, "the next one is not due yet"
    assert len(await parlour.after(1.6 * HOUR)) == 3


async def test_autonomous_talk_says_nothing_in_channels_where_it_was_never_on_or_is_switched_off(
    parlour: Parlour,
) -> None:
    assert await parlour.stage.ask("!autonomous") == "💭 I don't write here without being asked."
    await parlour.say("hello")
    assert await parlour.after(2 * HOUR) == []
    await parlour.stage.ask("!autonomous on")
    bob = await parlour.stage.sandbox.add_guest("Bob")
    assert "people who may manage this server" in await parlour.stage.ask("!autonomous off", who=bob)
    await parlour.say("hello")
    assert await parlour.stage.ask("!autonomous off") == "💭 I don't write here without being asked."
    assert await parlour.after(2 * HOUR) == []
    assert not parlour.model.asked


async def test_quiet_hours_are_hours_in_the_time_zone_of_the_settings(parlour: Parlour) -> None:
    await parlour.stage.ask("!autonomous on")
    await parlour.after(6 * HOUR)
    await parlour.say("hello")
    assert await parlour.after(1.5 * HOUR) == [], "it is half past eleven in Singapore, within the quiet hours"
    assert await parlour.after(8 * HOUR) == [], "it is half past seven there, still within the quiet hours"
    assert await parlour.after(0.5 * HOUR) == [REMARK]


async def test_autonomous_talk_is_silent_while_it_is_held_and_goes_on_afterwards(
    parlour: Parlour, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await parlour.stage.ask("!autonomous on")
    await parlour.after(2 * HOUR)
    await parlour.talk.hold("a call")
    await parlour.say("hello")
    assert await parlour.after(MIN_SILENCE) == []
    assert not parlour.model.asked
    assert "autonomous talk is paused: a call" in caplog.text
    await parlour.talk.release()
    assert await parlour.after(1) == [REMARK]


async def test_after_a_failure_the_model_is_asked_again_only_when_the_next_post_is_due(parlour: Parlour) -> None:
    parlour.model.script = lambda line: Answer("", Fault.STATUS_500)
    await parlour.stage.ask("!autonomous on")
    await parlour.after(2 * HOUR)
    await parlour.say("hello")
    assert await parlour.after(MIN_SILENCE) == []
    assert await parlour.after(60) == []
    assert len(parlour.model.asked) == 1
    parlour.model.script = lambda line: Answer("@everyone, tea!")
    assert await parlour.after(1.5 * HOUR) == ["everyone, tea!"]


def test_quiet_hours_may_include_midnight() -> None:
    assert [hour for hour in range(24) if QuietHours.parse("22-1").cover(hour)] == [0, 22, 23]
    assert [hour for hour in range(24) if QuietHours.parse("9-11").cover(hour)] == [9, 10]
    assert not any(QuietHours.parse("").cover(hour) for hour in range(24))


@pytest.mark.parametrize(
    ("silence", "occasion"),
    [(0, False), (MIN_SILENCE, True), (MAX_SILENCE, True), (MAX_SILENCE + 1, False), (3 * 24 * HOUR, False)],
)
def test_autonomous_talk_comes_neither_at_once_nor_after_days(silence: float, occasion: bool) -> None:
    assert is_good_moment(ChannelRecord(1, 1e9, 1e9, answered=True), 1e9 + silence) is occasion
    assert not is_good_moment(ChannelRecord(1, 1e9, 1e9, answered=False), 1e9 + silence)
    assert not is_good_moment(ChannelRecord(1, 1e9, 1e9 + silence + 1, answered=True), 1e9 + silence)

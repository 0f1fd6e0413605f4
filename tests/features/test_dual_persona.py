"""Tests of the dual persona feature on the sandbox: tension in a channel, arguments of two personas, commands.

In an argument, the bot's persona and its twin (another persona) write lines in turn. A hold pauses the feature during a
call, until the release.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.database import Database
from bot.features.dual_persona.commands import DualPersonaCommands
from bot.features.dual_persona.feature import ALREADY_ARGUING, NO_PERMISSION, DualPersona
from bot.features.dual_persona.records import ArgumentRecords
from bot.features.dual_persona.tension import HALF_LIFE, MESSAGE, decayed, tension_of
from bot.features.dual_persona.webhooks import WEBHOOK_NAME
from bot.llm.client import ModelClient
from bot.llm.personas import Persona
from bot.llm.requests import ModelOptions
from config.feature_sections import BipolarSettings
from sandbox.world.entities import Message
from sandbox.world.permissions import Permission
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import CLOCK_START, Router, character, let_manage, running, written_by_bots
from tests.timing import LIMIT, Clock

SETTINGS = BipolarSettings(threshold=4.0, turns=4, cooldown=3600.0)


@dataclass(slots=True)
class Pauses:
    """The pauses between two lines: none, or as long as the test wants."""

    over: asyncio.Event = field(default_factory=asyncio.Event)
    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)
        await self.over.wait()


@dataclass(slots=True)
class Arena:
    """A text channel in which persona and twin argue, and a person, Ada, who writes there."""

    stage: FeatureStage
    model: ScriptedModel
    feature: DualPersona
    router: Router
    clock: Clock
    pauses: Pauses

    async def say(self, *texts: str) -> None:
        """Ada writes these texts one after the other. Waits until the feature has seen them."""
        for text in texts:
            await self.router.observed(await self.stage.ada.say(self.stage.sandbox.home.general, text))

    @property
    def lines(self) -> list[Message]:
        """All lines that persona and twin have written."""
        said = written_by_bots(self.stage.sandbox, self.stage.sandbox.home.general)
        return [message for message in said if message.author is not self.stage.sandbox.bot]

    async def next_lines(self, lines: int = SETTINGS.turns) -> list[Message]:
        """Wait for this number of further lines, and return them. By default: as many as an argument has."""
        want = len(self.lines) + lines
        ada, general = self.stage.ada, self.stage.sandbox.home.general
        await ada.wait_for_message(general, lambda _: len(self.lines) >= want, LIMIT)
        return self.lines[-lines:]

    async def ended(self) -> None:
        """Wait until no argument is in progress."""
        async with asyncio.timeout(LIMIT):
            while self.feature.arguing:
                await asyncio.sleep(0.01)


@pytest.fixture
async def arena(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Arena]:
    persona, twin = character(tmp_path, "Mika"), character(tmp_path, "Akim")
    clock, pauses = Clock(CLOCK_START), Pauses()
    pauses.over.set()
    made: list[tuple[DualPersona, Router]] = []

    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(ScriptedModel(_retort))
        client = await stack.enter_async_context(ModelClient(ModelOptions(model.url)))

        async def cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
            feature = await _feature(bot, database, client, persona, twin, clock, pauses)
            made.append((feature, Router(feature.observe)))
            return [DualPersonaCommands(feature), made[0][1]]

        stage = await stack.enter_async_context(feature_stage(tmp_path, monkeypatch, cogs))
        feature, router = made[0]
        await stack.enter_async_context(running(feature.run()))
        let_manage(stage.sandbox, stage.ada.id)
        yield Arena(stage, model, feature, router, clock, pauses)


async def _feature(
    bot: SeiyuuBot,
    database: Database,
    client: ModelClient,
    persona: Persona,
    twin: Persona,
    clock: Clock,
    pauses: Pauses,
) -> DualPersona:
    records = ArgumentRecords(database)
    rng = random.Random(7)
    return DualPersona(bot, records, client, persona, twin, SETTINGS, clock=clock, rng=rng, pause=pauses)


def _retort(line: str) -> Answer:
    return Answer(f"No! {len(line)} times no, @everyone.\nAnd a second line that nobody wants.")


async def test_a_heated_conversation_starts_an_argument_in_which_name_picture_and_model_change_with_each_line(
    arena: Arena,
) -> None:
    await arena.say("I like tea", "You are wrong!!", "Tea is nonsense")
    lines = await arena.next_lines()
    await arena.ended()
    names = [line.author.name for line in lines]
    assert sorted(names[:2]) == ["Akim", "Mika"]
    assert names[:2] == names[2:], "they take turns"
    assert len({line.author.avatar for line in lines}) == 2
    assert all(line.content.startswith("No!") and "second line" not in line.content for line in lines)
    assert not any(line.mention_everyone for line in lines)
    assert arena.model.models == [f"{name}-model" for name in names]
    assert "Ada: Tea is nonsense" in arena.model.asked[0][-1]["content"]
    assert f"{names[0]}: {lines[0].content}" in arena.model.asked[1][-1]["content"]
    assert arena.model.asked[2][-2]["role"] == "assistant"
    assert len(arena.pauses.seconds) == 3


async def test_the_tension_is_shown_and_decays_and_the_name_of_the_twin_raises_it(arena: Arena) -> None:
    await arena.say("Where is akim today?")
    assert (
        await arena.stage.ask("!bipolar") == "🎭 Arguments are on for this server. Tension in this channel: 3.0 of 4."
    )
    arena.clock.pass_by(1200)
    assert (
        await arena.stage.ask("!bipolar") == "🎭 Arguments are on for this server. Tension in this channel: 0.8 of 4."
    )
    await arena.say("hello again", "and again")
    assert not arena.model.asked


async def test_after_an_argument_no_other_one_begins_during_the_cooldown_even_after_a_restart(arena: Arena) -> None:
    await arena.say("Akim, you are wrong")
    await arena.next_lines()
    await arena.ended()
    asked = len(arena.model.asked)
    await arena.say("Akim, you are wrong", "Akim, you LIED to me")
    assert "the next can start in 60 min" in await arena.stage.ask("!bipolar", starts="🎭 Arguments")
    again = ArgumentRecords(arena.stage.database)
    assert await again.cooldown_until(arena.stage.sandbox.home.general.id) == arena.clock.now + SETTINGS.cooldown
    assert len(arena.model.asked) == asked
    arena.clock.pass_by(SETTINGS.cooldown + 1)
    await arena.say("Akim, you are wrong")
    await arena.next_lines()


async def test_one_webhook_serves_every_argument_and_a_deleted_one_is_made_again(arena: Arena) -> None:
    webhooks, general = arena.stage.sandbox.world.webhooks, arena.stage.sandbox.home.general
    for _ in range(2):
        await arena.stage.ada.say(general, "!argue")
        await arena.next_lines()
        await arena.ended()
    (webhook,) = webhooks.of_channel(general.id)
    assert webhook.name == WEBHOOK_NAME
    webhooks.delete(webhook)
    await arena.stage.ada.say(general, "!argue")
    await arena.next_lines()
    assert len(webhooks.of_channel(general.id)) == 1


async def test_the_lines_of_persona_and_twin_do_not_raise_the_tension(arena: Arena) -> None:
    await arena.stage.ada.say(arena.stage.sandbox.home.general, "!argue")
    for line in await arena.next_lines():
        await arena.router.observed(line)
    await arena.ended()
    mood = await arena.feature.tension(arena.stage.sandbox.guild.id, arena.stage.sandbox.home.general.id)
    assert mood.score == 0
    assert len(arena.lines) == SETTINGS.turns


async def test_only_managers_can_start_arguments_or_switch_them_on_and_off(arena: Arena) -> None:
    bob = await arena.stage.sandbox.add_guest("Bob")
    for command in ("!argue", "!bipolar off"):
        assert "people who may manage this server" in await arena.stage.ask(command, who=bob)
    assert "Arguments are off" in await arena.stage.ask("!bipolar off")
    await arena.say("Akim, you are wrong", "Akim, you are wrong")
    assert not arena.model.asked
    assert "Tension in this channel: 0.0" in await arena.stage.ask("!bipolar on"), (
        "what was said meanwhile does not count"
    )
    await arena.say("Akim, you are wrong")
    await arena.next_lines()


async def test_without_the_permission_to_manage_webhooks_nobody_argues_and_one_line_is_logged(
    arena: Arena, caplog: pytest.LogCaptureFixture
) -> None:
    general, bot = arena.stage.sandbox.home.general, arena.stage.sandbox.bot
    arena.stage.sandbox.faults.deny(bot, general, Permission.MANAGE_WEBHOOKS)
    await arena.say("Akim, you are wrong", "Akim, you are wrong", "Akim, you are wrong")
    assert await arena.stage.ask("!argue") == NO_PERMISSION
    assert not arena.model.asked
    assert not arena.lines
    assert len([record for record in caplog.records if "Manage Webhooks" in record.message]) == 1


async def test_a_hold_ends_the_argument_after_the_line_in_progress_and_no_other_one_begins_until_the_release(
    arena: Arena, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    general = arena.stage.sandbox.home.general
    arena.pauses.over.clear()
    await arena.stage.ada.say(general, "!argue")
    await arena.next_lines(1)
    assert await arena.stage.ask("!argue", starts="🎭 My twin and I are") == ALREADY_ARGUING
    await arena.feature.hold("a call")
    await arena.feature.release()
    arena.pauses.over.set()
    await arena.ended()
    assert len(arena.lines) == 1, "the argument does not continue after the hold"

    arena.clock.pass_by(SETTINGS.cooldown + 1)
    await arena.feature.hold("a call")
    asked, read = len(arena.model.asked), len(arena.stage.ada.messages(general))
    await arena.say("Akim, you are wrong", "!argue")
    async with asyncio.timeout(LIMIT):
        while caplog.text.count("No argument begins in #general: dual persona is paused") < 2:
            await asyncio.sleep(0.01)
    assert len(arena.model.asked) == asked
    assert len(arena.stage.ada.messages(general)) == read + 2
    pressed = await arena.stage.ada.press(general, "argue")
    assert (await pressed.response(LIMIT)).is_ephemeral

    await arena.feature.release()
    await arena.say("Akim, you are wrong")
    await arena.next_lines()


async def test_a_hold_stops_a_model_that_hangs(arena: Arena, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(arena.feature._gate, "_limit", 0.05)
    arena.model.script = lambda line: Answer("Well", Fault.STALL)
    await arena.stage.ada.say(arena.stage.sandbox.home.general, "!argue")
    async with asyncio.timeout(LIMIT):
        while not arena.model.open_streams:
            await asyncio.sleep(0.01)
    await arena.feature.hold("a call")
    await arena.ended()
    assert not arena.lines
    await arena.feature.release()
    arena.model.script = _retort
    await arena.stage.ada.say(arena.stage.sandbox.home.general, "!argue")
    await arena.next_lines()


async def test_a_model_that_fails_ends_the_argument_and_nothing_else(arena: Arena) -> None:
    arena.model.script = lambda line: Answer("", Fault.STATUS_500)
    await arena.stage.ada.say(arena.stage.sandbox.home.general, "!argue")
    told = await arena.stage.told("🎭 The argument ends here: ")
    assert "It answered 500: out of memory" in told.content
    await arena.ended()
    assert not arena.lines
    arena.model.script = _retort
    await arena.stage.ada.say(arena.stage.sandbox.home.general, "!argue")
    await arena.next_lines()


async def test_an_argument_that_breaks_off_is_reported_only_if_people_saw_its_beginning(
    arena: Arena,
) -> None:
    arena.model.script = lambda line: Answer("", Fault.STATUS_500)
    await arena.say("Akim, you are wrong")
    await arena.ended()
    everything = arena.stage.ada.messages(arena.stage.sandbox.home.general)
    assert not [message for message in everything if message.author.bot], "nobody had asked for this argument"
    arena.clock.pass_by(SETTINGS.cooldown + 1)
    arena.pauses.over.clear()
    arena.model.script = _retort
    await arena.say("Akim, you are wrong")
    (line,) = await arena.next_lines(1)
    arena.model.script = lambda line: Answer("")
    arena.pauses.over.set()
    other = "Akim" if line.author.name == "Mika" else "Mika"
    told = await arena.stage.told("🎭 The argument ends here: ")
    assert told.content.endswith((f"{other} had nothing to say.", "answered without saying anything."))


async def test_persona_and_twin_know_where_and_when_they_argue(arena: Arena) -> None:
    await arena.say("Akim, you are wrong")
    await arena.next_lines()
    system = arena.model.asked[0][0]["content"]
    room, now = system.split("\n\n")[-2:]
    assert room.startswith("## Room\nYou are in the text channel #general of the server ")
    assert room.endswith("People who wrote here lately: Ada.")
    assert now == "## Now\nFriday, 15 January 2027, 12:00 (UTC)"


@pytest.mark.parametrize(
    ("text", "points"),
    [
        ("I like tea", 1),
        ("you are WRONG", 2),
        ("so what?!", 2),
        ("HÖRT AUF", 2),
        ("AI and TV", 1),
        ("no, Akim", 3),
        ("akim, stop it!!", 4),
        ("Akimbo", 1),
        ("お茶が好きです", 1),
    ],
)
def test_each_text_adds_points_to_the_tension(tmp_path: Path, text: str, points: float) -> None:
    assert tension_of(text, character(tmp_path, "Akim")) == points


def test_only_a_lively_conversation_reaches_the_threshold() -> None:
    def after_two_hours(pause: float) -> float:
        score = 0.0
        for _ in range(int(7200 / pause)):
            score = decayed(score, pause) + MESSAGE
        return score

    assert after_two_hours(pause=120) < 10 < after_two_hours(pause=60)
    assert decayed(8.0, HALF_LIFE) == 4.0
    assert decayed(8.0, -60) == 8.0, "a clock that was set back changes nothing"

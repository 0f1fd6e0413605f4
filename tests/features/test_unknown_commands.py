"""Tests of unknown commands: answered if they are probably for this bot, otherwise ignored."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.commands.help import HelpCommands
from bot.commands.unknown import CommandAdvice, UnknownCommands
from bot.database import Database
from bot.feature_set import commands_not_set_up
from config.settings import Settings
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import written_by_bots


class Examples(commands.Cog):
    """Some commands that only post their names."""

    @commands.hybrid_command(description="Joins.")
    async def join(self, ctx: commands.Context[Any]) -> None:
        """Join."""
        await ctx.send("joined")

    @commands.hybrid_command(name="voice-status", aliases=["status"], description="Shows.")
    async def voice_status(self, ctx: commands.Context[Any]) -> None:
        """Show."""
        await ctx.send("shown")

    @commands.hybrid_group(case_insensitive=True, description="The voices.")
    async def voice(self, ctx: commands.Context[Any]) -> None:
        """The voices."""
        await ctx.send("voices")

    @voice.command(name="list", description="Lists them.")
    async def list_voices(self, ctx: commands.Context[Any]) -> None:
        """List them."""
        await ctx.send("listed")


@pytest.fixture
def in_call() -> set[int]:
    """The prompt channel of the current call; empty without a call."""
    return set()


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_call: set[int]) -> AsyncIterator[FeatureStage]:
    async def make_cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
        advice = CommandAdvice(bot, "!", commands_not_set_up(Settings.read(_env_file=None)))
        unknown = UnknownCommands(bot, advice, "!", lambda channel: channel in in_call)
        return [Examples(), HelpCommands(bot, advice, "!"), unknown]

    async with feature_stage(tmp_path, monkeypatch, make_cogs) as stage:
        yield stage


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("!Join", "joined"),
        ("!JOIN", "joined"),
        ("! join", "joined"),
        ("!voicestatus", "shown"),
        ("!Voice_Status", "shown"),
        ("!status", "shown"),
        ("!Voice List", "listed"),
        ("!voice", "voices"),
        ("!jion", "❓ Did you mean `!join`?"),
        ("!voice lits", "❓ Did you mean `!voice list`?"),
        ("!voice foo", "❓ I don't know `!voice foo`. There are: `!voice list`."),
        ("!draw a cat", "❌ Drawing is not set up here (COMFYUI_URL)."),
        ("!DRAWCANCEL", "❌ Drawing is not set up here (COMFYUI_URL)."),
        ("!figurines subscribe", "❌ News of figurines is not set up here (FIGURINE_FEEDS)."),
        ("!bipolar", "❌ Arguing with a twin is not set up here (BIPOLAR_TWIN)."),
        ("!argue", "❌ Arguing with a twin is not set up here (BIPOLAR_TWIN)."),
        ("!Avatar next", "❌ Changing my picture is not set up here (AVATAR_FOLDER)."),
        ("!help draw", "❌ Drawing is not set up here (COMFYUI_URL)."),
        ("!help !Join", "`!join`\nJoin."),
        ("!help jion", "❓ Did you mean `!join`?"),
        ("!help nonsense", "❓ I don't know `nonsense`. `!help` lists what I can do."),
    ],
)
async def test_unknown_commands_get_a_helpful_answer(stage: FeatureStage, typed: str, answer: str) -> None:
    assert await stage.ask(typed) == answer


@pytest.mark.parametrize(
    ("typed", "named"),
    [("!resume", "!pause"), ("!Next", "!skip"), ("!np", "!nowplaying"), ("!stopmusic", "!skip all")],
)
async def test_during_a_call_the_names_of_other_music_bots_are_answered_with_those_of_this_one(
    stage: FeatureStage, in_call: set[int], typed: str, named: str
) -> None:
    in_call.add(stage.sandbox.home.general.id)
    answer = await stage.ask(typed)
    assert answer.startswith(f"❓ `{named}` ")
    assert answer.count(".") == 1, "one sentence"


async def test_commands_of_other_bots_are_ignored(stage: FeatureStage) -> None:
    for typed in ("!np", "!resume", "!next", "!play a song", "!ban", "!?", "!", "!!!", "!8ball"):
        await stage.ada.say(stage.sandbox.home.general, typed)
    assert await stage.ask("!join") == "joined"
    assert [message.content for message in written_by_bots(stage.sandbox, stage.sandbox.home.general)] == ["joined"]


def test_features_that_are_set_up_are_not_reported_as_missing() -> None:
    settings = Settings.read(_env_file=None, comfyui_url="http://127.0.0.1:8188", figurine_feeds="https://a.example/f")
    missing = commands_not_set_up(settings)
    assert "figurines" not in missing
    assert missing["draw"] == "❌ Drawing is not set up here (COMFYUI_WORKFLOW)."

"""Tests of commands with wrong arguments: the answer names the mistake and gives an example."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path
from unittest.mock import AsyncMock, MagicMock

import pytest
from discord.ext import commands

from bot.calls import Calls
from bot.client import SeiyuuBot
from bot.commands.ignoring import IgnoringCommands
from bot.commands.listening import ListeningCommands
from bot.commands.mistakes import mistake_words
from bot.commands.voice import VoiceCommands
from bot.controls.volumes import Volumes
from bot.database import Database
from bot.features.autonomous_talk.commands import AutonomousCommands
from bot.features.scheduled_events.commands import ScheduleCommands
from bot.user_error import UserError
from sandbox.world.permissions import Permission
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import let_manage

NO_PERCENT = (
    "❌ That must be a whole number from 0 to 200. "
    "Use it like this: `!volume [0-200] [music|sounds]`, for example `!volume 30 music`."
)
SCHEDULE_USE = (
    "Use it like this: `!schedule add [--skip] [#channel] TIME TEXT`, for example "
    "`!schedule add monday 18:00 It is Monday!`."
)


@pytest.fixture
async def calls() -> AsyncMock:
    return AsyncMock(spec=Calls)


@pytest.fixture
async def volumes() -> AsyncMock:
    volumes = AsyncMock(spec=Volumes)
    volumes.at.return_value = 0.8
    volumes.music_at.return_value = 0.3
    volumes.sounds_at.return_value = 0.6
    volumes.shown.side_effect = partial(Volumes.shown, volumes)
    volumes.choose_of.side_effect = partial(Volumes.choose_of, volumes)
    return volumes


@pytest.fixture
async def stage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, calls: AsyncMock, volumes: AsyncMock
) -> AsyncIterator[FeatureStage]:
    async def make_cogs(bot: SeiyuuBot, database: Database) -> Sequence[commands.Cog]:
        return [
            VoiceCommands(calls, volumes, MagicMock(), None, "!"),
            ListeningCommands(MagicMock(), MagicMock(), "!"),
            ScheduleCommands(MagicMock(), "UTC", "!"),
            AutonomousCommands(MagicMock()),
            IgnoringCommands(MagicMock(), MagicMock(), "!"),
        ]

    async with feature_stage(tmp_path, monkeypatch, make_cogs) as stage:
        let_manage(stage.sandbox, stage.ada.id)
        yield stage


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        (
            "!volume abc",
            NO_PERCENT,
        ),
        (
            "!volume 300",
            NO_PERCENT,
        ),
        (
            "!mode foo",
            "❌ `foo` is not possible here. Choose one of these: talk, transcribe. "
            "Use it like this: `!mode [talk|transcribe]`, for example `!mode transcribe`.",
        ),
        (
            "!captions `on`",
            "❌ `'on'` is not possible here. Choose one of these: off, channel, thread. "
            "Use it like this: `!captions [off|channel|thread]`, for example `!captions thread`.",
        ),
        (
            "!autonomous maybe",
            "❌ `maybe` is not possible here. Choose one of these: on, off. "
            "Use it like this: `!autonomous [on|off]`, for example `!autonomous on`.",
        ),
        ("!schedule add", f"❌ Something is missing. {SCHEDULE_USE}"),
        (
            "!schedule remove abc",
            "❌ That must be one of the numbers in the list. "
            "Use it like this: `!schedule remove NUMBER`, for example `!schedule remove 3`.",
        ),
        ("!speak", "❌ Something is missing. Use it like this: `!speak TEXT`, for example `!speak Dinner is ready!`."),
        (
            "!ignore Nobody",
            "❌ I don't see anybody called `Nobody` on this server. "
            "Use it like this: `!ignore [@user] [on|off]`, for example `!ignore @Ben`.",
        ),
        (
            "!join Nowhere",
            "❌ I see no voice channel of that name here. "
            "Use it like this: `!join [channel]`, for example `!join Lounge`.",
        ),
        (
            "!join Lonuge",
            "❌ I see no voice channel of that name here. Did you mean `Lounge`? "
            "Use it like this: `!join [channel]`, for example `!join Lounge`.",
        ),
        (
            '!ignore "Ben',
            "❌ The quotation marks don't match: each one needs a second one. "
            "Use it like this: `!ignore [@user] [on|off]`, for example `!ignore @Ben`.",
        ),
    ],
)
async def test_a_mistake_is_explained_in_plain_words_with_an_example(
    stage: FeatureStage, volumes: AsyncMock, typed: str, answer: str
) -> None:
    assert await stage.ask(typed) == answer
    volumes.choose.assert_not_awaited()


async def test_the_error_for_a_text_that_is_too_long_names_the_limit(stage: FeatureStage) -> None:
    # A message can't be that long, but the option of a slash command can.
    context = MagicMock()
    context.command = stage.bot.get_command("speak")
    error = commands.RangeError("x" * 5000, minimum=1, maximum=4000)
    assert mistake_words(context, error, "!").startswith("❌ That text is too long: the limit is 4000 characters.")


@pytest.mark.parametrize("typed", ["!volume 80", "!volume 80%", "!volume 80 %"])
async def test_a_percent_sign_may_follow_the_volume(stage: FeatureStage, volumes: AsyncMock, typed: str) -> None:
    assert await stage.ask(typed) == "🔊 Volume: 80 %"
    volumes.choose.assert_awaited_once_with(stage.sandbox.guild.id, 0.8, only=None)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("lounge", "Lounge"),
        ("LOUNGE", "Lounge"),
        ("#lounge", "Lounge"),
        ("second lounge", "Second lounge"),
        ("Second-Lounge", "Second lounge"),
        ("stage", "Stage"),
        ("Lounge", "Lounge"),
    ],
)
async def test_a_voice_channel_is_found_regardless_of_capital_letters(
    stage: FeatureStage, calls: AsyncMock, typed: str, meant: str
) -> None:
    calls.current_on.return_value = None
    calls.join.side_effect = UserError("❌ Not today.")
    assert await stage.ask(f"!join {typed}") == "❌ Not today."
    (channel, *_) = calls.join.await_args.args
    assert channel.name == meant


async def test_a_channel_is_not_named_to_people_who_cannot_see_it(stage: FeatureStage, calls: AsyncMock) -> None:
    stage.sandbox.faults.deny(stage.ada.user, stage.sandbox.voice_channel, Permission.VIEW_CHANNEL)
    for typed in ("lounge", "Lonuge"):
        assert "Did you mean" not in await stage.ask(f"!join {typed}")
    calls.join.assert_not_awaited()


@pytest.mark.parametrize("typed", ["!volume 30 music", "!volume 30% music", "!volume 30 % music"])
async def test_a_percent_sign_may_follow_the_volume_of_music(
    stage: FeatureStage, volumes: AsyncMock, typed: str
) -> None:
    assert await stage.ask(typed) == "🎵 Music volume: 30 %"
    volumes.choose_music.assert_awaited_once_with(stage.sandbox.guild.id, 0.3, only=None)
    volumes.choose.assert_not_awaited()


@pytest.mark.parametrize(
    ("typed", "answer"),
    [
        ("!volume music", "🎵 Music volume: 30 %"),
        ("!volume sounds", "📣 Sound volume: 60 %"),
        ("!volume voice", "🔊 Volume: 80 %"),
    ],
)
async def test_a_volume_is_shown_where_no_number_is_typed(
    stage: FeatureStage, volumes: AsyncMock, typed: str, answer: str
) -> None:
    assert await stage.ask(typed) == answer
    volumes.choose_of.assert_not_awaited()


async def test_sounds_have_a_volume_of_their_own(stage: FeatureStage, volumes: AsyncMock) -> None:
    assert await stage.ask("!volume 60 % sounds") == "📣 Sound volume: 60 %"
    volumes.choose_sounds.assert_awaited_once_with(stage.sandbox.guild.id, 0.6, only=None)
    volumes.choose.assert_not_awaited()
    volumes.choose_music.assert_not_awaited()

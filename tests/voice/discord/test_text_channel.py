"""Tests of the bot's texts in a call's prompt channel: which message they answer, whom they mention, and long ones."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import discord
import pytest
from discord.ext import commands

from bot.client import SeiyuuBot
from bot.database import Database
from bot.voice.discord.text_channel import DiscordPromptChannel
from bot.voice.turn import Prompt
from tests.features.stage import FeatureStage, feature_stage
from tests.features.talk import written_by_bots


@pytest.fixture
async def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FeatureStage]:
    async def no_cogs(_bot: SeiyuuBot, _database: Database) -> Sequence[commands.Cog]:
        return []

    async with feature_stage(tmp_path, monkeypatch, no_cogs) as made:
        yield made


def prompt_channel(stage: FeatureStage) -> DiscordPromptChannel:
    found = stage.bot.get_channel(stage.sandbox.home.general.id)
    assert isinstance(found, discord.TextChannel)
    return DiscordPromptChannel(found)


async def test_a_long_text_comes_in_parts_of_which_the_first_is_a_reply(stage: FeatureStage) -> None:
    asked = await stage.ada.say(stage.sandbox.home.general, "tell me")
    await prompt_channel(stage).tell("A sentence. " * 300, Prompt("Ada", "tell me", 0.0, asked.id))
    written = written_by_bots(stage.sandbox, stage.sandbox.home.general)
    assert [message.reference_id for message in written] == [asked.id, None]
    assert written[0].mentions == (stage.ada.user,)


async def test_texts_for_a_deleted_prompt_and_for_everybody_are_no_replies(stage: FeatureStage) -> None:
    asked = await stage.ada.say(stage.sandbox.home.general, "tell me")
    await stage.ada.delete(asked)
    channel = prompt_channel(stage)
    await channel.acknowledge(Prompt("Ada", "tell me", 0.0, asked.id))
    await channel.tell("For you.", Prompt("Ada", "tell me", 0.0, asked.id))
    await channel.tell("For all.")
    await channel.tell("")
    written = written_by_bots(stage.sandbox, stage.sandbox.home.general)
    assert [(message.content, message.reference_id) for message in written] == [("For you.", None), ("For all.", None)]


async def test_a_text_for_several_people_answers_one_and_mentions_the_others_once(stage: FeatureStage) -> None:
    ben = await stage.sandbox.add_guest("Ben")
    first = await stage.ada.say(stage.sandbox.home.general, "tell me")
    asked = await ben.say(stage.sandbox.home.general, "and me")
    of_ada = Prompt("Ada", "tell me", 0.0, first.id, person=stage.ada.id)
    of_ben = Prompt("Ben", "and me", 0.0, asked.id, person=ben.id)
    somebody = Prompt("Somebody", "@everyone", 0.0)
    await prompt_channel(stage).tell("For both.", of_ben, (of_ada, of_ada, somebody))
    (written,) = written_by_bots(stage.sandbox, stage.sandbox.home.general)
    assert (written.content, written.reference_id) == (f"For both. <@{stage.ada.id}>", asked.id)
    assert set(written.mentions) == {stage.ada.user, ben.user}


async def test_a_text_for_several_people_who_have_spoken_mentions_each_of_them(stage: FeatureStage) -> None:
    ben = await stage.sandbox.add_guest("Ben")
    of_ada = Prompt("Ada", "tell me", 0.0, person=stage.ada.id)
    of_ben = Prompt("Ben", "and me", 0.0, person=ben.id)
    await prompt_channel(stage).tell("For both.", of_ben, (of_ada,))
    (written,) = written_by_bots(stage.sandbox, stage.sandbox.home.general)
    assert set(written.mentions) == {stage.ada.user, ben.user}

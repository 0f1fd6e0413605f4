"""Tests of recording a person for cloning: only they can agree, and without consent nothing is recorded."""

from __future__ import annotations

import asyncio
import io
import wave
from typing import cast

import pytest

from audio.samples import HEARING_RATE
from bot.guard import ELSEWHERE
from bot.voice.discord.link import VoiceChannel
from bot.voice.records.voice_sample import SampleError
from sandbox.world.entities import ChannelKind, Message
from tests.bot.voices.conftest import Call, Stage
from tests.timing import LIMIT


async def question(stage: Stage, command: str) -> Message:
    """Ada types a command. Returns the bot's question."""
    asked = await stage.ask(command)
    assert "may I record 10 seconds of your voice" in asked.content
    return asked


async def ended(stage: Stage, asked: Message, words: str) -> None:
    """Wait until the question is replaced by these words, without buttons."""
    assert (await stage.told(words)).id == asked.id
    assert asked.components == ()


def nothing_was_kept(stage: Stage) -> None:
    assert stage.server.received == []
    assert stage.server.voices == {}


async def test_a_person_who_agrees_is_recorded_and_the_voice_is_learned(stage: Stage) -> None:
    call = stage.begin_call()
    asked = await question(stage, "!voice record Robin")
    assert f"<@{stage.ada.id}>" in asked.content
    assert "**Robin**" in asked.content
    await stage.ada.click(asked, "yes")
    await ended(stage, asked, "🗣️ I can speak as **Robin** now. Similarity: 82 %")
    assert call.samples.people == [stage.ada.id]
    ((filename, data),) = stage.server.received
    with wave.open(io.BytesIO(data)) as file:
        assert (filename, file.getframerate(), file.getnframes()) == ("recorded.wav", HEARING_RATE, HEARING_RATE)


async def test_only_the_person_to_be_recorded_can_agree(stage: Stage) -> None:
    call = stage.begin_call()
    asked = await question(stage, f"!voice record Robin <@{stage.ben.id}>")
    assert f"<@{stage.ben.id}>" in asked.content
    assert "Ada asked for it" in asked.content
    pressed = await stage.ada.click(asked, "yes")
    assert (await pressed.response(LIMIT)).content == "🔒 Only Ben can answer that."
    assert call.samples.people == []
    await stage.ben.click(asked, "yes")
    await ended(stage, asked, "I can speak as **Robin**")
    assert call.samples.people == [stage.ben.id]


async def test_nothing_is_recorded_after_a_no_or_without_an_answer(stage: Stage) -> None:
    call = stage.begin_call()
    asked = await question(stage, f"!voice record Robin <@{stage.ben.id}>")
    await stage.ben.click(asked, "no")
    await ended(stage, asked, "👍 Not recorded, Ben: you said no.")
    stage.recordings._answer_seconds = 0.5
    asked = await question(stage, f"!voice record Robin <@{stage.ben.id}>")
    await ended(stage, asked, "👍 Not recorded: Ben did not answer.")
    assert call.samples.people == []
    nothing_was_kept(stage)


async def test_an_unanswered_question_does_nothing_after_the_call_has_moved_or_ended(stage: Stage) -> None:
    call, directory = stage.begin_call(), stage.sandbox.world.directory
    asked = await question(stage, f"!voice record Robin <@{stage.ben.id}>")
    guild = directory.add_guild("Elsewhere", stage.sandbox.home.owner)
    directory.add_member(guild, stage.sandbox.bot)
    lounge = directory.add_channel(guild, "lounge", ChannelKind.VOICE)
    async with asyncio.timeout(LIMIT):
        while (there := stage.bot.get_channel(lounge.id)) is None:
            await asyncio.sleep(0.01)
    here, call.channel = call.channel, cast(VoiceChannel, there)
    pressed = await stage.ben.click(asked, "yes")
    answer = await pressed.response(LIMIT)
    assert (answer.content, answer.is_ephemeral) == (ELSEWHERE, True)
    call.channel = here
    stage.call = None
    await stage.ben.click(asked, "yes")
    await ended(stage, asked, "I'm not in one on this server")
    assert call.samples.people == []
    nothing_was_kept(stage)


@pytest.mark.parametrize(
    "reason", ["I heard nothing.", "That person no longer wants to be listened to.", "The call is over."]
)
async def test_a_failed_sample_is_reported_with_its_reason(stage: Stage, reason: str) -> None:
    stage.begin_call().samples.fault = SampleError(reason)
    asked = await question(stage, "!voice record Robin")
    await stage.ada.click(asked, "yes")
    await ended(stage, asked, f"🙉 {reason} I kept nothing.")
    nothing_was_kept(stage)


async def test_bots_and_people_outside_of_the_call_are_not_even_asked(stage: Stage) -> None:
    call: Call = stage.begin_call()
    cleo = await stage.sandbox.add_guest("Cleo")
    assert "Cleo is not in the call" in (await stage.ask(f"!voice record Robin <@{cleo.id}>")).content
    assert "I can't record bots" in (await stage.ask(f"!voice record Robin <@{stage.sandbox.bot_id}>")).content
    assert call.samples.people == []


async def test_the_slash_command_asks_for_consent_too(stage: Stage) -> None:
    call, general = stage.begin_call(), stage.sandbox.home.general
    pressed = await stage.ada.press(general, "voice record", name="Robin", member=stage.ben.user, language="fr")
    asked = await pressed.response(LIMIT)
    await stage.ben.click(asked, "yes")
    await stage.ben.wait_for_message(general, lambda m: "I can speak as **Robin**" in m.content, LIMIT)
    assert (call.samples.people, stage.server.languages) == ([stage.ben.id], ["fr"])

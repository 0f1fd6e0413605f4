"""Tests of the room of a call: the model knows who came, left and spoke last, and is silent after lines for others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands.private_answer import SENT
from bot.voice.events import PromptTaken, ReplyEnded, WordsSpoken
from bot.voice.turn import Outcome
from tests.e2e.conftest import LIMIT, Stage, StageMaker, serving_tones
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import Since
from tests.features.talk import let_own

ANSWER = "That is quite so."


def script(line: str) -> Answer:
    if "quieter" in line:
        return Answer(calls=("set_volume",), arguments='{"change": "quieter"}')
    if "percent now" in line:
        return Answer("Is this better?")
    return Answer("<silent>" if "Ben, did you" in line.splitlines()[-1] else ANSWER)


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(script) as model:
        yield model


@pytest.fixture
async def stage(make_stage: StageMaker, model: ScriptedModel, tmp_path: Path) -> AsyncIterator[Stage]:
    async with (
        serving_tones(tmp_path) as voice,
        make_stage(tts_websocket_url=voice, llm_url=model.url, greet="all") as stage,
    ):
        await stage.join()
        yield stage


def room_of(model: ScriptedModel) -> str:
    """The section about the room in the newest prompt."""
    return str(model.asked[-1][0]["content"]).split("## Room\n")[1].split("\n\n")[0]


async def test_a_person_who_joins_is_greeted_and_the_model_knows_who_came_and_left_and_spoke_last(
    stage: Stage, model: ScriptedModel
) -> None:
    since = Since(stage)
    await stage.ask("Hello there.")
    await stage.turns(1)
    assert "lately" not in room_of(model)
    ben = await stage.sandbox.add_guest("Ben")
    await ben.join_voice(stage.sandbox.home.lounge)
    await stage.turns(2)
    (_, greeting) = since.all(PromptTaken)
    assert greeting.recited
    assert "Ben" in greeting.text
    assert len(model.asked) == 1, "the model is not asked for a greeting"
    await stage.ask("Who is here?")
    await stage.turns(3)
    assert "Came in lately: Ben." in room_of(model)
    assert "Spoke last: Ada." in room_of(model)
    await ben.leave_voice()
    await stage.until(lambda: len(stage.app.calls.require(stage.sandbox.guild.id).transport.people.names()) == 1, "Ben")
    await stage.ask("And now?")
    await stage.turns(4)
    assert "Left lately: Ben." in room_of(model)
    await ben.join_voice(stage.sandbox.home.lounge)
    await stage.ask("Who is back?")
    await stage.turns(5)
    greetings = [event for event in since.all(PromptTaken) if event.recited]
    assert len(greetings) == 1, "Ben is greeted only once in a call"


async def test_a_line_that_is_not_for_the_bot_gets_no_answer(stage: Stage, model: ScriptedModel) -> None:
    since = Since(stage)
    await stage.ask("Ben, did you feed the cat?")
    (trace,) = await stage.turns(1)
    assert trace.outcome is Outcome.SILENT
    assert not since.all(WordsSpoken)
    await stage.ask("What a day!")
    await stage.turns(2)
    prompt = model.asked[-1]
    assert any("Ben, did you feed the cat?" in str(message["content"]) for message in prompt), (
        "the model knows the line"
    )
    assert not any("<silent>" in str(message["content"]) for message in prompt[1:])
    assert "<silent>" in str(prompt[0]["content"]), "the rules say how to be silent"
    assert [event.heard for event in since.all(ReplyEnded)] == ["", ANSWER]
    written = [message.content for message in stage.ada.messages(stage.sandbox.home.general) if message.author.bot]
    assert not any("nothing to say" in text or "silent" in text for text in written)


async def test_the_volume_is_changed_for_a_person_who_asks_for_it(stage: Stage) -> None:
    since = Since(stage)
    await stage.ask("Could you be a bit quieter, please?")
    await stage.turns(1)
    assert stage.app.calls.require(stage.sandbox.guild.id).volume == pytest.approx(0.8)
    assert since.all(ReplyEnded)[0].heard == "Is this better?"


async def test_only_an_owner_is_shown_what_the_last_prompt_held(stage: Stage) -> None:
    ada, general = stage.ada, stage.sandbox.home.general
    ben = await stage.sandbox.add_guest("Ben")
    let_own(stage.sandbox, ben)
    await stage.answer_to("!why", starts="🔒 `!why` is for the people who run me.")
    await stage.ask("Tell me about otters.")
    await stage.turns(1)
    asked = await ben.say(general, "!why")
    private = await ben.wait_for_message(ben.dm_channel, lambda m: m.author.bot, LIMIT)
    assert private.content.startswith("🔎 **My last prompt**, in a call")
    assert "Room" in private.content
    assert "set_volume" in private.content
    (file,) = private.attachments
    prompt = file.upload.data.decode()
    assert "Tell me about otters." in prompt
    assert "## Room" in prompt
    public = await ben.wait_for_message(general, lambda m: m.author.bot, LIMIT, after=asked)
    assert public.content == SENT
    assert not any("otters" in message.content for message in ada.messages(general) if message.author.bot)

"""Tests of moods and personas that are chosen aloud, and of a persona that is addressed by its own name."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.voice.events import UtteranceHeard
from sandbox.guest import Guest
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.recorded_voice import RecordedVoice
from tests.e2e.scripted_ears import ScriptedEars
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import Since, join_people, talk
from tests.features.talk import let_manage


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(lambda _: Answer("That is quite so.")) as model:
        yield model


@pytest.fixture
async def stage(
    make_stage: StageMaker, voice: RecordedVoice, model: ScriptedModel, ears: ScriptedEars
) -> AsyncIterator[Stage]:
    async with make_stage(tts_websocket_url=voice.url, llm_url=model.url, stt_url=ears.url) as stage:
        let_manage(stage.sandbox, stage.ada.id)
        yield stage


async def say(stage: Stage, ears: ScriptedEars, text: str, guest: Guest | None = None) -> None:
    """A guest (default: Ada) says a sentence. Returns after it was transcribed."""
    since, ears.hears, who = Since(stage), text, guest or stage.ada
    await talk(who, "I had pizza for lunch.")
    await since.heard((who.user.name, text))


async def test_a_spoken_request_for_a_mood_is_shown_confirmed_and_heard_at_once(
    stage: Stage, model: ScriptedModel, voice: RecordedVoice, ears: ScriptedEars
) -> None:
    await stage.join()
    await join_people(stage, "Ben")
    since = Since(stage)
    await say(stage, ears, "Seiyuu, be sad.")
    assert await stage.told("💭") == "💭 Seiyuu is sad now."
    await stage.turns(1)
    assert since.words == "Okay."
    assert (voice.last.preset, voice.last.speed, voice.last.pitch_shift) == ("calm", 0.85, -1.0)
    assert model.asked == [], "the model is not asked"
    await say(stage, ears, "Seiyuu, how are you?")
    await stage.turns(2)
    assert "Seiyuu's mood now: downcast" in model.asked[-1][0]["content"]
    await say(stage, ears, "Seiyuu, sei wieder fröhlich!")
    await stage.turns(3)
    assert "Seiyuu is cheerful" in await stage.answer_to("!mood", starts="💭")


async def test_a_request_for_an_unknown_mood_is_ordinary_talk(
    stage: Stage, model: ScriptedModel, ears: ScriptedEars
) -> None:
    await stage.join()
    await say(stage, ears, "Seiyuu, be purple.")
    await stage.turns(1)
    assert model.asked[-1][-1]["content"] == "Ada: Seiyuu, be purple."
    assert "Seiyuu is cheerful" in await stage.answer_to("!mood", starts="💭")


async def test_a_spoken_request_calls_the_evil_twin_which_listens_to_its_own_name_and_leaves_again(
    stage: Stage, model: ScriptedModel, voice: RecordedVoice, ears: ScriptedEars
) -> None:
    await stage.join()
    (ben,) = await join_people(stage, "Ben")
    await say(stage, ears, "Seiyuu, be Evil Seiyuu.")
    assert await stage.told("🎭") == "🎭 From now on I am Evil Seiyuu, and smug."
    await stage.turns(1)
    assert voice.last.preset == "warm"
    await say(stage, ears, "Evil Seiyuu, what is your plan?")
    await stage.turns(2)
    assert model.asked[-1][0]["content"].startswith("You are Evil Seiyuu.")
    assert "Evil Seiyuu" in ears.prompts[-1], "the transcriber knows the bot's name"
    await say(stage, ears, "Seiyuu, what time is it?", ben)
    assert not [event for event in stage.events if isinstance(event, UtteranceHeard)][-1].addressed, (
        "nobody has that name now"
    )
    await say(stage, ears, "Evil Seiyuu, be Seiyuu again.")
    await stage.told("🎭 From now on I am Seiyuu, and cheerful.")


async def test_a_new_mood_that_cannot_be_stored_is_reported_and_not_taken_on(stage: Stage, ears: ScriptedEars) -> None:
    await stage.join()
    await stage.app.database.write("DROP TABLE chat_character")
    since = Since(stage)
    await say(stage, ears, "Seiyuu, be sad.")
    await stage.turns(1)
    assert since.words == "Sorry, I can't change now."
    assert "Seiyuu is cheerful" in await stage.answer_to("!mood", starts="💭")


async def test_a_person_who_may_not_control_the_call_can_change_neither_mood_nor_persona_by_voice(
    make_stage: StageMaker, voice: RecordedVoice, model: ScriptedModel, ears: ScriptedEars
) -> None:
    options = {"llm_url": model.url, "stt_url": ears.url, "who_may_control": "managers"}
    async with make_stage(tts_websocket_url=voice.url, **options) as stage:
        await stage.join()
        since = Since(stage)
        for count, text in enumerate(("Seiyuu, be sad.", "Seiyuu, be Evil Seiyuu."), 1):
            await say(stage, ears, text)
            await stage.turns(count)
        assert since.words.count("may manage this server") == 2
        assert "Seiyuu is cheerful" in await stage.answer_to("!mood", starts="💭")

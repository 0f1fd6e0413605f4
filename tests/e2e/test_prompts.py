"""Tests of messages in the prompt channel: answered in order and completely, or refused with a clear text."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.commands.prompt_listener import CANT_OPEN, NO_WORDS
from bot.features.vision.feature import CANT_SEE
from bot.features.vision.feature import HELD as CANT_LOOK
from bot.voice.dialogue.prompt_queue import MAX_WAITING, TOO_MANY_WAITING
from bot.voice.events import PromptTaken, WordsSpoken
from bot.voice.turn import Outcome
from sandbox.world.entities import Upload
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from toys.llm.phrases import TOY_PHRASES
from toys.llm.weights import toy_weights


def echo(line: str) -> Answer:
    numbers = re.findall(r"\d+", line)
    return Answer(f"Number {numbers[-1]}." if numbers else "Yes.")


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(echo) as model:
        yield model


@pytest.fixture
async def talk(make_stage: StageMaker, speech_server: str, model: ScriptedModel) -> AsyncIterator[Stage]:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage:
        await stage.join()
        yield stage


async def test_ten_prompts_at_once_are_answered_in_order_and_completely(talk: Stage) -> None:
    for number in range(10):
        await talk.ask(f"Say {number}")
    traces = await talk.turns(10)
    assert [trace.outcome for trace in traces] == [Outcome.SPOKEN] * 10
    spoken = " ".join(event.text for event in talk.events if isinstance(event, WordsSpoken)).split()
    assert spoken == [word for number in range(10) for word in ("Number", f"{number}.")]
    assert all(trace.audio > 500 for trace in traces)


async def test_a_prompt_of_4000_characters_is_answered(talk: Stage, model: ScriptedModel) -> None:
    await talk.ask("a long story " * 307 + "with 4000")
    (trace,) = await talk.turns(1)
    assert trace.outcome is Outcome.SPOKEN
    assert len(model.asked[-1][-1]["content"]) > 3900


async def test_the_bots_own_model_answers_in_the_local_profile_without_a_server(
    make_stage: StageMaker, speech_server: str, cache_dir: Path
) -> None:
    file = await asyncio.to_thread(toy_weights, cache_dir)
    settings = {"profile": "local", "llm_model": str(file), "stt_url": "http://127.0.0.1:9/v1"}
    async with make_stage(tts_websocket_url=speech_server, **settings) as stage:
        await stage.join()
        await stage.ask("How are you?")
        (trace,) = await stage.turns(1)
        assert trace.outcome is Outcome.SPOKEN
        assert stage.spoken == next(each.answer for each in TOY_PHRASES if each.question == "How are you?")
        assert f"{file.stem} in llama.cpp" in await stage.answer_to("!voice-status", starts="🎤 **In**")


async def test_emoji_alone_are_a_prompt(talk: Stage, model: ScriptedModel) -> None:
    await talk.ask("🙂🙃🎉")
    (trace,) = await talk.turns(1)
    assert trace.outcome is Outcome.SPOKEN
    assert "🙂🙃🎉" in model.asked[-1][-1]["content"]


async def test_200_mentions_reach_the_model_as_a_few_names_and_a_count(talk: Stage, model: ScriptedModel) -> None:
    await talk.ask(f"<@{talk.ada.id}> " * 20 + "<@77> " * 180 + "hello")
    await talk.turns(1)
    content = model.asked[-1][-1]["content"]
    assert "<@" not in content
    assert "Ada" in content
    assert "190 more" in content


async def test_a_message_without_words_gets_a_clear_answer(talk: Stage) -> None:
    assert await talk.answer_to("\u200b\u200b", starts="🎤 I found") == NO_WORDS
    await talk.ada.send_sticker(talk.sandbox.text_channel, "wave")
    assert await talk.told("🎤 I found") == NO_WORDS


async def test_files_are_refused_and_the_words_beside_them_answered(talk: Stage) -> None:
    channel = talk.sandbox.text_channel
    await talk.ada.say(channel, "", attachments=[Upload("cat.png", b"\x89PNG", "image/png")])
    assert await talk.told("🙈") == CANT_SEE
    await talk.ada.say(channel, "what is 7?", attachments=[Upload("notes.txt", b"hi", "text/plain")])
    assert await talk.told("🎤") == CANT_OPEN
    await talk.turns(1)
    assert [event.text for event in talk.events if isinstance(event, PromptTaken)] == ["what is 7?"]


async def test_even_with_a_vision_model_no_picture_is_looked_at_during_a_call(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel
) -> None:
    seer = "http://127.0.0.1:9/v1"
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url, vision_llm_url=seer) as stage:
        await stage.join()
        cat = Upload("cat.png", b"\x89PNG", "image/png")
        await stage.ada.say(stage.sandbox.text_channel, "", attachments=[cat])
        assert await stage.told("🎤 I can't look") == CANT_LOOK


async def test_commands_unknown_commands_and_messages_in_other_channels_are_no_prompts(
    talk: Stage, model: ScriptedModel
) -> None:
    await talk.answer_to("!volume", starts="🔊")
    assert "!help" in await talk.answer_to("!dance", starts="❓")
    await talk.ada.say(talk.sandbox.home.side, "not for you")
    await talk.ask("Say 1")
    await talk.turns(1)
    assert len(model.asked) == 1


async def test_when_more_than_twenty_prompts_wait_the_next_is_refused_politely(talk: Stage) -> None:
    for number in range(MAX_WAITING + 2):
        await talk.ask(f"Say {number}")
    assert await talk.told(TOO_MANY_WAITING[:12]) == TOO_MANY_WAITING
    await talk.answer_to("!stop", starts="🤫 Stopped")
    await talk.ask("Say 77")
    await talk.until(
        lambda: any(isinstance(e, WordsSpoken) and "77" in e.text for e in talk.events), "the prompt after the stop"
    )


async def test_the_history_holds_the_last_exchanges_with_names(talk: Stage, model: ScriptedModel) -> None:
    for number in (1, 2, 3):
        await talk.ask(f"Say {number}")
    await talk.turns(3)
    said = [(message["role"], message["content"]) for message in model.asked[-1][1:]]
    assert said == [
        ("user", "Ada: Say 1"),
        ("assistant", "Number 1."),
        ("user", "Ada: Say 2"),
        ("assistant", "Number 2."),
        ("user", "Ada: Say 3"),
    ]


async def test_a_prompt_that_is_deleted_at_once_and_a_prompt_without_words_are_answered(talk: Stage) -> None:
    for text in ("Say 1", "\u200b\u200b"):
        talk.sandbox.faults.rest.slow("POST /channels/*/messages", times=1, seconds=0.5)
        message = await talk.ask(text)
        await talk.ada.delete(message)
    assert await talk.told("🎤 I found") == NO_WORDS
    (trace,) = await talk.turns(1)
    assert trace.outcome is Outcome.SPOKEN


async def test_a_prompt_quotes_the_message_it_replies_to_and_a_forwarded_message_is_a_prompt(
    talk: Stage, model: ScriptedModel
) -> None:
    ben = await talk.sandbox.add_guest("Ben")
    said = await ben.say(talk.sandbox.home.side, "Say 7")
    await talk.ada.forward(said, talk.sandbox.text_channel)
    quoted = await ben.say(talk.sandbox.text_channel, "Say 8")
    await talk.ada.say(talk.sandbox.text_channel, "and what is that?", reply_to=quoted)
    await talk.turns(3)
    asked = [messages[-1]["content"] for messages in model.asked]
    assert asked == ['Ada: [forwarded: "Say 7"]', "Ben: Say 8", 'Ada: and what is that? [in reply to Ben: "Say 8"]']

"""Tests of voice messages with the bot's own transcriber: prompts in a call, questions to the text chat elsewhere."""

from __future__ import annotations

from collections.abc import AsyncIterator

import numpy as np
import pytest

from bot.spoken_messages.listener import BROKEN, NOT_ALLOWED
from bot.voice.events import PromptTaken
from bot.voice.turn import Outcome
from sandbox.voice.opus import SAMPLE_RATE
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import UTTERANCES, voiced
from tests.features.recordings import recording

PIZZA, KEYBOARD = UTTERANCES[:2]


async def voice_message(text: str) -> tuple[bytes, float]:
    """A voice message with this sentence in Ada's voice. Also returns its length in seconds."""
    sound = np.pad(await voiced("Ada", text), SAMPLE_RATE // 4)
    return recording(sound), len(sound) / SAMPLE_RATE


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(lambda _line: Answer("I see.")) as model:
        yield model


@pytest.fixture
async def stage(make_stage: StageMaker, speech_server: str, model: ScriptedModel) -> AsyncIterator[Stage]:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage:
        yield stage


async def test_a_voice_message_in_the_channel_of_the_call_is_a_prompt_and_one_elsewhere_waits(
    stage: Stage, model: ScriptedModel
) -> None:
    await stage.join()
    general, private = stage.sandbox.text_channel, stage.ada.dm_channel
    waiting = await stage.ada.send_voice_message(private, *await voice_message(KEYBOARD))
    await stage.ada.wait_for_reaction(waiting, "🎤", LIMIT)
    spoken = await stage.ada.send_voice_message(general, *await voice_message(PIZZA))
    await stage.ask("And what did you have?")
    traces = await stage.turns(2)
    assert [trace.outcome for trace in traces] == [Outcome.SPOKEN] * 2
    taken = [event.text for event in stage.events if isinstance(event, PromptTaken)]
    assert taken == [PIZZA, "And what did you have?"]
    await stage.ada.wait_for_reaction(spoken, "🎤", LIMIT)
    assert len(model.asked) == 2, "what waits is not answered during the call"
    await stage.answer_to("!leave", starts="👋")
    answer = await stage.ada.wait_for_message(private, lambda m: m.author.bot, LIMIT, after=waiting)
    assert (answer.content, answer.reference_id) == ("I see.", waiting.id)
    assert model.asked[-1][-1]["content"] == f"Ada: {KEYBOARD}"


async def test_voice_messages_of_people_who_opted_out_are_not_heard_and_broken_ones_are_reported(stage: Stage) -> None:
    await stage.join()
    general = stage.sandbox.text_channel
    await stage.answer_to("!optout", starts="🙉")
    await stage.ada.send_voice_message(general, *await voice_message(PIZZA))
    assert await stage.told("🙉 I only listen to people who allow it") == NOT_ALLOWED.format(prefix="!")
    await stage.answer_to("!optin", starts="👂")
    await stage.ada.send_voice_message(general, b"OggS" + bytes(200), 2.0)
    assert await stage.told("❌") == BROKEN.format(name="voice-message.ogg")
    assert [event for event in stage.events if isinstance(event, PromptTaken)] == []


async def test_a_private_voice_message_is_heard_without_a_call(stage: Stage, model: ScriptedModel) -> None:
    private = stage.ada.dm_channel
    spoken = await stage.ada.send_voice_message(private, *await voice_message(PIZZA))
    answer = await stage.ada.wait_for_message(private, lambda m: m.author.bot, LIMIT, after=spoken)
    assert answer.content == "I see."
    assert model.asked[-1][-1]["content"] == f"Ada: {PIZZA}"

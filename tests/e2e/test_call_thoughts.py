"""The model's thoughts in a call, and lines that it invents for other people, are neither spoken nor stored.

The first reply is an exception: its thought is spoken, because nothing shows yet that it is a thought.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.voice.events import WordsSpoken
from bot.voice.turn import Outcome
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel

ANSWERS = {
    "one": "She greets me. </think> Hello there.",
    "two": "She asks again. </think> Hello again.",
    "three": "<|channel|>analysis<|message|>Three.<|end|><|start|>assistant<|channel|>final<|message|>Third one.",
    "four": "Seiyuu: Fourth one.\nAda: Hi!\nSeiyuu: How are you?",
    "five": "Half \ud83d an emoji.",
}


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(lambda line: Answer(ANSWERS[line.split()[-1]])) as model:
        yield model


async def spoken(stage: Stage, text: str) -> str:
    """Ada types. Returns the words of the bot's reply."""
    before, turns = len(stage.events), len(stage.traces)
    await stage.ask(text)
    trace = (await stage.turns(turns + 1))[-1]
    assert trace.outcome is Outcome.SPOKEN
    clauses = [event.text for event in stage.events[before:] if isinstance(event, WordsSpoken)]
    return " ".join(" ".join(clauses).split())


async def test_the_models_thoughts_and_the_lines_it_invents_for_others_are_neither_heard_nor_remembered(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel
) -> None:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url, llm_context_messages=20) as stage:
        await stage.join()
        # Before the first reply, nothing shows that this model begins inside a thought.
        assert (await spoken(stage, "Say one")).endswith("Hello there.")
        assert await spoken(stage, "Say two") == "Hello again."
        assert await spoken(stage, "Say three") == "Third one."
        assert await spoken(stage, "Say four") == "Fourth one."
        assert "an emoji." in await spoken(stage, "Say five")
        await spoken(stage, "Say two")
    remembered = [message["content"] for message in model.asked[-1] if message["role"] == "assistant"]
    # The first reply is not remembered, since it began with a thought that was said aloud.
    assert remembered == ["Hello again.", "Third one.", "Fourth one.", "Half \ufffd an emoji."]
    said = " ".join(message["content"] for message in model.asked[-1][1:])
    assert "greets" not in said
    assert "asks again" not in said

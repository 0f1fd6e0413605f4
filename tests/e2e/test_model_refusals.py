"""Tests of a model server that is not ready, or finds the history too long: the call waits, says so, and goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.voice.turn import Outcome
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel

WAKING = "One moment, my mind is waking up."


class SleepyScript:
    """A model server that is loading for as long as the test wants. ``looked`` counts the requests meanwhile."""

    def __init__(self) -> None:
        self.loading = False
        self.looked = 0

    def __call__(self, line: str) -> Answer:
        if self.loading:
            self.looked += 1
            return Answer("", Fault.LOADING)
        return Answer("All is well.")


@pytest.fixture
def script() -> SleepyScript:
    return SleepyScript()


@pytest.fixture
async def model(script: SleepyScript) -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(script) as model:
        yield model


@pytest.fixture
async def talk(make_stage: StageMaker, speech_server: str, model: ScriptedModel) -> AsyncIterator[Stage]:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage:
        await stage.join()
        yield stage


async def test_the_bot_says_that_its_model_is_loading_and_then_answers(
    talk: Stage, model: ScriptedModel, script: SleepyScript
) -> None:
    script.loading = True
    await talk.ask("what's up?")
    await talk.until(lambda: "waking up." in talk.spoken, "the word that it takes a moment")
    script.loading = False
    (trace,) = await talk.turns(1)
    assert trace.outcome is Outcome.SPOKEN
    assert trace.underruns == 0
    assert " ".join(talk.spoken.split()) == f"{WAKING} All is well."
    await talk.ask("and now?")
    await talk.turns(2)
    assert talk.spoken.count("waking up") == 1
    assert not any("waking" in message["content"] for message in model.asked[-1])
    assert any("All is well." in message["content"] for message in model.asked[-1])


async def test_a_model_that_loads_for_a_second_is_waited_for_in_silence(talk: Stage, script: SleepyScript) -> None:
    script.loading = True
    await talk.ask("what's up?")
    await talk.until(lambda: script.looked >= 2, "a second look")
    script.loading = False
    (trace,) = await talk.turns(1)
    assert trace.outcome is Outcome.SPOKEN
    assert talk.spoken == "All is well."


async def test_stop_ends_the_wait_for_a_loading_model_at_once(talk: Stage, script: SleepyScript) -> None:
    script.loading = True
    await talk.ask("what's up?")
    await talk.until(lambda: script.looked >= 1, "the first look")
    await talk.answer_to("!stop", starts="🤫 Stopped")
    (trace,) = await talk.turns(1)
    assert trace.outcome is Outcome.INTERRUPTED
    script.loading = False
    await talk.ask("and now?")
    traces = await talk.turns(2)
    assert traces[-1].outcome is Outcome.SPOKEN
    assert talk.spoken == "All is well."


async def test_leaving_ends_the_wait_for_a_loading_model_too(talk: Stage, script: SleepyScript) -> None:
    script.loading = True
    await talk.ask("what's up?")
    await talk.until(lambda: script.looked >= 1, "the first look")
    await talk.answer_to("!leave", starts="👋 Left")
    looked = script.looked
    await talk.join()
    script.loading = False
    await talk.ask("and now?")
    await talk.until(lambda: "All is well." in talk.spoken, "the answer in the next call")
    assert script.looked == looked


async def test_a_call_whose_history_grows_too_long_goes_on(make_stage: StageMaker, speech_server: str) -> None:
    async with ScriptedModel(lambda _: Answer("All is well."), context=2_048) as model:
        settings = {"tts_websocket_url": speech_server, "llm_url": model.url, "llm_context_messages": 40}
        async with make_stage(**settings) as stage:
            await stage.join()
            for number in range(1, 4):
                await stage.ask("日本語の長い話。" * 200)
                traces = await stage.turns(number)
                assert traces[-1].outcome is Outcome.SPOKEN
            assert model.refused == 1, "after the first refusal, the bot sends no more than fits"
            assert "日本語" in model.asked[-1][-1]["content"]

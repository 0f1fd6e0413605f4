"""A slow tool in a call: people hear a remark and then, perhaps late, the answer, unless they interrupt."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.llm import tool_loop
from bot.llm.personas import load_persona
from bot.llm.spoken_lines import load_spoken_lines
from bot.llm.tools import Toolbox, ToolDescription
from bot.tools.tool import Asker, Effect, ToolResult
from bot.tools.toolset import Toolset
from bot.voice.events import PromptTaken, ReplyEnded, WordsSpoken
from bot.voice.turn import Outcome
from tests.e2e.conftest import LIMIT, Stage, StageMaker, serving_tones
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import UTTERANCES, Since, talk

QUESTION, RESULT, ANSWER = "Will it rain?", "Rain from noon on.", "It rains from noon on."
OTHER_ANSWER = "Very well."
REMARKS = load_persona("seiyuu").waiting.soon["en"]
LATE_REMARKS = load_spoken_lines().waiting.late["en"]


class SlowForecast:
    """A tool that takes as long as the test wants. ``began`` counts all its runs, ``running`` those that go on."""

    description = ToolDescription("forecast", "Tells the weather.", {"type": "object", "properties": {}})
    effect = Effect.NONE

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.began = 0
        self.running = 0

    def may_use(self, asker: Asker) -> bool:
        return True

    def asked_for(self, words: str, arguments: Mapping[str, Any]) -> bool:
        return True

    async def run(self, arguments: Mapping[str, Any], asker: Asker) -> ToolResult:
        self.began += 1
        self.running += 1
        try:
            await self.may_end.wait()
        finally:
            self.running -= 1
        return ToolResult(RESULT)


def script(line: str) -> Answer:
    if any(utterance in line for utterance in UTTERANCES):
        return Answer(OTHER_ANSWER)
    return Answer(ANSWER) if RESULT in line else Answer(calls=("forecast",))


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(script) as model:
        yield model


@pytest.fixture
def forecast(monkeypatch: pytest.MonkeyPatch) -> SlowForecast:
    """The only tool of all calls."""
    forecast = SlowForecast()

    def toolbox_at(_: object, server: int, channel: int | None = None, *, patient: bool, call: str) -> Toolbox:
        return Toolset(lambda: [forecast], server, channel)

    monkeypatch.setattr("bot.call_factory.toolbox_at", toolbox_at)
    return forecast


@pytest.fixture
async def stage(
    make_stage: StageMaker, model: ScriptedModel, forecast: SlowForecast, tmp_path: Path
) -> AsyncIterator[Stage]:
    async with (
        serving_tones(tmp_path) as voice,
        make_stage(tts_websocket_url=voice, llm_url=model.url, answer_to="always") as stage,
    ):
        await stage.join()
        yield stage


async def hear_a_remark(stage: Stage, since: Since) -> None:
    """Ada types the question, and hears a remark."""
    before = stage.ada.voice.receiver.count(stage.bot)
    await stage.ask(QUESTION)
    await stage.until(lambda: since.all(WordsSpoken), "a remark")
    await stage.until(lambda: stage.ada.voice.receiver.count(stage.bot) > before, "its sound")
    assert any(remark.startswith(since.words) for remark in REMARKS)


async def test_a_remark_is_heard_while_a_tool_runs_and_then_the_answer(
    stage: Stage, model: ScriptedModel, forecast: SlowForecast
) -> None:
    since = Since(stage)
    await hear_a_remark(stage, since)
    await stage.ada.voice.receiver.wait_for_silence(stage.bot, 0.3, timeout=LIMIT)
    remark = stage.ada.voice.receiver.count(stage.bot)
    forecast.may_end.set()
    (trace,) = await stage.turns(1)
    assert trace.outcome is Outcome.SPOKEN
    assert trace.underruns == 0, "the wait is no gap in the sound"
    (ended,) = since.all(ReplyEnded)
    assert ended.heard == ANSWER, "the remark is no part of the answer"
    assert stage.ada.voice.receiver.count(stage.bot) > remark
    assert (forecast.began, forecast.running) == (1, 0)
    await stage.ask(UTTERANCES[0])
    await stage.turns(2)
    remembered = "\n".join(str(message["content"]) for message in model.asked[-1])
    assert ANSWER in remembered
    assert not any(remark in remembered for remark in REMARKS)


async def test_an_interruption_ends_the_tool_and_its_reply(stage: Stage, forecast: SlowForecast) -> None:
    since = Since(stage)
    ben = await stage.sandbox.add_guest("Ben")
    await ben.join_voice(stage.sandbox.home.lounge)
    await hear_a_remark(stage, since)
    assert forecast.running == 1
    await talk(ben, UTTERANCES[0])
    interrupted, answered = await stage.turns(2)
    assert (interrupted.outcome, answered.outcome) == (Outcome.INTERRUPTED, Outcome.SPOKEN)
    assert (forecast.began, forecast.running) == (1, 0)
    first, second = since.all(ReplyEnded)
    assert (first.heard, second.heard) == ("", OTHER_ANSWER)


async def test_a_late_result_is_told_after_another_turn_and_calls_no_tool(
    stage: Stage, model: ScriptedModel, forecast: SlowForecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_loop, "LATE_AFTER", 1.0)
    since = Since(stage)
    await stage.ask(QUESTION)
    (promise,) = await stage.turns(1)
    assert promise.outcome is Outcome.SPOKEN
    (ended,) = since.all(ReplyEnded)
    assert ended.heard in LATE_REMARKS
    assert forecast.running == 1
    await talk(stage.ada, UTTERANCES[0])
    await stage.turns(2)
    assert forecast.running == 1, "talk about something else does not end the tool"
    before = stage.ada.voice.receiver.count(stage.bot)
    forecast.may_end.set()
    (*_, told) = await stage.turns(3)
    assert told.outcome is Outcome.SPOKEN
    assert [event.heard for event in since.all(ReplyEnded)][1:] == [OTHER_ANSWER, ANSWER]
    assert stage.ada.voice.receiver.count(stage.bot) > before
    assert (forecast.began, forecast.running) == (1, 0)
    assert RESULT in str(model.asked[-1][-1]["content"])
    assert [event.late for event in since.all(PromptTaken)] == [False, False, True]


async def test_a_late_tool_ends_with_the_call(
    stage: Stage, forecast: SlowForecast, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tool_loop, "LATE_AFTER", 1.0)
    await stage.ask(QUESTION)
    await stage.turns(1)
    assert forecast.running == 1
    await stage.answer_to("!leave")
    await stage.until(lambda: forecast.running == 0, "the end of the tool")

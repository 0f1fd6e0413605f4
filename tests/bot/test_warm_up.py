"""Tests of loading the engines at the start: it ends when all are loaded, and a failed one is tried again."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, datetime

import pytest
from pydantic import SecretStr

from bot.llm.client import ModelClient
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.personas import Character, Persona
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.speech_server.errors import SpeechUnavailable
from bot.voice.transcribe.transcriber import TranscriptionError
from bot.warm_up import FIRST_PAUSE, MAX_PAUSE, warm_model, warm_transcriber, warm_up_engines
from config import hosts
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.voice.turn_taking.harness import ManualTranscriber

SEIYUU = Persona(name="Seiyuu", also_called=(), description="x", moods={"calm": "calm."}, default_mood="calm")
CALM = Character("seiyuu", SEIYUU, "calm")


class Part:
    """A part that is loaded after some attempts."""

    def __init__(self, *errors: Exception) -> None:
        self.errors = [*errors]
        self.tries = 0

    async def __call__(self) -> None:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)


async def test_all_parts_are_loaded_and_a_failing_one_is_reported_once_and_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        await asyncio.sleep(0)

    mind = Part(*(ModelError(ModelErrorKind.UNREACHABLE, "it is away") for _ in range(7)))
    ears, voice = Part(TranscriptionError("no model")), Part()
    with caplog.at_level(logging.WARNING):
        await warm_up_engines({"ears": ears, "mind": mind, "voice": voice}, sleep=sleep)
    assert (ears.tries, mind.tries, voice.tries) == (2, 8, 1)
    assert sorted(pauses) == [FIRST_PAUSE, FIRST_PAUSE, 60.0, 120.0, 240.0, 480.0, MAX_PAUSE, MAX_PAUSE]
    assert sorted(record.getMessage() for record in caplog.records) == [
        "Not ready yet: ears: no model",
        "Not ready yet: mind: it is away",
    ]


async def test_the_warm_up_does_not_end_before_all_parts_are_loaded() -> None:
    asleep = asyncio.Event()

    async def sleep(_: float) -> None:
        asleep.set()
        await asyncio.Event().wait()

    warming = asyncio.create_task(
        warm_up_engines({"ears": Part(), "voice": Part(SpeechUnavailable("away"))}, sleep=sleep)
    )
    await asleep.wait()
    assert not warming.done()
    warming.cancel()
    await asyncio.gather(warming, return_exceptions=True)


class Ears(ManualTranscriber):
    """A transcriber that records its calls."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []

    async def warm_up(self) -> None:
        self.told.append("warm up")

    async def release_memory(self) -> None:
        self.told.append("rest")


@pytest.mark.parametrize(("in_call", "told"), [(False, ["warm up", "rest"]), (True, ["warm up"])])
async def test_the_transcriber_rests_again_unless_a_call_needs_it(in_call: bool, told: list[str]) -> None:
    ears = Ears()
    await warm_transcriber(ears, lambda: in_call)
    assert ears.told == told


@pytest.mark.parametrize(("paid", "warmed"), [(True, 0), (False, 1)])
async def test_a_model_server_that_costs_money_is_asked_for_no_answer_at_the_start(
    paid: bool, warmed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "is_local", lambda url: not paid)
    async with (
        ScriptedModel(lambda _: Answer("Hello.")) as server,
        ModelClient(ModelOptions(server.url, api_key=SecretStr("sk-1"))) as client,
    ):
        await warm_model(client, CALM, lambda: datetime(2026, 11, 26, tzinfo=UTC), load_small_prompts())
    assert (server.asked, len(server.warmed)) == ([], warmed)

"""Tests of transcribers that answer badly, hang or fail during a call: what people notice."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager

import psutil
import pytest
from aiohttp import web

from bot.voice.transcribe.worker_process import WORKER
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import Answer as Reply
from tests.e2e.scripted_model import ScriptedModel
from tests.e2e.talking import UTTERANCES, Since, join_people, talk
from tests.voice.transcribe.scripted_server import Asked, ScriptedRecogniser, answering, in_pieces, serving


@pytest.fixture(autouse=True)
def forked_recognisers() -> None:
    """No transcriber is forked in these tests. The bot starts its own, and a test suspends it."""


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(lambda _: Reply("All is well.")) as model:
        yield model


def heard_by(
    make_stage: StageMaker, server: ScriptedRecogniser, speech_server: str, model: ScriptedModel
) -> AbstractAsyncContextManager[Stage]:
    """A stage whose bot uses this transcription server."""
    return make_stage(tts_websocket_url=speech_server, llm_url=model.url, stt_url=server.url)


async def test_an_answer_in_pieces_is_understood_and_invented_credits_are_dropped(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel
) -> None:
    phantom = False

    async def answer(request: web.Request, asked: Asked) -> web.StreamResponse:
        if phantom:
            return web.json_response({"text": "Thank you for watching!"})
        return await in_pieces('{"text":"', 'Hello, everybody."}')(request, asked)

    async with serving(answer) as server, heard_by(make_stage, server, speech_server, model) as stage:
        await stage.join()
        since = Since(stage)
        await talk(stage.ada, UTTERANCES[0])
        await stage.turns(1)
        assert since.prompts == [("Ada", "Hello, everybody.")]
        phantom, asked = True, len(server.asked)
        await talk(stage.ada, "Huh.")
        await stage.until(lambda: len(server.asked) > asked, "a request with the sound")
        await asyncio.sleep(1.0)
        assert since.utterances == [("Ada", "Hello, everybody.")]


async def test_a_failing_server_is_reported_in_the_prompt_channel_and_the_next_turn_is_heard(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel
) -> None:
    broken = False

    async def answer(request: web.Request, asked: Asked) -> web.StreamResponse:
        return await answering("", 500)(request, asked) if broken else web.json_response({"text": "Hello."})

    async with serving(answer) as server, heard_by(make_stage, server, speech_server, model) as stage:
        await stage.join()
        since, broken = Since(stage), True
        await talk(stage.ada, UTTERANCES[0])
        assert "500" in await stage.told("🙉")
        broken = False
        await talk(stage.ada, UTTERANCES[1])
        await stage.turns(1)
        assert since.prompts == [("Ada", "Hello.")]


async def test_a_recogniser_that_hangs_during_a_call_costs_a_short_delay_and_no_turn(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel
) -> None:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage:
        await stage.join()
        since = Since(stage)
        await talk(stage.ada, UTTERANCES[0])
        await stage.turns(1)
        for process in recognisers():
            process.suspend()
        hung_at = time.monotonic()
        await talk(stage.ada, UTTERANCES[1])
        await stage.turns(2)
        assert time.monotonic() - hung_at < 15.0
        assert since.prompts == [("Ada", UTTERANCES[0]), ("Ada", UTTERANCES[1])]


def recognisers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if tuple(child.cmdline()[-2:]) == WORKER]


async def test_among_three_people_a_name_in_japanese_addresses_the_bot(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel
) -> None:
    words = "今何時"

    async def answer(_: web.Request, __: Asked) -> web.StreamResponse:
        return web.json_response({"text": words})

    async with serving(answer) as server, heard_by(make_stage, server, speech_server, model) as stage:
        await stage.join()
        await join_people(stage, "Ben", "Cleo")
        since = Since(stage)
        await talk(stage.ada, UTTERANCES[0])
        await since.heard_count(1)
        words = "ねえSeiyuu今何時"
        await talk(stage.ada, UTTERANCES[1])
        await stage.turns(1)
        assert since.prompts == [("Ada", words)]

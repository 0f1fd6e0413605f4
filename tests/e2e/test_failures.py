"""Tests of engines that fail during a call: the user is told, the call goes on, and the next prompt works."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator

import pytest

from bot.speech_server_process import SpeechServerOptions, SpeechServerProcess
from bot.voice.dialogue.reply import VOICE_FAILED
from bot.voice.events import WordsSpoken
from bot.voice.turn import Outcome
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel
from tests.free_ports import free_port

LONG = " ".join(f"This is sentence {number} of a long answer." for number in range(1, 30))
SCRIPT = {
    "break": Answer("", Fault.STATUS_500),
    "silent": Answer("", Fault.SILENT),
    "stall": Answer("It begins well,", Fault.STALL),
    "garble": Answer("It begins well.", Fault.BROKEN_JSON),
    "hang up": Answer("It begins well.", Fault.HANG_UP),
    "long": Answer(LONG),
}


def script(line: str) -> Answer:
    return next((answer for word, answer in SCRIPT.items() if word in line.splitlines()[-1]), Answer("All is well."))


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(script) as model:
        yield model


@pytest.fixture
async def talk(make_stage: StageMaker, speech_server: str, model: ScriptedModel) -> AsyncIterator[Stage]:
    limits = {"llm_first_token_timeout": 1.0, "llm_stall_timeout": 1.0, "llm_connect_timeout": 1.0}
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url, **limits) as stage:
        await stage.join()
        yield stage


async def next_prompt_works(stage: Stage) -> None:
    await stage.answered("and now?")
    assert stage.traces[-1].outcome is Outcome.SPOKEN


@pytest.mark.parametrize(("word", "told"), [("break", "500"), ("garble", ""), ("hang up", "")])
async def test_a_failure_of_the_model_server_is_reported_in_the_channel(talk: Stage, word: str, told: str) -> None:
    assert told in await talk.answer_to(f"please {word}", starts="❌")
    await talk.turns(1)
    await next_prompt_works(talk)


@pytest.mark.parametrize("word", ["silent", "stall"])
async def test_when_a_model_server_falls_silent_the_persona_says_so(talk: Stage, word: str) -> None:
    await talk.ask(f"please {word}")
    (trace,) = await talk.turns(1)
    assert trace.outcome is Outcome.SPOKEN
    assert any(isinstance(event, WordsSpoken) and "seems confused" in event.text for event in talk.events)
    await next_prompt_works(talk)


async def test_an_unreachable_model_server_is_reported(make_stage: StageMaker, speech_server: str) -> None:
    async with make_stage(tts_websocket_url=speech_server, llm_url="http://127.0.0.1:9/v1") as stage:
        await stage.join()
        assert "127.0.0.1:9" in await stage.answer_to("hello", starts="❌")


async def test_stop_closes_the_stream_of_the_model(talk: Stage, model: ScriptedModel) -> None:
    await talk.ask("please stall")
    await talk.until(lambda: model.open_streams == 1, "the stream")
    await talk.answer_to("!stop", starts="🤫 Stopped")
    await talk.until(lambda: model.open_streams == 0, "the end of the stream")
    await next_prompt_works(talk)


async def test_without_a_speech_server_join_says_so_and_leaves_nothing(make_stage: StageMaker) -> None:
    async with make_stage(tts_websocket_url="ws://127.0.0.1:9/ws/stream") as stage:
        assert "127.0.0.1:9" in await stage.answer_to("!join", starts="❌ TTS pipeline not available.")
        assert stage.app.calls.current_on(stage.sandbox.guild.id) is None
        assert stage.sandbox.guild.voice_states.keys() == {stage.ada.id}


@pytest.fixture
async def mortal_server() -> AsyncIterator[SpeechServerProcess]:
    # A lost server is started again at the same port, which the system must give to nobody else meanwhile.
    server = SpeechServerProcess(SpeechServerOptions(f"127.0.0.1:{free_port()}"))
    await server.start()
    yield server
    await server.stop()


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "hung"])
async def test_a_speech_server_that_is_lost_mid_sentence_comes_back_within_15_seconds_and_nothing_is_lost(
    make_stage: StageMaker, mortal_server: SpeechServerProcess, model: ScriptedModel, end: signal.Signals
) -> None:
    async with make_stage(tts_websocket_url=mortal_server.url, llm_url=model.url) as stage:
        await stage.join()
        await stage.ask("a long one")
        await stage.until(lambda: any(isinstance(e, WordsSpoken) for e in stage.events), "the first words")
        lost, lost_at = mortal_server.pid, time.monotonic()
        assert lost is not None
        os.kill(lost, end)
        replacing = asyncio.create_task(_replaced_at(mortal_server, lost))
        told = await stage.told(VOICE_FAILED[:4])
        (trace,) = await stage.turns(1)
        silent_at = time.monotonic()
        assert trace.outcome is Outcome.WRITTEN
        spoken = stage.spoken.split()
        written = told.removeprefix(VOICE_FAILED).split()
        assert written, "the rest was posted"
        assert LONG.split()[-len(written) :] == written
        assert LONG.split()[: len(spoken)] == spoken
        assert len(spoken) + len(written) >= len(LONG.split()), "no word is missing"
        call = stage.app.calls.current_on(stage.sandbox.guild.id)
        assert call is not None, "the call goes on"
        assert await replacing - lost_at < 15.0
        await stage.until(lambda: call.voice_connected, "the voice")
        # Sound that had arrived before the loss is still heard. If it ends late, the voice is back soon after its end.
        assert time.monotonic() - lost_at < 15.0 or time.monotonic() - silent_at < 1.5
        await next_prompt_works(stage)


async def _replaced_at(server: SpeechServerProcess, lost: int) -> float:
    async with asyncio.timeout(LIMIT):
        while server.pid in (lost, None):
            await asyncio.sleep(0.05)
    return time.monotonic()


async def test_answers_are_written_while_the_speech_server_is_away(
    make_stage: StageMaker, mortal_server: SpeechServerProcess, model: ScriptedModel
) -> None:
    async with make_stage(tts_websocket_url=mortal_server.url, llm_url=model.url) as stage:
        await stage.join()
        await mortal_server.stop()
        call = stage.app.calls.current_on(stage.sandbox.guild.id)
        assert call is not None
        await stage.until(lambda: not call.voice_connected, "the loss of the voice")
        assert await stage.answer_to("hello", starts="⚠️") == VOICE_FAILED + "All is well."
        assert "away" in await stage.answer_to("!voice-status", starts="🎤")

"""Tests of calls whose voice is a server that sends bare sound, without any event."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from bot.speech_server import plain_stream
from bot.speech_server.plain_reply import PlainLimits
from bot.voice.dialogue.reply import VOICE_FAILED
from bot.voice.events import ReplyEnded, WordsSpoken
from bot.voice.turn import Outcome
from sandbox.bare_speech import BareSpeechServer
from tests.e2e.barging_in import ANSWER, STORY, story_or_answer
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.scripted_model import ScriptedModel
from tests.e2e.talking import UTTERANCES, talk, voiced
from tests.voice.effects import only


@pytest.fixture
async def voice() -> AsyncIterator[BareSpeechServer]:
    async with BareSpeechServer(speed=4.0) as server:
        yield server


@pytest.fixture
async def stage(
    make_stage: StageMaker, voice: BareSpeechServer, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Stage]:
    # With the usual limit, the test would wait for twenty seconds.
    monkeypatch.setattr(plain_stream, "PlainLimits", lambda: PlainLimits(first_sound=1.0))
    async with (
        ScriptedModel(story_or_answer) as model,
        make_stage(tts_websocket_url=voice.url, llm_url=model.url) as stage,
    ):
        await stage.join()
        yield stage


async def test_an_answer_is_heard_and_an_interrupted_one_ends_in_the_history_about_where_its_sound_ended(
    stage: Stage,
) -> None:
    before = stage.ada.voice.receiver.count(stage.bot)
    await stage.ask("a story, please")
    (told,) = await stage.turns(1)
    assert told.outcome is Outcome.SPOKEN
    assert told.audio == pytest.approx(len(STORY) * 1000 / 15, abs=100)
    await stage.ada.voice.receiver.wait_for_silence(stage.bot, 0.2, timeout=LIMIT)
    heard = stage.ada.voice.receiver.packets(stage.bot)[before:]
    assert len(heard) * 20 >= told.audio

    await voiced("Ada", UTTERANCES[0])
    await stage.ask("the same story again")
    begun = stage.ada.voice.receiver.count(stage.bot)
    await stage.until(
        lambda: stage.ada.voice.receiver.count(stage.bot) >= begun + 75, "one and a half seconds of the second story"
    )
    await talk(stage.ada, UTTERANCES[0])
    _, cut, answered = await stage.turns(3)
    assert (cut.outcome, answered.outcome) == (Outcome.INTERRUPTED, Outcome.SPOKEN)
    history = only(ReplyEnded, stage.events)[1].heard
    assert history
    assert STORY.startswith(history)
    # The stand-in speaks 15 characters a second.
    assert len(history) == pytest.approx(cut.audio * 15 / 1000, abs=12)
    assert only(ReplyEnded, stage.events)[2].heard == ANSWER


@pytest.mark.parametrize("end", ["killed", "hung", "out of memory"])
async def test_when_the_voice_is_lost_the_answer_is_written_and_the_call_goes_on(
    stage: Stage, voice: BareSpeechServer, end: str
) -> None:
    if end == "hung":
        voice.hang()
        await stage.ask("a story, please")
    elif end == "killed":
        await stage.ask("a story, please")
        await stage.until(lambda: only(WordsSpoken, stage.events), "the first words")
        voice.die()
    else:
        voice.change = lambda frame: ['{"error": "out of memory"}']
        await stage.ask("a story, please")
    told = (await stage.told(VOICE_FAILED[:4])).removeprefix(VOICE_FAILED)
    assert told
    (trace,) = await stage.turns(1)
    assert trace.outcome is Outcome.WRITTEN
    if end == "killed":
        await voice.start()
    voice.change = lambda frame: [frame]
    voice.go_on()
    call = stage.app.calls.current_on(stage.sandbox.guild.id)
    assert call is not None, "the call goes on"
    await stage.until(lambda: call.voice_connected, "the voice")
    await stage.ask("a story, please")
    assert (await stage.turns(2))[1].outcome is Outcome.SPOKEN

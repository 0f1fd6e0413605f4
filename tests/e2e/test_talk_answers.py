"""Tests of spoken answers: speech to the bot is answered once and completely, other speech is not answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from bot.voice.events import CallEnded
from bot.voice.turn import Outcome
from sandbox.recogniser import SentenceRecogniser
from sandbox.voice.microphone import OpenMicrophone, SimulatedMicrophone, VoiceActivity
from sandbox.voice.opus import SAMPLE_RATE
from tests.e2e.conftest import LIMIT, Stage, StageMaker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.e2e.talking import (
    BEGINNING,
    WHOLE,
    Loudspeakers,
    Since,
    bot_speaks,
    check_whole,
    hesitate,
    join_people,
    talk,
    voiced,
)
from tests.features.talk import let_manage
from tests.tones import silence
from toys.llm.phrases import TOY_PHRASES

SONG = "A quick brown fox jumps over nine dogs."
ASKED = "Do you remember the summer holidays?"


def script(line: str) -> Answer:
    if line.endswith(WHOLE):
        return Answer("Sunshine for everybody.")
    if line.endswith(ASKED):
        return Answer(f"You asked me: {ASKED}")
    return Answer("Half a thought.") if line.endswith(BEGINNING) else Answer(SONG)


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(script) as model:
        yield model


@pytest.fixture
async def stage(make_stage: StageMaker, speech_server: str, model: ScriptedModel) -> AsyncIterator[Stage]:
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url) as stage:
        await stage.join()
        yield stage


async def test_a_spoken_question_gets_a_spoken_answer(make_stage: StageMaker, speech_server: str) -> None:
    answers = [phrase.answer for phrase in TOY_PHRASES if phrase.answer.isascii()]
    async with make_stage(tts_websocket_url=speech_server) as stage:
        await stage.join()
        since = Since(stage)
        await talk(stage.ada, "How are you?")
        (trace,) = await stage.turns(1)
        assert trace.outcome is Outcome.SPOKEN
        assert trace.prompt_tokens is not None
        assert trace.cached_tokens is not None
        assert trace.prompt_tokens / 2 < trace.cached_tokens < trace.prompt_tokens, (
            "most of the prompt was read at the call's warm-up"
        )
        assert since.prompts == [("Ada", "How are you?")]
        match = SentenceRecogniser(answers).closest(stage.ada.voice.receiver.pcm(stage.bot), SAMPLE_RATE, answers)
        assert match.text == next(phrase.answer for phrase in TOY_PHRASES if phrase.question == "How are you?")
        assert match.agreement > 0.4


@pytest.mark.parametrize(
    ("microphone", "before"),
    [(VoiceActivity(), 0.0), (OpenMicrophone(before=0.5), 0.5)],
    ids=["voice activity", "open"],
)
async def test_a_person_who_pauses_and_goes_on_gets_one_answer_to_the_whole_utterance(
    stage: Stage, model: ScriptedModel, microphone: SimulatedMicrophone, before: float
) -> None:
    def speculated() -> bool:
        return any(messages[-1]["content"].endswith(BEGINNING) for messages in model.asked)

    since = Since(stage)
    await hesitate(stage.ada, microphone, before, until=speculated)
    (trace,) = await stage.turns(1)
    assert since.prompts == [("Ada", WHOLE)]
    assert since.words == "Sunshine for everybody."
    assert speculated()
    await stage.ada.voice.receiver.wait_for_silence(stage.bot, 0.1, timeout=LIMIT)
    check_whole(trace, stage.ada.voice.receiver.packets(stage.bot))


async def test_the_voice_of_the_bot_from_loudspeakers_is_neither_answered_nor_an_interruption(
    stage: Stage,
) -> None:
    receiver, since = stage.ada.voice.receiver, Since(stage)
    echoing = asyncio.create_task(stage.ada.voice.speak(silence(6), Loudspeakers(receiver, stage.bot)))
    await stage.ask("Sing.")
    (sung,) = await stage.turns(1)
    await echoing
    assert sung.outcome is Outcome.SPOKEN
    await receiver.wait_for_silence(stage.bot, 0.1, timeout=LIMIT)
    check_whole(sung, receiver.packets(stage.bot))
    assert since.words == SONG
    assert since.utterances == []


async def test_a_person_who_repeats_a_question_right_after_the_bot_said_it_is_answered_again(stage: Stage) -> None:
    since = Since(stage)
    for number in range(1, 4):
        await talk(stage.ada, ASKED)
        assert (await stage.turns(number))[-1].outcome is Outcome.SPOKEN
    assert since.prompts == [("Ada", ASKED)] * 3


async def test_utterances_to_others_are_not_answered_but_the_next_answer_knows_them(
    stage: Stage, model: ScriptedModel
) -> None:
    (ben,) = await join_people(stage, "Ben")
    since = Since(stage)
    await talk(stage.ada, "Ben, did you see the game?")
    await since.heard_count(1)
    await talk(ben, "Seiyuu, what time is it?")
    await stage.turns(1)
    assert since.prompts == [("Ben", "Seiyuu, what time is it?")]
    assert model.asked[-1][-1]["content"] == "Ada: Ben, did you see the game?\nBen: Seiyuu, what time is it?"


async def test_two_people_who_ask_at_once_are_answered_one_after_the_other(stage: Stage) -> None:
    (ben,) = await join_people(stage, "Ben")
    since = Since(stage)
    asked = [("Ada", "Seiyuu, tell me a joke."), ("Ben", "Seiyuu, can you sing something?")]
    for who, text in asked:
        await voiced(who, text)
    # Both begin now, so that Ada, whose question is shorter, has finished first.
    await asyncio.gather(talk(stage.ada, asked[0][1]), talk(ben, asked[1][1]))
    first, second = await stage.turns(2)
    assert (first.outcome, second.outcome) == (Outcome.SPOKEN, Outcome.SPOKEN)
    assert since.prompts == asked
    assert since.words.split() == SONG.split() * 2


async def test_spoken_commands_of_people_who_may_not_give_them_are_refused(
    make_stage: StageMaker, speech_server: str, model: ScriptedModel
) -> None:
    managers: dict[str, Any] = {"who_may_leave": "managers", "who_may_control": "managers", "barge_in": "nobody"}
    async with make_stage(tts_websocket_url=speech_server, llm_url=model.url, **managers) as stage:
        await stage.join()
        since = Since(stage)
        await voiced("Ada", "Stop.")
        await stage.ask("Sing.")
        await bot_speaks(stage, stage.ada, after=0.5)
        await talk(stage.ada, "Stop.")
        (sung,) = await stage.turns(1)
        assert sung.outcome is Outcome.SPOKEN
        await stage.told("🔒 Ada: I may not do that for you. It is for people who may manage this server.")
        await talk(stage.ada, "Seiyuu, leave the voice channel.")
        await stage.turns(2)
        assert since.words.endswith("I may not do that for you. It is for people who may manage this server.")
        assert stage.app.calls.current_on(stage.sandbox.guild.id) is not None
        let_manage(stage.sandbox, stage.ada.id)
        # Without Discord's intent for members, a bot learns somebody's roles from what they write.
        await stage.answer_to("!voice-status", starts="🎤 **In**")
        await talk(stage.ada, "Seiyuu, leave the voice channel.")
        await stage.until(lambda: since.all(CallEnded), "the end of the call")


async def test_spoken_commands_are_obeyed(stage: Stage) -> None:
    since = Since(stage)
    await voiced("Ada", "Stop.")
    await stage.ask("Sing.")
    await bot_speaks(stage, stage.ada, after=0.5)
    await talk(stage.ada, "Stop.")
    (sung,) = await stage.turns(1)
    assert sung.outcome is Outcome.INTERRUPTED
    await since.heard(("Ada", "Stop."))
    await talk(stage.ada, "Seiyuu, what did I say?")
    await stage.turns(2)
    assert since.words.endswith("You said: Stop.")
    await talk(stage.ada, "Seiyuu, leave the voice channel.")
    await stage.until(lambda: since.all(CallEnded), "the end of the call")
    assert stage.bot not in stage.sandbox.guild.voice_states

"""Phone calls with the real bot over a line in memory: what callers hear, and what their words and keys do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator

import aiohttp
import numpy as np
import pytest

from audio.samples import Samples
from bot.llm.spoken_lines import PhoneSentence
from bot.voice.events import CallBegan, CallEnded, PromptTaken, Ready, ReplyEnded, WordsSpoken
from bot.voice.listening_notice import recording_began
from bot.voice.phone.people import CALLER, PHONE_PLACE
from bot.voice.phone.sentences import LEAD_IN
from bot.voice.turn import Outcome, Prompt
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from tests.e2e.conftest import StageMaker
from tests.e2e.phone_calls import TelephoneMaker, loudness, press, telephone_maker
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel
from tests.tones import silence
from tests.voice.effects import only
from tests.voice.phone.memory_line import MemoryLine

ASKED = ("What day is it today?", "How is the weather?", "Where are you from?")
"""Sentences that the toy transcriber knows over a telephone, too."""
LONG = " ".join(["A quick brown fox jumps over nine dogs."] * 6)


def script(line: str) -> Answer:
    if "I pressed 5" in line:
        return Answer(fault=Fault.STATUS_500)
    return Answer(LONG if "Sing" in line else "Sunshine for everybody.")


@pytest.fixture
async def model() -> AsyncIterator[ScriptedModel]:
    async with ScriptedModel(script) as model:
        yield model


@pytest.fixture
def make_telephone(make_stage: StageMaker, speech_server: str, model: ScriptedModel) -> TelephoneMaker:
    return telephone_maker(make_stage, tts_websocket_url=speech_server, llm_url=model.url)


async def test_a_caller_is_greeted_and_answered_three_times_and_the_call_is_a_call_like_any_other(
    make_telephone: TelephoneMaker, model: ScriptedModel
) -> None:
    async with make_telephone() as phone:
        stage = phone.stage
        threads = {each.name for each in threading.enumerate()}
        called_at = time.monotonic()
        line = phone.call(MemoryLine())
        await phone.talks()
        (greeting,) = only(PromptTaken, stage.events)
        assert greeting.recited
        assert greeting.at - called_at > LEAD_IN, "the greeting waits until the telephone has switched its earpiece on"
        assert "Seiyuu" in greeting.text
        assert loudness(line) > 0.05
        assert stage.app.manager.status().held
        for turn, text in enumerate(ASKED, start=1):
            await line.speak(np.concatenate([speech(text, ADAS_VOICE), silence(1.2)]))
            await phone.turns(1 + turn)
        assert [(each.author, each.text) for each in only(PromptTaken, stage.events)[1:]] == [
            (CALLER, text) for text in ASKED
        ]
        assert model.asked[-1][-1]["content"].endswith(ASKED[-1])
        assert "on the telephone" in model.asked[-1][0]["content"]
        line.end()
        (logged,) = await phone.over()
        await stage.until(lambda: only(CallEnded, stage.events), "the end")
        (began,) = only(CallBegan, stage.events)
        assert (began.transport, began.place, began.encrypted) == ("phone", "a phone call (…456)", False)
        assert logged.keys() == {"started", "ended", "transport", "number_sha256", "cause"}
        assert (logged["transport"], logged["cause"]) == ("sip", "caller hung up")
        assert logged["started"] < logged["ended"]
        assert "4930123456" not in json.dumps(logged)
        assert stage.app.manager.status().held == ()
        # Threads of asyncio's pool stay for later work.
        left = {each.name for each in threading.enumerate() if not each.name.startswith("asyncio")} - threads
        assert left == set()
        await stage.app.core.long_term.conversations.writer.flush()
        rows = await stage.app.database.rows("SELECT transport, place FROM conversations")
        assert rows == [("phone", "a phone call (…456)")]
        turns = await stage.app.database.rows("SELECT count(DISTINCT person) FROM turns WHERE person IS NOT NULL")
        assert turns[0][0] == 1


async def test_the_history_of_an_interrupted_answer_is_what_the_network_has_played(
    make_telephone: TelephoneMaker, model: ScriptedModel
) -> None:
    async with make_telephone() as phone:
        stage = phone.stage
        # Two seconds of sound are always on their way. After an interruption, the caller does not hear them.
        line = phone.call(MemoryLine(held=16_000))
        await phone.talks()
        call = next(iter(stage.app.manager.calls), None)
        assert call is not None
        call.say(Prompt(CALLER, "Sing.", time.monotonic(), person=call.transport.people.person))
        await stage.until(lambda: len(only(WordsSpoken, stage.events)) >= 5, "some sentences")
        press(line, "#")
        await phone.turns(2)
        sung = only(ReplyEnded, stage.events)[-1]
        assert sung.trace.outcome is Outcome.INTERRUPTED
        assert line.cleared == 1
        sent = " ".join(each.text for each in only(WordsSpoken, stage.events) if each.reply == sung.trace.reply).split()
        heard = sung.heard.split()
        assert heard == sent[: len(heard)]
        assert 0 < len(heard) <= len(sent) - 4, "two seconds of speech lay in the network"
        assert call._parts.history.newest(1)[0].text.split()[: len(heard)] == heard
        line.end()
        await phone.over()


async def test_words_of_the_caller_interrupt_and_what_lies_in_the_network_is_dropped(
    make_telephone: TelephoneMaker,
) -> None:
    async with make_telephone() as phone:
        stage = phone.stage
        line = phone.call(MemoryLine(held=1_600))
        # The caller's words are made now. Made while the bot sings, they would stop the event loop.
        asked = speech(ASKED[1], ADAS_VOICE)
        await phone.talks()
        call = next(iter(stage.app.manager.calls), None)
        assert call is not None
        call.say(Prompt(CALLER, "Sing.", time.monotonic(), person=call.transport.people.person))
        await stage.until(lambda: len(only(WordsSpoken, stage.events)) >= 3, "the song")
        await line.speak(np.concatenate([asked, silence(1.2)]))
        await phone.turns(3)
        sung, answered = only(ReplyEnded, stage.events)[1:]
        assert sung.trace.outcome is Outcome.INTERRUPTED
        assert line.cleared == 1
        assert answered.heard == "Sunshine for everybody."
        line.end()
        await phone.over()


async def test_keys_reach_the_model_and_the_star_repeats_the_last_answer(make_telephone: TelephoneMaker) -> None:
    async with make_telephone() as phone:
        stage = phone.stage
        line = phone.call(MemoryLine())
        await phone.talks()
        press(line, "42")
        await phone.turns(2)
        assert only(PromptTaken, stage.events)[-1].text == "I pressed 4 2 on the phone's keys."
        press(line, "*")
        await phone.turns(3)
        repeated = only(PromptTaken, stage.events)[-1]
        assert (repeated.recited, repeated.text) == (True, "Sunshine for everybody.")
        # A caller can't read that the model has failed, so it is said.
        press(line, "5")
        await phone.turns(5)
        assert [each.trace.outcome for each in only(ReplyEnded, stage.events)[3:]] == [Outcome.FAILED, Outcome.SPOKEN]
        assert only(PromptTaken, stage.events)[-1].text == "Sorry, I can't answer that right now."
        line.end()
        await phone.over()


async def test_the_sentences_for_callers_are_synthesized_at_the_start_and_none_during_a_greeting(
    make_telephone: TelephoneMaker,
) -> None:
    async with make_telephone() as phone:
        stage = phone.stage
        asked: list[str] = []
        speak = phone.calls._sentences._speak

        def noted(text: str) -> AsyncGenerator[Samples, None]:
            asked.append(text)
            return speak(text)

        phone.calls._sentences._speak = noted
        phone.calls.prepare()
        preparing = phone.calls._preparing
        assert preparing is not None
        await stage.until(preparing.done, "the sentences")
        assert len(asked) == len(PhoneSentence)
        line = phone.call(MemoryLine())
        await stage.until(lambda: only(PromptTaken, stage.events), "the greeting")
        second = phone.call(MemoryLine("+44171"))
        await stage.until(lambda: loudness(second) > 0.05, "the sentence for the second caller")
        assert len(asked) == len(PhoneSentence)
        await phone.talks()
        line.end()
        second.end()
        assert sorted(each["cause"] for each in await phone.over()) == ["caller hung up"] * 2


async def test_the_sentences_for_callers_are_synthesized_when_the_bot_becomes_ready(
    make_telephone: TelephoneMaker,
) -> None:
    async with make_telephone() as phone:
        phone.stage.app.core.watch(Ready())
        await phone.stage.until(
            lambda: phone.calls._sentences.ready(PhoneSentence.SWITCHED_OFF) is not None, "the sentences"
        )


async def test_a_caller_hears_that_a_recording_begins(make_telephone: TelephoneMaker) -> None:
    async with make_telephone(stt_language="de") as phone:
        stage = phone.stage
        line = phone.call(MemoryLine())
        await phone.talks()
        call = next(iter(stage.app.manager.calls), None)
        assert call is not None
        await call.recordings.start(recording_began("!", "Ada"))
        assert call.recordings.on
        spoken = [each.text.strip() for each in only(WordsSpoken, stage.events)]
        assert spoken[-1] == "Dieses Gespräch wird ab jetzt aufgezeichnet."
        line.end()
        await phone.over()


async def test_a_voice_can_be_chosen_for_the_telephone(make_stage: StageMaker, speech_server: str) -> None:
    async with make_stage(tts_websocket_url=speech_server, sip_bind="127.0.0.1:0") as stage:
        voices = f"{stage.app.web.server.url}api/voices"
        async with aiohttp.ClientSession() as session:
            async with session.get(voices) as answer:
                places = {each["id"]: each["name"] for each in (await answer.json())["places"]}
            assert places["phone"] == "On the telephone"
            async with session.put(f"{voices}/places/phone", json={"voice": None, "preset": "natural"}) as answer:
                assert answer.status == 200, await answer.text()
        assert stage.app.core.calls.manner(PHONE_PLACE).preset == "natural"
        assert stage.app.core.calls.manner(0).preset != "natural"


async def test_phone_calls_may_have_a_persona_of_their_own(make_telephone: TelephoneMaker) -> None:
    async with make_telephone(phone_persona="evil_seiyuu") as phone:
        core = phone.stage.app.core
        assert core.characters.at(PHONE_PLACE).file == "evil_seiyuu"
        assert core.characters.at(0).file == "seiyuu"

"""Phone calls with the real bot over a line in memory: talk, keys, the PIN, a second caller, and the ends."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import aiohttp
import numpy as np
import pytest

from audio.g711 import decode_g711
from audio.samples import Samples
from bot.call_elsewhere import CALL_ON_PHONE
from bot.calls import JOIN_FROM_PHONE
from bot.llm.spoken_lines import PhoneSentence
from bot.phone import phone_service
from bot.phone_calls import PhoneCalls
from bot.talk import build_talk
from bot.voice.call_life import CallState
from bot.voice.events import CallBegan, CallEnded, PromptTaken, Ready, ReplyEnded, WordsSpoken
from bot.voice.listening_notice import recording_began
from bot.voice.phone.answering import Admission
from bot.voice.phone.calls_log import FILE
from bot.voice.phone.line import LineEnd
from bot.voice.phone.people import CALLER, PHONE_PLACE
from bot.voice.phone.sentences import LEAD_IN
from bot.voice.turn import Outcome, Prompt
from config.settings import load_settings
from sandbox.speech import ADA as ADAS_VOICE
from sandbox.speech import speech
from tests.bot.http.chat_house import page_at
from tests.e2e.conftest import Stage, StageMaker
from tests.e2e.scripted_model import Answer, Fault, ScriptedModel
from tests.tones import silence
from tests.voice.effects import only
from tests.voice.phone.memory_line import MemoryLine

ASKED = ("This song is wonderful.", "The meeting starts at nine.", "Let us play another round.")
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


def press(line: MemoryLine, keys: str) -> None:
    assert line.listener is not None
    for key in keys:
        line.listener.digit(key)


class Telephone:
    """The telephone of a running bot, and the lines of those who call it."""

    def __init__(self, stage: Stage, calls: PhoneCalls) -> None:
        self.stage, self.calls = stage, calls
        self._tasks: list[asyncio.Task[None]] = []

    def call(self, line: MemoryLine) -> MemoryLine:
        """Somebody calls. A telephone sends silence while they say nothing."""
        self._tasks.append(asyncio.create_task(self.calls.answer(line)))
        return line

    async def over(self) -> list[dict[str, Any]]:
        """Wait until all phone calls are over. Returns the lines of their log."""
        await asyncio.wait_for(asyncio.gather(*self._tasks, return_exceptions=True), 60)
        await self.calls._calls_log.flush()
        file = self.stage.app.core.settings.data_dir / FILE
        return [json.loads(each) for each in file.read_text().splitlines()]

    async def talks(self) -> None:
        """Wait until the greeting was heard."""
        await self.turns(1)

    async def turns(self, count: int) -> None:
        """Wait until so many replies have ended."""
        await self.stage.until(lambda: len(only(ReplyEnded, self.stage.events)) >= count, f"reply {count}")


@asynccontextmanager
async def telephone(stage: Stage) -> AsyncIterator[Telephone]:
    async with phone_service(stage.app.core, warms_up=False) as calls:
        calls.ready = True
        yield Telephone(stage, calls)


@pytest.fixture
def make_telephone(make_stage: StageMaker, speech_server: str, model: ScriptedModel) -> Callable[..., Any]:
    @asynccontextmanager
    async def make(**settings: Any) -> AsyncIterator[Telephone]:
        usual = {"tts_websocket_url": speech_server, "llm_url": model.url, "phone_allow": "*", **settings}
        async with make_stage(**usual) as stage, telephone(stage) as phone:
            yield phone

    return make


async def sends_silence(line: MemoryLine) -> None:
    """Send silence until the line has ended, as a telephone does."""
    while line.ended is None:
        await line.speak(silence(0.2))


def loudness(line: MemoryLine) -> float:
    return float(np.abs(decode_g711(bytes(line.heard), line.law).astype(np.float32)).max(initial=0) / 32_767)


async def test_a_caller_is_greeted_and_answered_three_times_and_the_call_is_a_call_like_any_other(
    make_telephone: Callable[..., Any], model: ScriptedModel
) -> None:
    async with make_telephone() as phone:
        stage: Stage = phone.stage
        threads = {each.name for each in threading.enumerate()}
        called_at = time.monotonic()
        line = phone.call(MemoryLine())
        await phone.talks()
        (greeting,) = only(PromptTaken, stage.events)
        assert greeting.recited
        assert greeting.at - called_at > LEAD_IN, "the telephone has switched its earpiece on"
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
    make_telephone: Callable[..., Any], model: ScriptedModel
) -> None:
    async with make_telephone() as phone:
        stage: Stage = phone.stage
        # Two seconds of sound are always on their way. After an interruption, the caller does not hear them.
        line = phone.call(MemoryLine(held=16_000))
        quiet = asyncio.create_task(sends_silence(line))
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
        await quiet
        await phone.over()


async def test_words_of_the_caller_interrupt_and_what_lies_in_the_network_is_dropped(
    make_telephone: Callable[..., Any],
) -> None:
    async with make_telephone() as phone:
        stage: Stage = phone.stage
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


async def test_keys_reach_the_model_and_the_star_repeats_the_last_answer(make_telephone: Callable[..., Any]) -> None:
    async with make_telephone() as phone:
        stage: Stage = phone.stage
        line = phone.call(MemoryLine())
        quiet = asyncio.create_task(sends_silence(line))
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
        await quiet
        await phone.over()


async def test_a_caller_with_the_right_pin_is_talked_with(make_telephone: Callable[..., Any]) -> None:
    async with make_telephone(phone_pin="2468") as phone:
        stage: Stage = phone.stage
        line = phone.call(MemoryLine())
        await stage.until(lambda: loudness(line) > 0.05, "the question")
        assert not stage.app.manager.occupants, "nothing is paused for a caller who may be anybody"
        press(line, "1*2468#")
        await phone.talks()
        assert only(ReplyEnded, stage.events)[0].trace.outcome is Outcome.SPOKEN, "# has not interrupted the greeting"
        line.end()
        assert [each["cause"] for each in await phone.over()] == ["caller hung up"]


async def test_three_wrong_pins_end_a_phone_call_and_nine_in_an_hour_refuse_the_number(
    make_telephone: Callable[..., Any],
) -> None:
    async with make_telephone(phone_pin="2468") as phone:
        calls: PhoneCalls = phone.calls
        for number in range(1, 4):
            assert calls.decide("+49 30 123456") is Admission.ALLOWED
            line = phone.call(MemoryLine())
            await phone.stage.until(lambda: loudness(line) > 0.05, "the question")  # noqa: B023
            press(line, "135713571357")
            assert len(await phone.over()) == number
        assert [each["cause"] for each in await phone.over()] == ["wrong PIN"] * 3
        assert calls.decide("+4930123456") is Admission.NOT_ALLOWED
        assert calls.decide("+4930123457") is Admission.ALLOWED
        assert only(CallBegan, phone.stage.events) == []


async def test_a_second_caller_hears_a_sentence_and_others_are_told_of_the_phone_call(
    make_telephone: Callable[..., Any],
) -> None:
    async with make_telephone() as phone:
        stage: Stage = phone.stage
        line = phone.call(MemoryLine())
        await phone.talks()
        assert phone.calls.decide("+44171") is Admission.BUSY
        second = phone.call(MemoryLine("+44171"))
        await stage.until(lambda: second.ended is LineEnd.BOT, "the end of the second call")
        assert loudness(second) > 0.05
        assert len(second.heard) > 8_000
        assert stage.app.manager.status().state is CallState.ACTIVE
        assert await stage.answer_to("!join", starts="❌") == JOIN_FROM_PHONE
        assert "A phone call is active." in await stage.answer_to("!voice-status", starts="🎤")
        async with page_at(stage.app.web.server.url) as page:
            await page.send(type="hello", audio={})
            assert (await page.until("error", code="call_elsewhere"))["message"] == CALL_ON_PHONE
        await stage.answer_to("!leave", starts="👋")
        assert line.ended is LineEnd.BOT
        assert [each["cause"] for each in await phone.over()] == ["a call is on", "command"]


async def test_the_sentences_are_made_at_the_start_and_none_during_a_greeting(
    make_telephone: Callable[..., Any],
) -> None:
    async with make_telephone() as phone:
        stage: Stage = phone.stage
        asked: list[str] = []
        speak = phone.calls._sentences._speak

        def noted(text: str) -> AsyncGenerator[Samples, None]:
            asked.append(text)
            return cast(AsyncGenerator[Samples, None], speak(text))

        phone.calls._sentences._speak = noted
        phone.calls.prepare()
        await stage.until(lambda: phone.calls._preparing.done(), "the sentences")
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


async def test_a_telephone_that_becomes_ready_makes_its_sentences(make_telephone: Callable[..., Any]) -> None:
    async with make_telephone() as phone:
        phone.stage.app.core.watch(Ready())
        await phone.stage.until(
            lambda: phone.calls._sentences.ready(PhoneSentence.SWITCHED_OFF) is not None, "the sentences"
        )


async def test_whoever_may_not_call_is_refused_and_logged(make_telephone: Callable[..., Any]) -> None:
    async with make_telephone(phone_allow="+4930*") as phone:
        calls: PhoneCalls = phone.calls
        assert calls.decide("+44171") is Admission.NOT_ALLOWED
        assert calls.decide("") is Admission.NOT_ALLOWED
        calls.note_refusal("twilio", "+44171", Admission.NOT_ALLOWED)
        line = phone.call(MemoryLine("+44171"))
        causes = [(each["transport"], each["cause"]) for each in await phone.over()]
        assert causes == [("twilio", "not allowed"), ("sip", "not allowed")]
        assert line.ended is LineEnd.BOT
        assert line.heard == b""
        calls.ready = False
        assert calls.decide("+4930123456") is Admission.NOT_READY


async def test_a_caller_who_hangs_up_while_the_call_begins_leaves_nothing_behind(
    make_telephone: Callable[..., Any],
) -> None:
    async with make_telephone() as phone:
        before = asyncio.all_tasks()
        line = phone.call(MemoryLine())
        await phone.stage.until(lambda: phone.stage.app.manager.occupants, "the start")
        line.end()
        assert [each["cause"] for each in await phone.over()] == ["caller hung up"]
        await phone.stage.until(lambda: not phone.stage.app.manager.occupants, "the end")
        assert phone.stage.app.manager.status().held == ()

        def left() -> set[str]:
            return {task.get_name() for task in asyncio.all_tasks() - before if "phone" in task.get_name()}

        # After a call, the bot makes the sentences that are not there yet. This task ends by itself.
        await phone.stage.until(lambda: not left(), "the end of all tasks of the phone call")


async def test_a_caller_hears_that_a_recording_begins_before_it_does(make_telephone: Callable[..., Any]) -> None:
    async with make_telephone(stt_language="de") as phone:
        stage: Stage = phone.stage
        line = phone.call(MemoryLine())
        quiet = asyncio.create_task(sends_silence(line))
        await phone.talks()
        call = next(iter(stage.app.manager.calls), None)
        assert call is not None
        await call.start_recording(recording_began("!", "Ada"))
        assert call.recording
        spoken = [each.text.strip() for each in only(WordsSpoken, stage.events)]
        assert spoken[-1] == "Dieses Gespräch wird ab jetzt aufgezeichnet."
        line.end()
        await quiet
        await phone.over()


async def test_the_bot_says_goodbye_when_it_is_switched_off(make_telephone: Callable[..., Any]) -> None:
    async with make_telephone() as phone:
        line = phone.call(MemoryLine())
        await phone.talks()
        await phone.calls._sentences.prepare()
        before = len(line.heard)
        await phone.calls.close()
        await phone.stage.app.core.end_calls()
        assert 4_000 < len(line.heard) - before <= 2.1 * 8_000
        assert [each["cause"] for each in await phone.over()] == ["shutdown"]
        assert phone.calls.decide("+4930123456") is Admission.NOT_READY


async def test_a_call_that_is_on_when_the_telephone_closes_is_ended_and_logged(
    make_stage: StageMaker, speech_server: str
) -> None:
    async with make_stage(tts_websocket_url=speech_server, phone_allow="*") as stage:
        line, core = MemoryLine(), stage.app.core
        users, may = core.tools.users, core.controls.may
        async with telephone(stage) as phone:
            phone.call(line)
            await phone.talks()
        assert line.ended is LineEnd.BOT
        (logged,) = (core.settings.data_dir / FILE).read_text().splitlines()
        assert json.loads(logged)["cause"] == "shutdown"
        assert stage.app.manager.status().held == ()
        assert (core.tools.users, core.controls.may) == (users, may), "everybody's rights are as they were before"
        assert phone.calls.ended not in core.call_ends._listeners


async def test_the_bot_without_discord_takes_phone_calls_too(cache_dir: Path, tmp_path: Path) -> None:
    settings = load_settings(
        _env_file=None,
        data_dir=tmp_path,
        cache_dir=cache_dir,
        tts_bind="127.0.0.1:0",
        web_bind="127.0.0.1:0",
        sip_bind="127.0.0.1:0",
        phone_allow="*",
    )
    async with build_talk(settings, [], lambda *_: None) as application:
        assert application.phone is not None
        assert application.phone.decide("+4930123456") is Admission.ALLOWED
        line = MemoryLine()
        answering = asyncio.create_task(application.phone.answer(line))
        quiet = asyncio.create_task(sends_silence(line))
        async with asyncio.timeout(60):
            while loudness(line) < 0.05:
                await asyncio.sleep(0.05)
        await application.end()
        await answering
        await quiet
        assert line.ended is LineEnd.BOT
        assert application.phone.decide("+4930123456") is Admission.NOT_READY


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


async def test_the_persona_of_phone_calls_may_be_another_one(make_telephone: Callable[..., Any]) -> None:
    async with make_telephone(phone_persona="evil_seiyuu") as phone:
        core = phone.stage.app.core
        assert core.characters.at(PHONE_PLACE).file == "evil_seiyuu"
        assert core.characters.at(0).file == "seiyuu"

"""Tests of phone calls with the real bot: who gets through, who is refused, and what is left after their ends."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.call_elsewhere import CALL_ON_PHONE
from bot.calls import JOIN_FROM_PHONE
from bot.talk import build_talk
from bot.voice.call_life import CallState
from bot.voice.events import CallBegan, ReplyEnded
from bot.voice.phone.answering import Admission
from bot.voice.phone.calls_log import FILE
from bot.voice.phone.line import LineEnd
from bot.voice.turn import Outcome
from config.settings import load_settings
from tests.bot.http.chat_house import page_at
from tests.e2e.conftest import StageMaker
from tests.e2e.phone_calls import TelephoneMaker, loudness, press, sends_silence, telephone, telephone_maker
from tests.e2e.scripted_model import Answer, ScriptedModel
from tests.voice.effects import only
from tests.voice.phone.memory_line import MemoryLine


@pytest.fixture
async def make_telephone(make_stage: StageMaker, speech_server: str) -> AsyncIterator[TelephoneMaker]:
    async with ScriptedModel(lambda _: Answer("Sunshine for everybody.")) as model:
        yield telephone_maker(make_stage, tts_websocket_url=speech_server, llm_url=model.url)


async def test_the_bot_talks_with_a_caller_who_presses_the_right_pin(make_telephone: TelephoneMaker) -> None:
    async with make_telephone(phone_pin="2468") as phone:
        stage = phone.stage
        line = phone.call(MemoryLine())
        await stage.until(lambda: loudness(line) > 0.05, "the question")
        assert not stage.app.manager.occupants, "nothing is paused for a caller who may be anybody"
        press(line, "1*2468#")
        await phone.talks()
        assert only(ReplyEnded, stage.events)[0].trace.outcome is Outcome.SPOKEN, (
            "the key # does not interrupt the greeting"
        )
        line.end()
        assert [each["cause"] for each in await phone.over()] == ["caller hung up"]


async def test_three_wrong_pins_end_a_phone_call_and_after_nine_in_an_hour_the_number_is_refused(
    make_telephone: TelephoneMaker,
) -> None:
    async with make_telephone(phone_pin="2468") as phone:
        calls = phone.calls
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
    make_telephone: TelephoneMaker,
) -> None:
    async with make_telephone() as phone:
        stage = phone.stage
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


async def test_whoever_may_not_call_is_refused_and_logged(make_telephone: TelephoneMaker) -> None:
    async with make_telephone(phone_allow="+4930*") as phone:
        calls = phone.calls
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
    make_telephone: TelephoneMaker,
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


async def test_the_bot_says_goodbye_when_it_is_switched_off(make_telephone: TelephoneMaker) -> None:
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

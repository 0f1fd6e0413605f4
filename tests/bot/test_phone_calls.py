"""The service of phone calls, without engines: who is let in, whose wrong PINs count together, and what is logged."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from unittest.mock import MagicMock

import numpy as np
import pytest

from audio.samples import Samples
from bot.line_budget import PER_MINUTE
from bot.llm.spoken_lines import PhoneSentence
from bot.speech_server.errors import SpeechLimitError
from bot.user_error import UserError
from bot.voice.phone.answering import Admission, Refusal
from bot.voice.phone.calls_log import REFUSALS_PER_MINUTE
from bot.voice.phone.line import LineEnd
from bot.voice.phone.pin import MAX_WRONG, MAX_WRONG_OF_ALL
from bot.voice.phone.pin_entry import MAX_ENTERING
from bot.voice.phone.sentences import LEAD_IN, Sentences
from bot.voice.transport import EndCause
from tests.bot.phone_house import House, SlowCall, ending_call, press, press_wrong_pins
from tests.timing import wait_until
from tests.voice.phone.memory_line import MemoryLine


@pytest.fixture(autouse=True)
def quick_sentences(monkeypatch: pytest.MonkeyPatch) -> None:
    """Send sentences faster than a caller could hear them. The lines of the callers are in memory."""
    monkeypatch.setattr("bot.voice.phone.sentences.FRAME_SECONDS", 0.001)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path, "2468")
    yield house
    await house.log.flush()


async def test_whoever_withholds_their_number_is_another_person_each_time_and_their_wrong_pins_count_together(
    house: House,
) -> None:
    for _ in range(MAX_WRONG // 3):
        assert house.calls.decide("") is Admission.ALLOWED
        await press_wrong_pins(house, "")
    assert len(set(house.people)) == MAX_WRONG // 3
    assert house.calls.decide("") is Admission.NOT_ALLOWED
    assert house.calls.decide("+4930123456") is Admission.ALLOWED


async def test_wrong_pins_under_a_made_up_number_do_not_keep_out_its_owner_whose_pin_was_right(house: House) -> None:
    honest = await house.caller("+4930123456", source="192.0.2.1")
    press(honest, "2468")
    await wait_until(lambda: house.let_in)
    for attempt in range(MAX_WRONG_OF_ALL // 3):
        host = f"192.0.2.{66 + attempt}"
        assert house.calls.decide("+4930123456", host) is Admission.ALLOWED
        await press_wrong_pins(house, "+4930123456", host)
    assert house.calls.decide("+4930123456", "192.0.2.99") is Admission.NOT_ALLOWED
    assert house.calls.decide("+4930123456", "192.0.2.1") is Admission.ALLOWED


async def test_refusals_are_logged_and_a_flood_of_them_drops_no_other_lines(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    for cause in (Refusal.NO_SOUND, Refusal.TOO_MANY, Refusal.NOT_FROM_PBX, Refusal.EXTENSION, LineEnd.LOST):
        house.calls.note_refusal("sip", "+4930123456", cause, "the reason")
    for _ in range(2 * REFUSALS_PER_MINUTE):
        house.calls.note_refusal("sip", "+4930123456", Admission.NOT_ALLOWED)
    await house.log.flush()
    causes = [json.loads(line)["cause"] for line in house.file.read_text().splitlines()]
    assert causes[:5] == [
        "no agreement on sound",
        "too many phone calls",
        "not from the PBX",
        "unknown extension required",
        "connection lost",
    ]
    assert causes[5:] == ["not allowed"] * (REFUSALS_PER_MINUTE - 5)
    assert "A phone call of …456 over SIP was refused: no agreement on sound (the reason)" in caplog.messages
    assert len(caplog.messages) == REFUSALS_PER_MINUTE + 1, "one line says that there are more"
    assert f"only {REFUSALS_PER_MINUTE} a minute are logged" in caplog.text


async def test_whoever_calls_all_the_time_does_not_fill_the_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    house.calls.ready = False  # Nobody is let in.
    for _ in range(2 * PER_MINUTE):
        await house.calls.answer(MemoryLine("+4930123456"))
    assert [message.endswith("comes in") for message in caplog.messages].count(True) == PER_MINUTE
    assert sum("has ended" in message for message in caplog.messages) == PER_MINUTE
    assert len(caplog.messages) == 2 * PER_MINUTE + 1, "one line says that there are more"
    await house.calls.finish()
    assert caplog.messages[-1] == f"{PER_MINUTE} more phone calls had no line of their own in this log"


async def test_sentences_are_made_after_a_call_that_was_over_at_once(house: House) -> None:
    calls = house.calls
    calls.prepare()
    await asyncio.sleep(0)
    calls._end_preparing()  # a phone call begins
    calls.prepare()  # and is over before the first preparation has noticed its end
    await wait_until(lambda: all(calls._sentences.ready(each) is not None for each in PhoneSentence))


@pytest.mark.parametrize("made_before", [True, False])
async def test_a_call_that_ends_at_todays_limit_ends_with_a_sentence_that_was_made_before_or_with_tones(
    house: House, made_before: bool
) -> None:
    if made_before:
        await house.calls._sentences.prepare()
    house.limited = True
    line = MemoryLine()
    await house.calls._say_goodbye(house.transport(line), EndCause.LIMIT)
    assert len(line.heard) / 8_000 == pytest.approx(LEAD_IN + (0.02 if made_before else 3.0), abs=0.02)


@pytest.mark.parametrize(
    ("cause", "left_unanswered", "said"),
    [
        (EndCause.COMMAND, True, [PhoneSentence.UNANSWERED, PhoneSentence.GOODBYE]),
        (EndCause.COMMAND, False, [PhoneSentence.GOODBYE]),
        (EndCause.SHUTDOWN, True, [PhoneSentence.SWITCHED_OFF, PhoneSentence.GOODBYE]),
    ],
)
async def test_a_caller_who_gets_no_answer_any_more_hears_that_before_the_bot_hangs_up(
    house: House,
    monkeypatch: pytest.MonkeyPatch,
    cause: EndCause,
    left_unanswered: bool,
    said: list[PhoneSentence],
) -> None:
    wanted = list[PhoneSentence]()
    monkeypatch.setattr(Sentences, "ready", lambda _, sentence: wanted.append(sentence))
    transport = house.transport(MemoryLine())
    transport.left_unanswered = left_unanswered
    await house.calls._say_goodbye(transport, cause)
    assert wanted == said


@pytest.mark.parametrize(
    ("cause", "heard"),
    [(SpeechLimitError("Today's limit is reached."), PhoneSentence.LIMIT), (None, PhoneSentence.NOT_NOW)],
)
async def test_a_caller_at_todays_limit_hears_of_the_limit_and_not_only_that_there_is_no_call(
    house: House, monkeypatch: pytest.MonkeyPatch, cause: Exception | None, heard: PhoneSentence
) -> None:
    async def refuse(*_: object) -> None:
        raise UserError("❌ No voice.") from cause

    monkeypatch.setattr(house.calls, "_open", refuse)
    line, no_call = MemoryLine(), MagicMock()
    assert not await house.calls._start(no_call, house.transport(line), told=True)
    assert house.spoken == [heard]


async def test_a_caller_is_let_in_beside_other_calls_until_the_bot_can_hold_no_more(tmp_path: Path) -> None:
    house, calls = House(tmp_path, None), [SlowCall(), SlowCall()]
    house.manager.max_calls = 2
    for call, decided in zip(calls, (Admission.ALLOWED, Admission.BUSY), strict=True):
        await house.manager.start(call, reason="a test")
        call.may_end.set()
        assert house.calls.decide("+4930123456") is decided
    await house.manager.end()


async def test_whoever_calls_again_and_again_without_a_pin_takes_only_their_own_places(house: House) -> None:
    for number in range(MAX_ENTERING):
        await house.caller(f"+4917{number}", source="192.0.2.66")
    honest = await house.caller("+4930123456", source="192.0.2.1")
    assert honest.ended is None
    for number in range(2 * MAX_ENTERING):
        # The attacker makes up another number each time, and presses a key, too.
        other = await house.caller(f"+4918{number}", source="192.0.2.66")
        press(other, "1")
        assert (honest.ended, other.ended) == (None, None)
    press(honest, "2468")
    await wait_until(lambda: house.let_in)
    assert house.let_in == ["+4930123456"]
    await house.calls.close()


async def test_whoever_has_given_the_right_pin_before_keeps_a_place_however_many_strangers_call(house: House) -> None:
    press(await house.caller("+4930123456"), "2468")
    await wait_until(lambda: house.let_in)
    again = await house.caller("+4930123456")
    strangers = [await house.caller(f"+4917{number}") for number in range(3 * MAX_ENTERING)]
    await wait_until(lambda: strangers[-MAX_ENTERING].ended)
    assert again.ended is None
    press(again, "2468")
    await wait_until(lambda: house.let_in == ["+4930123456"] * 2)
    await house.calls.close()


async def test_whoever_presses_no_key_gives_way_to_another_caller(house: House) -> None:
    lines = [await house.caller(f"+49301{number}") for number in range(MAX_ENTERING)]
    press(lines[0], "1")
    newcomer = await house.caller("+49302")
    await wait_until(lambda: lines[1].ended is LineEnd.BOT)
    for line in (lines[0], lines[2], newcomer):
        assert line.ended is None
        line.end()
    assert PhoneSentence.NOT_NOW in house.spoken
    assert sorted(await house.causes()) == ["caller hung up"] * 3 + ["gave way to another caller"]


async def test_callers_who_are_not_let_in_push_no_conversations_out_of_the_log(house: House) -> None:
    for _ in range(REFUSALS_PER_MINUTE + 10):
        (await house.caller("+4930123456")).end()
    assert await house.causes() == ["caller hung up"] * REFUSALS_PER_MINUTE


async def test_closing_the_telephone_waits_until_no_sentence_is_being_made(house: House) -> None:
    ended = asyncio.Event()

    async def speak(text: str) -> AsyncGenerator[Samples, None]:
        try:
            await asyncio.sleep(3_600)
            yield np.zeros(0, np.float32)
        finally:
            for _ in range(10):
                await asyncio.sleep(0)
            ended.set()

    house.calls._sentences._speak = speak
    house.calls.prepare()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await house.calls.close()
    assert ended.is_set()


async def test_whoever_calls_while_a_call_is_ending_waits_for_its_end(tmp_path: Path) -> None:
    house = House(tmp_path, None)
    async with ending_call(house) as call:
        assert house.calls.decide("+4930123456") is Admission.ALLOWED
        line = MemoryLine()
        answering = asyncio.create_task(house.calls.answer(line))
        for _ in range(20):
            await asyncio.sleep(0)
        assert house.let_in == []
        assert not line.heard
        call.may_end.set()
        await answering
    assert house.let_in == ["+4930123456"]
    await house.log.flush()


async def test_a_caller_hears_after_a_while_that_another_call_does_not_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.phone_calls.REDIAL_SECONDS", 0.05)
    house = House(tmp_path, None)
    async with ending_call(house):
        await house.calls.answer(MemoryLine())
        assert (house.let_in, house.spoken) == ([], [PhoneSentence.BUSY])
        gone = MemoryLine()
        gone.end()
        await house.calls.answer(gone)
        assert await house.causes() == ["a call is on", "caller hung up"]

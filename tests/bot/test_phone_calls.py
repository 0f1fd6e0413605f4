"""The service of phone calls, without engines: who a caller is, and whose wrong PINs count together."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from audio.samples import Samples
from bot.llm.spoken_lines import PhoneSentence
from bot.phone_calls import PhoneCalls
from bot.voice.phone.answering import Admission, Refusal
from bot.voice.phone.calls_log import FILE, REFUSALS_PER_MINUTE, CallsLog
from bot.voice.phone.line import LineEnd
from bot.voice.phone.people import PhonePeople
from bot.voice.phone.pin import MAX_WRONG
from bot.voice.phone.sentences import Sentences
from bot.voice.phone.transport import PhoneTransport
from config.phone_sections import PhoneSettings
from tests.timing import Clock, wait_until
from tests.voice.phone.memory_line import MemoryLine


class House:
    """The service, and the people who have called it."""

    def __init__(self, folder: Path, pin: str | None) -> None:
        self.people: list[int] = []
        manager: Any = SimpleNamespace(occupants=(), full=False)
        self.manager = manager
        none: Any = None
        settings = PhoneSettings(allow=("*",), pin=SecretStr(pin) if pin else None)
        self.file = folder / FILE
        self.log = CallsLog(self.file, Clock())
        sentences = Sentences(_speak, str, lambda: 0)
        self.calls = PhoneCalls(
            manager, none, self._transport, none, none, settings, sentences, lambda: "", self.log, b"k" * 32
        )
        self.calls.ready = True

    def _transport(self, line: Any, person: int) -> PhoneTransport:
        self.people.append(person)
        return PhoneTransport(line, PhonePeople(person))


async def _speak(text: str) -> AsyncGenerator[Samples, None]:
    await asyncio.sleep(0)
    yield np.zeros(960, np.float32)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = House(tmp_path, "2468")
    yield house
    await house.log.flush()


async def press_wrong_pins(house: House, number: str) -> None:
    """Call, and press three wrong PINs."""
    line = MemoryLine(number)
    call = asyncio.create_task(house.calls.answer(line))
    await wait_until(lambda: line.listener is not None)
    for _ in range(3):
        for key in "1111":
            await asyncio.sleep(0)
            if line.listener is not None:
                line.listener.digit(key)
        await asyncio.sleep(0.01)
    await call
    assert line.ended is LineEnd.BOT


async def test_who_withholds_their_number_is_another_person_each_time_and_their_wrong_pins_count_together(
    house: House,
) -> None:
    for _ in range(MAX_WRONG // 3):
        assert house.calls.decide("") is Admission.ALLOWED
        await press_wrong_pins(house, "")
    assert len(set(house.people)) == MAX_WRONG // 3
    assert house.calls.decide("") is Admission.NOT_ALLOWED
    assert house.calls.decide("+4930123456") is Admission.ALLOWED


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


async def test_sentences_are_made_after_a_call_that_was_over_at_once(house: House) -> None:
    calls = house.calls
    calls.prepare()
    await asyncio.sleep(0)
    calls._end_preparing()  # a phone call begins
    calls.prepare()  # and is over before the first preparation has noticed its end
    await wait_until(lambda: all(calls._sentences.ready(each) is not None for each in PhoneSentence))


async def test_a_caller_is_let_in_beside_other_calls_until_the_bot_can_hold_no_more(house: House) -> None:
    house.manager.occupants = (object(),)
    assert house.calls.decide("+4930123456") is Admission.ALLOWED
    house.manager.full = True
    assert house.calls.decide("+4930123456") is Admission.BUSY

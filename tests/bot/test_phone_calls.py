"""The service of phone calls, without engines: who a caller is, and whose wrong PINs count together."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from pydantic import SecretStr

from audio.samples import Samples
from bot.phone_calls import PhoneCalls
from bot.voice.phone.answering import Admission
from bot.voice.phone.calls_log import FILE, CallsLog
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
        manager: Any = SimpleNamespace(occupant=None)
        none: Any = None
        settings = PhoneSettings(allow=("*",), pin=SecretStr(pin) if pin else None)
        self.log = CallsLog(folder / FILE, Clock())
        sentences = Sentences(_speak, str, lambda: 0)
        self.calls = PhoneCalls(
            manager, none, self._transport, none, none, settings, sentences, lambda: "", self.log, b"k" * 32
        )
        self.calls.ready = True

    def _transport(self, line: Any, person: int) -> PhoneTransport:
        self.people.append(person)
        return PhoneTransport(line, PhonePeople(person))


async def _speak(text: str) -> AsyncGenerator[Samples, None]:
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

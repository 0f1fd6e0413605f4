"""The service of phone calls without engines, and the people who call it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import SecretStr

from audio.samples import Samples
from bot.lease import Lease
from bot.phone_calls import PhoneCalls
from bot.speech_server.errors import SpeechLimitError
from bot.user_error import UserError
from bot.voice.call_life import CallState
from bot.voice.manager import CallManager
from bot.voice.phone.answering import Admission
from bot.voice.phone.calls_log import FILE, CallsLog
from bot.voice.phone.line import LineEnd
from bot.voice.phone.people import PhonePeople
from bot.voice.phone.sentences import Sentences
from bot.voice.phone.transport import PhoneCall, PhoneTransport
from bot.voice.transport import EndCause
from config.phone_sections import PhoneSettings
from tests.timing import Clock, wait_until
from tests.voice.phone.memory_line import MemoryLine


class House:
    """The service, and the people who have called it.

    Attributes:
        people: the ids that the callers got.
        limited: whether today's limit of speech is reached.
        spoken: the sentences of which sound was made.
        let_in: the numbers of those who were let in.
    """

    def __init__(self, folder: Path, pin: str | None) -> None:
        self.people: list[int] = []
        self.clock = Clock()
        self.manager: CallManager[Any] = CallManager(Lease(), self._ended)
        none: Any = None
        settings = PhoneSettings(allow=("*",), pin=SecretStr(pin) if pin else None)
        self.file = folder / FILE
        self.log = CallsLog(self.file, Clock())
        self.limited = False
        self.spoken: list[str] = []
        self.let_in: list[str] = []
        sentences = Sentences(self._speak, str, lambda: 0)
        self.calls = PhoneCalls(
            self.manager,
            self._let_in,
            self._transport,
            none,
            none,
            settings,
            sentences,
            lambda: "",
            self.log,
            b"k" * 32,
            clock=self.clock,
        )
        self.calls.ready = True
        self.calling: list[asyncio.Task[None]] = []

    def transport(self, line: MemoryLine) -> PhoneTransport:
        """The transport of a caller who has been let in."""
        transport = PhoneTransport(line, PhonePeople(1))
        transport.listen()
        return transport

    def _transport(self, line: Any, person: int) -> PhoneTransport:
        self.people.append(person)
        return PhoneTransport(line, PhonePeople(person))

    async def _speak(self, text: str) -> AsyncGenerator[Samples, None]:
        if self.limited:
            raise SpeechLimitError("Today's limit is reached.")
        self.spoken.append(text)
        await asyncio.sleep(0)
        yield np.zeros(960, np.float32)

    def _let_in(self, transport: PhoneTransport) -> PhoneCall:
        self.let_in.append(transport.line.number)
        raise UserError("There are no engines.")

    async def _ended(self, call: Any, cause: EndCause) -> None:
        await self.calls.ended(call, cause)

    async def caller(self, number: str, source: str = "") -> MemoryLine:
        """Somebody who has called, and is asked for the PIN. A second passes."""
        line = MemoryLine(number, source=source)
        self.calling.append(asyncio.create_task(self.calls.answer(line)))
        await wait_until(lambda: line.heard or line.ended)
        self.clock.pass_by(1)
        return line

    async def causes(self) -> list[str]:
        """The causes in the log, once everybody has hung up."""
        await asyncio.gather(*self.calling)
        await self.log.flush()
        return [json.loads(line)["cause"] for line in self.file.read_text().splitlines()]


class SlowCall:
    """A call of any kind whose end takes as long as a test likes."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()

    async def check(self) -> None:
        """The call is always possible."""

    async def open(self) -> None:
        """The call connects at once."""

    async def wait_lost(self) -> EndCause:
        await asyncio.Event().wait()
        return EndCause.HUNG_UP

    async def close(self, cause: EndCause) -> None:
        await self.may_end.wait()


@asynccontextmanager
async def ending_call(house: House) -> AsyncIterator[SlowCall]:
    call = SlowCall()
    await house.manager.start(call, reason="a test")
    assert house.calls.decide("+4930123456") is Admission.BUSY
    ending = asyncio.create_task(house.manager.end())
    await wait_until(lambda: house.manager.status().state is CallState.ENDING)
    yield call
    call.may_end.set()
    await ending


def press(line: MemoryLine, keys: str) -> None:
    assert line.listener is not None
    for key in keys:
        line.listener.digit(key)


async def press_wrong_pins(house: House, number: str, source: str = "") -> None:
    """Call, and press three wrong PINs."""
    line = MemoryLine(number, source=source)
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

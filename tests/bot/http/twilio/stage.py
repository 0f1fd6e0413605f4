"""The server for Twilio on a free port of loopback, with a service that answers phone calls as a test likes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
from pydantic import SecretStr

from bot.http.twilio.server import twilio_server
from bot.voice.phone.answering import Admission, PhoneAnswering, RefusalCause
from bot.voice.phone.line import PhoneLine
from config.phone_sections import PhoneSettings, TwilioSettings
from sandbox.twilio.account import CALLER, NUMBER, Instruction, TwilioAccount, new_id
from sandbox.twilio.stream import MediaStream
from tests.timing import wait_until
from tests.voice.phone.ear import Ear

PUBLIC_URL = "https://phone.example"
AUTH_TOKEN = "0123456789abcdef0123456789abcdef"


Talk = Callable[[PhoneLine], Awaitable[None]]


async def until_ended(line: PhoneLine) -> None:
    """Listen until the line has ended."""
    ear = Ear()
    line.start(ear)
    await wait_until(lambda: ear.ends)


@dataclass
class Answering:
    """A :class:`~bot.voice.phone.answering.PhoneAnswering` that notes what it is asked.

    Attributes:
        admission: what is decided about all numbers.
        talk: what is done with each line. If it is ``None``, the line is listened to until it ends.
        done: the number of lines that are over.
    """

    admission: Admission = Admission.ALLOWED
    talk: Talk | None = None
    decided: list[str] = field(default_factory=list)
    refusals: list[tuple[str, str, RefusalCause]] = field(default_factory=list)
    lines: list[PhoneLine] = field(default_factory=list)
    ears: list[Ear] = field(default_factory=list)
    done: int = 0

    def decide(self, number: str, source: str | None = None) -> Admission:
        self.decided.append(number)
        return self.admission

    def note_refusal(self, kind: str, number: str, cause: RefusalCause, detail: str = "") -> None:
        self.refusals.append((kind, number, cause))

    async def answer(self, line: PhoneLine, *, busy: bool = False) -> None:
        self.lines.append(line)
        ear = Ear()
        self.ears.append(ear)
        try:
            if self.talk is not None:
                await self.talk(line)
            else:
                line.start(ear)
                await wait_until(lambda: ear.ends)
        finally:
            self.done += 1


class TwilioStage:
    """The server, its service of phone calls, and Twilio."""

    def __init__(self, url: str, account: TwilioAccount, answering: Answering) -> None:
        self.url = url
        self.account = account
        self.answering = answering
        self.streams: list[MediaStream] = []

    async def announce(self, caller: str = CALLER, call: str = "") -> tuple[str, Instruction]:
        """Announce a phone call. Returns its id, and the instruction that the bot answers with."""
        call = call or new_id("CA")
        return call, await self.account.announce(call, caller)

    async def call(self, caller: str = CALLER, *, answered: bool = True, **options: Any) -> MediaStream:
        """Call the bot, and wait until it has answered."""
        before = len(self.answering.lines)
        call, instruction = await self.announce(caller)
        stream = await MediaStream.open(self.account, call, instruction, **options)
        self.streams.append(stream)
        if answered:
            await wait_until(lambda: len(self.answering.lines) > before)
        return stream

    async def socket(self) -> aiohttp.ClientWebSocketResponse:
        """A socket that has said nothing yet. A phone call is announced first: without one, the server opens none."""
        await self.announce()
        return await self.account.session.ws_connect(f"{self.url}/phone/twilio/media")

    async def idle_sockets(self, count: int) -> list[aiohttp.ClientWebSocketResponse]:
        """Sockets that have said nothing yet, in the order in which they were opened. A phone call must have been
        announced.
        """
        return [await self.account.session.ws_connect(f"{self.url}/phone/twilio/media") for _ in range(count)]

    async def raw(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Any request. Returns the status and the text."""
        async with self.account.session.request(method, self.url + path, **options) as answer:
            return answer.status, await answer.text()


@asynccontextmanager
async def serving_twilio(
    answering: PhoneAnswering,
    *,
    clock: Callable[[], float] = time.monotonic,
    public_url: str = PUBLIC_URL,
    folder: Path | None = None,
) -> AsyncIterator[tuple[str, TwilioAccount]]:
    """Serve while the block runs. Yields the server's own address, and an account of the stand-in for Twilio."""
    sid = new_id("AC")
    phone = PhoneSettings(bind="127.0.0.1:0", public_url=public_url)
    twilio = TwilioSettings(account_sid=sid, auth_token=SecretStr(AUTH_TOKEN), phone_number=NUMBER)
    async with (
        twilio_server(phone, twilio, answering, folder=folder, clock=clock) as server,
        aiohttp.ClientSession() as session,
    ):
        url = server.url.rstrip("/")
        yield url, TwilioAccount(session, url, public_url, sid, AUTH_TOKEN)


@asynccontextmanager
async def twilio_stage(
    answering: Answering | None = None,
    clock: Callable[[], float] = time.monotonic,
    public_url: str = PUBLIC_URL,
    folder: Path | None = None,
) -> AsyncIterator[TwilioStage]:
    """Serve while the block runs. All streams are closed at its end."""
    answering = answering or Answering()
    async with serving_twilio(answering, clock=clock, public_url=public_url, folder=folder) as (url, account):
        stage = TwilioStage(url, account, answering)
        try:
            yield stage
        finally:
            await asyncio.gather(*(stream.close() for stream in stage.streams))


async def closed(socket: aiohttp.ClientWebSocketResponse) -> int | None:
    """Wait until the bot has closed the socket. Returns the close code."""
    async with asyncio.timeout(60):
        while not socket.closed:
            await socket.receive()
    return socket.close_code

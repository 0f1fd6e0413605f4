"""The bot's SIP endpoint. In place of the bot, an operator answers the phone calls and says what the test wants."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np

from audio.g711 import decode_g711, encode_g711
from bot.voice.phone.answering import Admission, RefusalCause
from bot.voice.phone.line import PhoneLine
from bot.voice.phone.sip.endpoint import SipEndpoint, SipOptions
from bot.voice.phone.sip.registration import Account, RegistrationState
from bot.voice.phone.sip.timers import SipTimers
from tests.free_ports import free_ports
from tests.phone.programs import HOST, PATIENCE
from tests.timing import wait_until
from tests.voice.phone.ear import Ear

RATE = 8000
FRAME = 160
Samples = np.ndarray[tuple[int], np.dtype[np.int16]]


def tone(hertz: float, seconds: float) -> Samples:
    """A tone, at 8,000 Hz."""
    return (9000 * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)).astype(np.int16)


def loudest(sound: Samples) -> float:
    """The frequency of the loudest tone in a sound, in hertz; 0 for silence."""
    if not len(sound) or not np.any(np.abs(sound) > 100):
        return 0.0
    spectrum = np.abs(np.fft.rfft(sound.astype(float)))
    return float(np.argmax(spectrum) * RATE / len(sound))


class Conversation(Ear):
    """One phone call, as whoever answers it hears it."""

    def __init__(self, line: PhoneLine) -> None:
        super().__init__()
        self.line = line

    @property
    def heard(self) -> Samples:
        return decode_g711(self.data, self.line.law)

    async def say(self, sound: Samples) -> None:
        """Say something, at the pace of speech, from another thread as the bot does."""
        data = encode_g711(sound, self.line.law)
        begin = time.monotonic()

        def send() -> None:
            for number, place in enumerate(range(0, len(data) - FRAME + 1, FRAME)):
                self.line.send(data[place : place + FRAME])
                time.sleep(max(0.0, begin + (number + 1) * 0.02 - time.monotonic()))

        await asyncio.to_thread(send)


class Operator:
    """Answers one phone call at a time; another caller hears a tone and is refused."""

    SENTENCE = 700.0
    """Frequency of what a second caller hears, in hertz."""

    def __init__(self) -> None:
        self.admission = Admission.ALLOWED
        self.refused: list[RefusalCause] = []
        self.conversations: asyncio.Queue[Conversation] = asyncio.Queue()
        self.busy: asyncio.Queue[Conversation] = asyncio.Queue()
        self._conversation: Conversation | None = None

    @property
    def _talking(self) -> bool:
        # SIPp calls again within a millisecond of a hang-up, so a call counts as over when its line says so.
        return self._conversation is not None and not self._conversation.ends

    def decide(self, number: str, source: str | None = None) -> Admission:
        return Admission.BUSY if self._talking and self.admission is Admission.ALLOWED else self.admission

    def note_refusal(self, kind: str, number: str, cause: RefusalCause, detail: str = "") -> None:
        self.refused.append(cause)

    async def answer(self, line: PhoneLine, *, busy: bool = False) -> None:
        conversation = Conversation(line)
        line.start(conversation)
        if self._talking:
            self.busy.put_nowait(conversation)
            await conversation.say(tone(self.SENTENCE, 2.0))
            await line.hang_up()
            return
        self._conversation = conversation
        self.conversations.put_nowait(conversation)
        try:
            while not conversation.ends:
                await asyncio.sleep(0.02)
        finally:
            await line.hang_up()

    async def conversation(self) -> Conversation:
        return await asyncio.wait_for(self.conversations.get(), PATIENCE)


@asynccontextmanager
async def bot(
    pbx: int | None = None, timers: SipTimers | None = None, *, user: str = "bot", told: str = "secret-bot"
) -> AsyncIterator[tuple[SipEndpoint, Operator]]:
    """The endpoint, registered if there is a PBX.

    Args:
        told: the password with which the endpoint registers.
    """
    operator = Operator()
    account = None if pbx is None else Account(f"{HOST}:{pbx}", user, told)
    options = SipOptions((HOST, 0), free_ports(20), account)
    endpoint = SipEndpoint(options, operator, timers)
    await endpoint.start()
    try:
        if account is not None:
            await until(lambda: endpoint.registration[0] is not RegistrationState.TRYING)
        yield endpoint, operator
    finally:
        await endpoint.close()


async def until(happened: Callable[[], bool]) -> None:
    """Wait until something has happened."""
    await wait_until(happened, PATIENCE)

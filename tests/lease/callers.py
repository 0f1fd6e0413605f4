"""People who call the bot over the lines of the product: SIP with RTP on loopback, and Twilio's Media Streams.

Like every telephone, theirs sends sound all the time.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Protocol

import aiohttp
import numpy as np

from audio.g711 import decode_g711
from sandbox.twilio.account import TwilioAccount, new_id
from sandbox.twilio.stream import MediaStream
from tests.bot.http.twilio.stage import AUTH_TOKEN, PUBLIC_URL
from tests.e2e.twilio_calls import ACCOUNT, phone_settings
from tests.free_ports import free_port, free_ports
from tests.voice.phone.sip.telephone import HOST, Message, Telephone, parse

PIECE_SECONDS = 0.02
_SILENCE = b"\xd5" * 160
_VOICED = 300
"""Greatest sample (of 32,767) of sound in which nobody speaks."""
_KEYS = "0123456789*#"
_AGAIN = 0.5
"""Seconds after which somebody calls again because the bot was not ready."""


class Caller(Protocol):
    """Somebody in a phone call with the bot.

    Attributes:
        hung_up_on: set when the bot has ended the phone call.
    """

    hung_up_on: asyncio.Event

    @property
    def heard(self) -> bool:
        """Whether the bot has said something."""
        ...

    async def press(self, keys: str) -> None:
        """Press keys."""
        ...

    async def hang_up(self) -> None:
        """End the phone call."""
        ...

    async def break_off(self) -> None:
        """Lose the line, without a word to the bot."""
        ...

    def vanish(self) -> None:
        """Send no more sound, and don't hang up either."""
        ...


class PhoneNetwork(Protocol):
    """A kind of line between callers and one bot.

    Attributes:
        kind: as the log of calls names it.
        settings: the settings of the bot, by field name.
    """

    kind: str
    settings: dict[str, Any]

    def call(self) -> AbstractAsyncContextManager[Caller]:
        """Call a bot that is up, as soon as it takes phone calls. Leaving the block ends the caller's telephone."""
        ...

    def check_free(self) -> None:
        """Check that nobody listens where the bot has taken phone calls; raises :class:`OSError`."""
        ...


async def _every_piece(send: Callable[[], Awaitable[None]]) -> None:
    """Call ``send`` every 20 ms, until cancelled."""
    began, count = time.monotonic(), 0
    while True:
        await send()
        count += 1
        await asyncio.sleep(max(0.0, began + count * PIECE_SECONDS - time.monotonic()))


class SipCaller:
    """A caller with a telephone for SIP, who is in a phone call until :meth:`end`."""

    def __init__(self, telephone: Telephone, answer: Message) -> None:
        self.hung_up_on = asyncio.Event()
        self.heard = False
        self._telephone = telephone
        self._port = answer.sound_port
        self._answered = asyncio.Event()
        self._talking = asyncio.create_task(_every_piece(self._say_nothing))
        self._tasks = [self._talking, *(asyncio.create_task(each) for each in (self._listen(), self._follow()))]

    async def press(self, keys: str) -> None:
        for key in keys:
            stamp = 160 * (self._telephone.packet + 1)
            for end in (False, True, True, True):
                event = struct.pack(">BBH", _KEYS.index(key), 0x80 * end | 10, 800)
                self._telephone.sound.send(self._telephone.rtp(event, 101, timestamp=stamp), (HOST, self._port))
            await asyncio.sleep(PIECE_SECONDS)

    async def hang_up(self) -> None:
        self._telephone.send(self._telephone.write("BYE"))
        await self._answered.wait()

    async def break_off(self) -> None:
        raise NotImplementedError("over SIP, a lost line is one on which no sound comes")

    def vanish(self) -> None:
        self._talking.cancel()

    async def end(self) -> None:
        """Put the telephone away."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._telephone.close()

    async def _say_nothing(self) -> None:
        self._telephone.talk(self._port, payload=_SILENCE)

    async def _listen(self) -> None:
        while True:
            data, _ = await self._telephone.sound.came.get()
            self.heard = self.heard or bool(np.abs(decode_g711(data[12:], "alaw")).max(initial=0) > _VOICED)

    async def _follow(self) -> None:
        """Answer the bot's BYE, and note the bot's answer to the caller's BYE."""
        while True:
            message = parse(*await self._telephone.signals.came.get())
            if message.method == "BYE":
                self._telephone.answer(message)
                self.hung_up_on.set()
            elif message.status == 200 and message["CSeq"].endswith(" BYE"):
                self._answered.set()


class SipNetwork:
    """Callers who call a bot directly over SIP.

    Attributes:
        port: where the bot listens.
    """

    kind = "sip"

    def __init__(self) -> None:
        self.port, ports = free_port(), free_ports()
        self.settings: dict[str, Any] = {
            "phone_allow": "*",
            "sip_bind": f"{HOST}:{self.port}",
            "sip_rtp_ports": f"{ports.start}-{ports.stop - 1}",
        }
        self._ports = (self.port, *ports)

    @asynccontextmanager
    async def call(self) -> AsyncIterator[SipCaller]:
        while (answer := await (telephone := await Telephone.open(self.port)).call()).status == 503:
            telephone.close()
            await asyncio.sleep(_AGAIN)
        assert answer.status == 200, answer.first
        caller = SipCaller(telephone, answer)
        try:
            yield caller
        finally:
            await caller.end()

    def check_free(self) -> None:
        for port in self._ports:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
                probe.bind((HOST, port))


class TwilioCaller:
    """A caller whose phone call comes over Twilio."""

    def __init__(self, stream: MediaStream) -> None:
        self._stream = stream
        self.hung_up_on = asyncio.Event()
        self._talking = asyncio.create_task(_every_piece(stream.tick))
        self._following = asyncio.create_task(self._follow())

    @property
    def heard(self) -> bool:
        return self._stream.playout.spoken > 0

    async def press(self, keys: str) -> None:
        for key in keys:
            await self._stream.press(key)

    async def hang_up(self) -> None:
        self._stop()
        await self._stream.hang_up()

    async def break_off(self) -> None:
        self._stop()
        await self._stream.close()

    def vanish(self) -> None:
        self._talking.cancel()

    async def end(self) -> None:
        """Close the stream, if it is still open."""
        self._stop()
        await asyncio.gather(self._talking, self._following, return_exceptions=True)
        await self._stream.close()

    def _stop(self) -> None:
        self._talking.cancel()
        self._following.cancel()

    async def _follow(self) -> None:
        await self._stream.until(lambda: self._stream.closed, seconds=300)
        self.hung_up_on.set()


class TwilioNetwork:
    """Twilio, in front of a bot."""

    kind = "twilio"

    def __init__(self) -> None:
        self._port = free_port()
        self.settings = phone_settings(self._port)

    @asynccontextmanager
    async def call(self) -> AsyncIterator[TwilioCaller]:
        async with aiohttp.ClientSession() as session:
            account = TwilioAccount(session, f"http://{HOST}:{self._port}", PUBLIC_URL, ACCOUNT, AUTH_TOKEN)
            while (instruction := await account.announce(call := new_id("CA"))).verb != "Connect":
                await asyncio.sleep(_AGAIN)
            caller = TwilioCaller(await MediaStream.open(account, call, instruction))
            try:
                yield caller
            finally:
                await caller.end()

    def check_free(self) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((HOST, self._port))

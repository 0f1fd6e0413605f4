"""A telephone on bare UDP sockets, and the service that answers its phone calls, for tests of the SIP endpoint.

It shares no code with what it tests: messages are written and read as text, packets of sound with ``struct``.
"""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import re
import struct
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from bot.voice.phone.answering import Admission, RefusalCause
from bot.voice.phone.line import PhoneLine
from bot.voice.phone.sip.endpoint import SipEndpoint, SipOptions
from bot.voice.phone.sip.registration import Account
from bot.voice.phone.sip.timers import SipTimers
from tests.free_ports import free_ports
from tests.timing import wait_until
from tests.voice.phone.ear import Ear

HOST = "127.0.0.1"
PATIENCE = 30.0
"""Seconds after which a test that waits has failed."""
QUICK = SipTimers(t1=0.05, t2=0.2, closing=0.1)
"""Much shorter times than usual, so that tests need not wait for long."""
SLOW = SipTimers(t1=5.0, closing=0.1)
"""Nothing is sent again while a test lasts."""
_NUMBERS = itertools.count(1)


@dataclass(frozen=True)
class Message:
    """A SIP message as text."""

    first: str
    headers: list[tuple[str, str]]
    body: str
    source: tuple[str, int]

    @property
    def status(self) -> int:
        return int(self.first.split()[1]) if self.first.startswith("SIP/2.0 ") else 0

    @property
    def method(self) -> str:
        return "" if self.status else self.first.split()[0]

    def all(self, name: str) -> list[str]:
        return [value for each, value in self.headers if each.lower() == name.lower()]

    def __getitem__(self, name: str) -> str:
        return self.all(name)[0]

    @property
    def sound_port(self) -> int:
        found = re.search(r"^m=audio (\d+) ", self.body, re.MULTILINE)
        assert found, self.body
        return int(found[1])


def parse(data: bytes, source: tuple[str, int]) -> Message:
    head, _, body = data.decode().partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]
    return Message(first, headers, body, source)


class Socket(asyncio.DatagramProtocol):
    """A bound UDP socket, and the datagrams that have come to it."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    @classmethod
    async def open(cls, host: str = HOST) -> Socket:
        opened = cls()
        loop = asyncio.get_running_loop()
        opened.transport, _ = await loop.create_datagram_endpoint(lambda: opened, local_addr=(host, 0))
        return opened

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.came.put_nowait((data, addr))

    @property
    def port(self) -> int:
        assert self.transport
        return int(self.transport.get_extra_info("sockname")[1])

    def send(self, data: bytes, to: tuple[str, int]) -> None:
        assert self.transport
        self.transport.sendto(data, to)

    async def all_so_far(self) -> list[bytes]:
        """Everything that has come so far. The socket sends itself a last datagram, which comes after all others."""
        last = f"last {next(_NUMBERS)}".encode()
        host, port = self.transport.get_extra_info("sockname")[:2] if self.transport else ("", 0)
        self.send(last, (host, port))
        came = []
        while (data := (await asyncio.wait_for(self.came.get(), PATIENCE))[0]) != last:
            came.append(data)
        return came

    def close(self) -> None:
        assert self.transport
        self.transport.close()


SOUND = "8 0 101"
"""RTP's payload types of an offer: G.711 with the A-law (8) and the u-law (0), and digits (101)."""
FRAME = 160
"""Samples in 20 ms of sound, which is the length of a packet. G.711 has a byte for each."""
SILENCE = b"\x55" * FRAME
"""A packet of the A-law with one value throughout."""
RTP_VERSION_2 = 0x80
"""First byte of a packet of RTP without extensions."""


def description(port: int, formats: str = SOUND, more: str = "a=sendrecv", host: str = HOST) -> str:
    digits = "a=rtpmap:101 telephone-event/8000\r\n" if "101" in formats.split() else ""
    return (
        f"v=0\r\no=- 1 1 IN IP4 {host}\r\ns=-\r\nc=IN IP4 {host}\r\nt=0 0\r\n"
        f"m=audio {port} RTP/AVP {formats}\r\n{digits}{more}\r\n"
    )


class Telephone:
    """A phone that makes phone calls. It answers requests only when a test tells it to."""

    def __init__(self, signals: Socket, sound: Socket, reports: Socket, endpoint: tuple[str, int]) -> None:
        self.signals, self.sound, self.reports, self.endpoint = signals, sound, reports, endpoint
        self.call_id, self.tag = f"call{next(_NUMBERS)}@test", f"t{next(_NUMBERS)}"
        self.other_tag = ""
        self.sequence = 0
        self.packet = 0
        self.ssrc = next(_NUMBERS)
        self.user = "+4930123456"

    @classmethod
    async def open(cls, port: int, host: str = HOST) -> Telephone:
        return cls(await Socket.open(host), await Socket.open(host), await Socket.open(host), (HOST, port))

    def close(self) -> None:
        for each in (self.signals, self.sound, self.reports):
            each.close()

    def write(
        self, method: str, *, body: str = "", branch: str = "", sequence: int = 0, headers: str = "", via: str = ""
    ) -> str:
        """Write a request; the sequence number goes up, unless it is given."""
        if not sequence:
            self.sequence += 1
            sequence = self.sequence
        branch = branch or f"z9hG4bK{next(_NUMBERS)}"
        via = via or f"SIP/2.0/UDP {HOST}:{self.signals.port};branch={branch};rport"
        other = f";tag={self.other_tag}" if self.other_tag else ""
        kind = "Content-Type: application/sdp\r\n" if body and "Content-Type" not in headers else ""
        return (
            f"{method} sip:bot@{HOST} SIP/2.0\r\nVia: {via}\r\nMax-Forwards: 70\r\n"
            f"From: <sip:{self.user}@pbx.example>;tag={self.tag}\r\nTo: <sip:bot@{HOST}>{other}\r\n"
            f"Call-ID: {self.call_id}\r\nCSeq: {sequence} {method}\r\nContact: <sip:ada@{HOST}:{self.signals.port}>\r\n"
            f"{headers}{kind}Content-Length: {len(body)}\r\n\r\n{body}"
        )

    def send(self, text: str | bytes) -> None:
        self.signals.send(text if isinstance(text, bytes) else text.encode(), self.endpoint)

    async def next(self) -> Message:
        data, source = await asyncio.wait_for(self.signals.came.get(), PATIENCE)
        return parse(data, source)

    async def status(self, method: str = "", *, final: bool = True) -> Message:
        """The next response to ``method``, or to any request.

        Args:
            final: pass over responses that say only that the request is being worked on.
        """
        while True:
            message = await self.next()
            if message.status >= (200 if final else 100) and (not method or message["CSeq"].endswith(f" {method}")):
                return message

    async def request(self, method: str) -> Message:
        """The next request of the endpoint, with this method."""
        while (message := await self.next()).method != method:
            pass
        return message

    def invite(self, formats: str = SOUND, more: str = "a=sendrecv", headers: str = "", body: str | None = None) -> str:
        text = description(self.sound.port, formats, more) if body is None else body
        return self.write("INVITE", body=text, headers=headers)

    def ack(self, body: str = "") -> str:
        return self.write("ACK", sequence=self.sequence, body=body)

    async def call(self, **offer: str) -> Message:
        """Call, and acknowledge the answer."""
        self.send(self.invite(**offer))
        answer = await self.status("INVITE")
        self.other_tag = answer["To"].partition(";tag=")[2]
        self.send(self.ack())
        return answer

    async def ask(self, method: str, **parts: str) -> Message:
        """Send a request within the phone call. Returns the final response."""
        self.send(self.write(method, **parts))  # type: ignore[arg-type]
        return await self.status(method)

    def answer(self, request: Message, status: str = "200 OK", headers: str = "") -> None:
        """Answer a request of the endpoint."""
        copied = "".join(
            f"{name}: {value}\r\n"
            for name, value in request.headers
            if name.lower() in ("via", "from", "to", "call-id", "cseq")
        )
        self.signals.send(f"SIP/2.0 {status}\r\n{copied}{headers}Content-Length: 0\r\n\r\n".encode(), request.source)

    def rtp(
        self,
        payload: bytes,
        payload_type: int = 8,
        sequence: int | None = None,
        timestamp: int | None = None,
        marker: bool = False,
    ) -> bytes:
        self.packet = self.packet + 1 if sequence is None else sequence
        stamp = self.packet * FRAME if timestamp is None else timestamp
        head = struct.pack(">BBHII", RTP_VERSION_2, payload_type, self.packet % 2**16, stamp % 2**32, self.ssrc)
        return head + payload

    def talk(self, port: int, frames: int = 1, payload: bytes = SILENCE) -> None:
        """Send packets of sound, all at the same time."""
        for _ in range(frames):
            self.sound.send(self.rtp(payload), (HOST, port))

    async def hears(self) -> tuple[int, int, int, int, bytes]:
        """The next packet of sound: payload type, marker, sequence number, timestamp, payload."""
        data, _ = await asyncio.wait_for(self.sound.came.get(), PATIENCE)
        _, marked_type, sequence, timestamp, _ = struct.unpack(">BBHII", data[:12])
        return marked_type & 127, marked_type >> 7, sequence, timestamp, data[12:]


class Answering:
    """Answers phone calls: starts the line, and waits until it has ended."""

    def __init__(self) -> None:
        self.admission = Admission.ALLOWED
        self.asked: list[str] = []
        self.refused: list[tuple[str, RefusalCause]] = []
        self.busy: list[bool] = []
        self.lines: asyncio.Queue[tuple[PhoneLine, Ear]] = asyncio.Queue()

    def decide(self, number: str, source: str | None = None) -> Admission:
        self.asked.append(number)
        return self.admission

    def note_refusal(self, kind: str, number: str, cause: RefusalCause, detail: str = "") -> None:
        assert kind == "sip"
        self.refused.append((number, cause))

    async def answer(self, line: PhoneLine, *, busy: bool = False) -> None:
        self.busy.append(busy)
        ear = Ear()
        line.start(ear)
        self.lines.put_nowait((line, ear))
        try:
            await until(lambda: bool(ear.ends))
        except asyncio.CancelledError:
            await line.hang_up()
            raise

    async def line(self) -> tuple[PhoneLine, Ear]:
        return await asyncio.wait_for(self.lines.get(), PATIENCE)


async def until(happened: Callable[[], bool]) -> None:
    """Wait until something has happened."""
    await wait_until(happened, PATIENCE)


class Shifted:
    """A clock that a test sets forward."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead


@dataclass
class Exchange:
    """An endpoint, the service that answers its phone calls, and the phones of a test."""

    endpoint: SipEndpoint
    answering: Answering
    phones: list[Telephone] = field(default_factory=list)

    async def phone(self, host: str = HOST) -> Telephone:
        phone = await Telephone.open(self.endpoint.port, host)
        self.phones.append(phone)
        return phone


@asynccontextmanager
async def exchange(
    timers: SipTimers = QUICK,
    account: Account | None = None,
    clock: Callable[[], float] = time.monotonic,
    external: str = "",
) -> AsyncIterator[Exchange]:
    """An endpoint that listens."""
    answering = Answering()
    options = SipOptions((HOST, 0), free_ports(), account, external)
    running = Exchange(SipEndpoint(options, answering, timers, clock), answering)
    await running.endpoint.start()
    try:
        yield running
    finally:
        await running.endpoint.close()
        for phone in running.phones:
            phone.close()


def digest(user: str, realm: str, password: str, nonce: str, method: str, uri: str, nc: str, cnonce: str) -> str:
    """The field ``response`` of a digest with ``qop=auth`` and MD5 (RFC 2617)."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()  # noqa: S324  # what PBXs ask for

    return md5(f"{md5(f'{user}:{realm}:{password}')}:{nonce}:{nc}:{cnonce}:auth:{md5(f'{method}:{uri}')}")

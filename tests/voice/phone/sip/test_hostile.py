"""Tests of the SIP endpoint with hostile messages and packets."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import struct
import tracemalloc
from collections.abc import Iterator

import pytest

from bot.voice.phone.answering import Admission, Refusal
from bot.voice.phone.sip.endpoint import SipEndpoint, SipOptions
from bot.voice.phone.sip.limits import INVITES, MESSAGES
from bot.voice.phone.sip.messages import MAX_DATAGRAM
from bot.voice.phone.sip.negotiation import Media
from bot.voice.phone.sip.open_calls import MAX_CALLS
from bot.voice.phone.sip.rtcp import Reports
from bot.voice.phone.sip.rtp import Incoming
from bot.voice.phone.sip.sound_rules import SoundRules
from bot.voice.phone.sip.timers import SipTimers
from bot.voice.phone.sip.transactions import MAX_REMEMBERED
from tests.free_ports import free_ports
from tests.voice.phone.sip.telephone import FRAME, HOST, Answering, description, exchange, parse, until

HOSTILE_VALUES = (
    *("", " ", "-1", "0", "4294967296", "9" * 400, "٣", "1_0", "1e9", "0x10", "NaN", "%s%n", "\x00", "\xff\xfe"),
    *("sip:", "<sip:a@b", "<<>>", '"', "sip:[::1", "sip:a@b:99999", "tel:+", "sip:a@b;tag", ";;;;=;", "\u2028"),
    *("<sip:@>;tag=" + "t" * 300, "SIP/2.0/UDP", "SIP/2.0/TCP h;branch=z", "SIP/2.0/UDP [::1;branch=z", "a, b, c, d"),
    *("SIP/2.0/UDP h:0;branch=z;rport=99999", "1 INVITE INVITE", "1 ACK", "INVITE 1", "application/sdp;x", "id"),
    *("multipart/mixed", "100rel, timer", "x" * 5000),
    "SIP/2.0/UDP 198.51.100.1:53;received=198.51.100.2;rport=53;branch=z9hG4bKvictim",
)
USUAL = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK")
METHODS = (*USUAL, "REGISTER", "NOTIFY", "", "invite", "É")
COUNTS = pytest.mark.parametrize("count", [2_000, pytest.param(10_000, marks=pytest.mark.slow)])


class Wire(asyncio.DatagramTransport):
    """What the endpoint sends, without a network."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[bytes, tuple[str, int]]] = []

    def sendto(self, data: bytes | bytearray | memoryview, addr: object = None) -> None:
        assert isinstance(addr, tuple)
        self.sent.append((bytes(data), addr))

    def close(self) -> None:
        """Nothing is open."""


class Steps:
    """A clock that stands still. The test adds ``step`` to ``now`` before each message."""

    def __init__(self, step: float) -> None:
        self.now = 1000.0
        self.step = step

    def __call__(self) -> float:
        return self.now


class Attacker:
    """Writes messages of phone calls, most of them damaged. Some belong to phone calls that were accepted."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.calls: list[tuple[str, str, str, int]] = []  # Call-ID, own tag, other tag, sequence

    def message(self, host: str) -> bytes:
        """A message that comes from this host."""
        rng = self.rng
        method = rng.choice(USUAL * 4 + METHODS)
        call = rng.choice(self.calls) if self.calls and rng.random() < 0.7 else None
        call_id, tag, other, sequence = call or (f"c{rng.randrange(10**6)}", f"t{rng.randrange(10**6)}", "", 1)
        if call and method not in ("ACK", "CANCEL"):
            sequence += rng.randrange(0, 3)
        to_tag = f";tag={other}" if other else ""
        body = self._body(host) if method in ("INVITE", "UPDATE", "ACK") and rng.random() < 0.8 else ""
        first = (
            f"{method} sip:bot@{HOST} SIP/2.0"
            if rng.random() < 0.95
            else f"SIP/2.0 {rng.choice((100, 200, 401, 999))} x"
        )
        lines = [
            first,
            f"Via: SIP/2.0/UDP {HOST}:5099;branch=z9hG4bK{rng.randrange(10**6)};rport",
            f"From: <sip:+49301@{HOST}>;tag={tag}",
            f"To: <sip:bot@{HOST}>{to_tag}",
            f"Call-ID: {call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:ada@{HOST}:5099>",
            "Content-Type: application/sdp",
            f"Content-Length: {len(body)}",
        ]
        if rng.random() < 0.75:
            lines, body = self._damage(lines, body)
        data = ("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8", "surrogatepass")
        return self._damage_bytes(data) if rng.random() < 0.3 else data

    def learn(self, sent: list[tuple[bytes, tuple[str, int]]]) -> None:
        for data, source in sent:
            try:
                message = parse(data, source)
                if message.status == 200 and message["CSeq"].endswith("INVITE"):
                    tags = [message[name].partition(";tag=")[2] for name in ("From", "To")]
                    self.calls.append((message["Call-ID"], *tags, int(message["CSeq"].split()[0])))  # type: ignore[arg-type]
            except (ValueError, IndexError):
                continue
        self.calls = self.calls[-6:]

    def _body(self, host: str) -> str:
        rng = self.rng
        more = rng.choice(("a=sendrecv", "a=sendonly", "a=inactive", "a=recvonly", "a=rtpmap:8 PCMA/8000", "a=ptime:0"))
        formats = rng.choice(("8 0 101", "0", "18", "96", "8 " * 50))
        sound = rng.choice((host, host, host, HOST, "192.168.1.7", "8.8.8.8"))
        text = description(rng.randrange(1, 65_536), formats, more, sound)
        if rng.random() < 0.5:
            lines = text.split("\r\n")
            place = rng.randrange(len(lines))
            lines[place] = lines[place][:2] + rng.choice(HOSTILE_VALUES)
            text = "\r\n".join(lines * rng.choice((1, 1, 1, 30)))
        return text

    def _damage(self, lines: list[str], body: str) -> tuple[list[str], str]:
        rng = self.rng
        for _ in range(rng.randrange(1, 4)):
            place = rng.randrange(len(lines))
            name = lines[place].partition(":")[0]
            match rng.randrange(6):
                case 0:
                    lines[place] = f"{name}: {rng.choice(HOSTILE_VALUES)}"
                case 1:
                    lines.insert(place, lines[place])
                case 2 if len(lines) > 1:
                    del lines[place]
                case 3:
                    lines += [f"X-{n}: {n}" for n in range(rng.choice((3, 300)))]
                case 4:
                    lines[place] = lines[place].replace(";", rng.choice((",", ";;", " ;\r\n ", "=")))
                case _:
                    rng.shuffle(lines)
        return lines, body

    def _damage_bytes(self, data: bytes) -> bytes:
        rng = self.rng
        cut = bytearray(data)
        for _ in range(rng.randrange(1, 6)):
            if cut:
                cut[rng.randrange(len(cut))] = rng.randrange(256)
        start = rng.randrange(len(cut) + 1)
        match rng.randrange(3):
            case 0:
                del cut[start:]
            case 1:
                cut[start:start] = bytes(rng.randrange(256) for _ in range(rng.randrange(40)))
            case _:
                cut += cut[:start] * rng.randrange(3)
        return bytes(cut)


def hosts(rng: random.Random) -> tuple[str, int]:
    return f"192.0.2.{rng.randrange(250)}", rng.randrange(1024, 65_536)


@COUNTS
async def test_no_damaged_message_raises_or_is_kept(caplog: pytest.LogCaptureFixture, count: int) -> None:
    wire, clock, answering = Wire(), Steps(0.2), Answering()
    timers = SipTimers(t1=0.002, t2=0.01, early=0.005, closing=0.1)
    endpoint = SipEndpoint(SipOptions((HOST, 0), free_ports(), None), answering, timers, clock)
    endpoint.connection_made(wire)
    attacker = Attacker(20)
    caplog.set_level(logging.ERROR)
    statuses: set[int] = set()
    for number in range(count):
        clock.now += clock.step
        answering.admission = attacker.rng.choice((*(Admission.ALLOWED,) * 6, *Admission))
        source = hosts(attacker.rng)
        endpoint.datagram_received(attacker.message(source[0]), source)
        statuses |= {parse(data, where).status for data, where in wire.sent}
        attacker.learn(wire.sent)
        wire.sent.clear()
        if number % 20 == 0:
            await asyncio.sleep(0.001)
        assert endpoint.calls <= MAX_CALLS
        if number == count // 2:
            gc.collect()
            tracemalloc.start()
    assert not caplog.records, caplog.records[0].exc_info
    assert {200, 405, 481, 486, 488, 503} <= statuses, "enough messages pass to get each of these responses"
    await endpoint.close()
    while not answering.lines.empty():
        answering.lines.get_nowait()
    attacker.calls.clear()
    answering.refused.clear()
    gc.collect()
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    # Most of this memory is for responses that are kept for retransmissions.
    assert kept < MAX_REMEMBERED * 4096
    assert answering.asked and len(asyncio.all_tasks()) == 1


async def test_nobody_gets_more_than_they_send_and_nobody_else_gets_anything() -> None:
    wire, clock, answering = Wire(), Steps(0.2), Answering()
    endpoint = SipEndpoint(SipOptions((HOST, 0), free_ports(), None), answering, SipTimers(t1=50.0, closing=0.1), clock)
    endpoint.connection_made(wire)
    attacker = Attacker(21)
    for _ in range(2000):
        clock.now += clock.step
        source = hosts(attacker.rng)
        endpoint.datagram_received(attacker.message(source[0]), source)
        assert len(wire.sent) <= 1
        assert all(where[0] == source[0] for _, where in wire.sent)
        wire.sent.clear()
    await endpoint.close()


def packets(seed: int, count: int) -> Iterator[bytes]:
    """Packets of sound, digits and reports, most of them damaged."""
    rng = random.Random(seed)
    number = 0
    for _ in range(count):
        number += rng.choice((1, 1, 1, 1, 0, 2, 60, -3, 30_000))
        kind = rng.choice((8, 8, 8, 101, 101 | 128, 13, 0, 72, 200, 201, 202, 203, 205, 206))
        head = struct.pack(
            ">BBHII", rng.choice((0x80,) * 6 + (0x90, 0xA0, 0x8F, 0xBF, 0x00, 0x81)), kind, number % 65_536,
            rng.choice((number * FRAME, rng.randrange(2**32))) % 2**32, rng.choice((1, 1, 1, 1, rng.randrange(2**32))),
        )  # fmt: skip
        payload = rng.randbytes(rng.choice((160, 160, 160, 4, 0, 1, 3, 24, 1500)))
        if 200 <= kind <= 206 and rng.random() < 0.7:
            head = head[:2] + struct.pack(">H", (len(head) + len(payload)) // 4 - 1) + head[4:]
        data = head + payload
        yield data[: rng.randrange(len(data) + 1)] if rng.random() < 0.2 else data


@COUNTS
def test_no_damaged_packet_raises_or_is_kept(count: int) -> None:
    remote = ("192.0.2.1", 4000)
    incoming, reports = Incoming(Media(remote, "alaw", 8, 101), SoundRules(remote[0])), Reports(7)
    told = 0
    for number, data in enumerate(packets(22, count)):
        at = number * 0.005
        packet = incoming.read(data, remote)
        if packet is not None:
            reports.count(packet)
            told += len(incoming.take(packet, at))
        reports.take(data, at)
        if (deadline := incoming.deadline) is not None and deadline <= at:
            told += len(incoming.tick(at))
        assert len(reports.report(at, number, number)) < 200
        assert len(incoming._jitter._waiting) <= 60
    assert told > count / 10


async def test_a_flood_of_one_host_is_not_answered_and_others_are() -> None:
    wire, clock = Wire(), Steps(0.0)
    endpoint = SipEndpoint(SipOptions((HOST, 0), free_ports(), None), Answering(), SipTimers(t1=50.0), clock)
    endpoint.connection_made(wire)
    head = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z{}\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:a@b>\r\n"
    question = head + "Call-ID: 1\r\nCSeq: 1 OPTIONS\r\n\r\n"
    for number in range(2 * MESSAGES):
        endpoint.datagram_received(question.format(number).encode(), ("192.0.2.1", 5060))
    assert len(wire.sent) == MESSAGES
    endpoint.datagram_received(question.format("x").encode(), ("192.0.2.2", 5060))
    assert wire.sent[-1][1] == ("192.0.2.2", 5060)


async def test_too_many_phone_calls_of_one_host_are_refused_before_anybody_is_asked() -> None:
    async with exchange() as here:
        here.answering.admission = Admission.NOT_ALLOWED
        statuses = []
        for _ in range(INVITES + 2):
            phone = await here.phone()
            phone.send(phone.invite())
            statuses.append((await phone.status("INVITE")).status)
        assert statuses == [403] * INVITES + [503] * 2
        assert len(here.answering.asked) == INVITES
        assert [cause for _, cause in here.answering.refused[INVITES:]] == [Refusal.TOO_MANY] * 2, (
            "the refusals are noted"
        )


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: text.replace("Call-ID", "X-Call-ID"),
        lambda text: text.replace("CSeq: 1 INVITE", "CSeq: ٣ INVITE"),
        lambda text: text.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        lambda text: text.replace("CSeq: 1 INVITE", f"CSeq: {2**31} INVITE"),
        lambda text: text.replace("Via:", "Via: SIP/2.0/TCP h;branch=z\r\nVia:"),
        lambda text: text.replace(";tag=", ";tug="),
        lambda text: text.replace("From:", "From: <sip:a@b>;tag=2\r\nFrom:"),
        lambda text: text.replace("Max-Forwards: 70", "Subject: a\x00b"),
        lambda text: text.replace("Max-Forwards: 70", "Subject: " + "x" * MAX_DATAGRAM),
        lambda text: text.replace("Max-Forwards: 70", "\r\n".join(f"X-{n}: 1" for n in range(200))),
        lambda text: text.replace("INVITE sip", "SIP/2.0 200 OK\r\nX: sip", 1),
        lambda text: "\r\n\r\n",
        lambda text: "hello",
    ],
)  # fmt: skip
async def test_a_datagram_that_is_no_message_is_not_answered(damage: object) -> None:
    async with exchange() as here:
        phone = await here.phone()
        assert callable(damage)
        phone.send(damage(phone.invite()))
        assert (await phone.ask("OPTIONS")).status == 200, "the next message is answered"
        assert phone.signals.came.empty() and here.endpoint.calls == 0


async def test_responses_go_to_the_sender_and_to_no_address_in_the_message() -> None:
    async with exchange() as here:
        phone, victim = await here.phone(), await here.phone("127.0.0.2")
        to = f"127.0.0.2:{victim.signals.port}"
        # This request has no rport. It is answered at the phone's own host, at the port in its Via.
        phone.send(phone.write("OPTIONS", via=f"SIP/2.0/UDP {to};branch=z9hG4bKw;received=127.0.0.2"))
        via = f"SIP/2.0/UDP {to};branch=z9hG4bKx;received=127.0.0.2;rport={victim.signals.port}"
        phone.send(phone.write("OPTIONS", via=via))
        answer = await phone.status("OPTIONS")
        assert f"received={HOST}" in answer["Via"] and f"rport={phone.signals.port}" in answer["Via"]
        assert await victim.signals.all_so_far() == []


async def test_a_phone_without_rport_is_answered_at_the_port_that_it_names() -> None:
    async with exchange() as here:
        phone, other = await here.phone(), await here.phone()
        via = f"SIP/2.0/UDP {HOST}:{other.signals.port};branch=z9hG4bKy"
        phone.send(phone.write("OPTIONS", via=via))
        assert (await other.status("OPTIONS")).status == 200


async def test_no_sound_is_sent_before_the_answer_is_acknowledged() -> None:
    async with exchange() as here:
        phone = await here.phone()
        phone.send(phone.invite())
        await phone.status("INVITE")
        await until(lambda: here.endpoint.calls == 0)
        assert await phone.sound.all_so_far() == []


@pytest.mark.parametrize("host", ["224.0.0.1", "255.255.255.255", "pbx.example", "1.2.3", "::ffff:1:2:3:4:5:6:7:8"])
async def test_an_offer_with_the_address_of_no_single_machine_or_with_a_system_port_is_refused(host: str) -> None:
    async with exchange() as here:
        phone = await here.phone()
        phone.send(phone.invite(body=description(4000, host=host)))
        assert (await phone.status("INVITE")).status == 488
        phone.send(phone.invite(body=description(53)))
        assert (await phone.status("INVITE")).status == 488


async def test_a_flood_of_changes_that_are_refused_is_one_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async with exchange() as here:
        phone = await here.phone()
        await phone.call()
        with caplog.at_level("INFO"):
            for _ in range(20):
                assert (await phone.ask("INVITE", body=description(53))).status == 488
    assert sum("A change of a phone call is refused" in each.message for each in caplog.records) == 1

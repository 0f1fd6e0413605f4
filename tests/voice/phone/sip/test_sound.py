"""Tests of the sound, the digits and the silence of a phone call over SIP, packet by packet."""

from __future__ import annotations

import asyncio
import random
import struct
import time
from itertools import pairwise

import pytest

from bot.voice.phone.line import LineEnd, PhoneLine
from bot.voice.phone.sip.line import HEARD_AFTER, SipLine
from bot.voice.phone.sip.negotiation import Media
from bot.voice.phone.sip.rtp import Digit, Gap, Incoming, Outgoing, Received, Sound
from bot.voice.phone.sip.sound_rules import SoundRules
from tests.voice.phone.ear import Ear
from tests.voice.phone.sip.telephone import (
    FRAME,
    HOST,
    QUICK,
    Exchange,
    Message,
    Shifted,
    Telephone,
    exchange,
    until,
)

REMOTE = ("192.0.2.1", 4000)
MEDIA = Media(REMOTE, "alaw", 8, 101)
SIGNALLING = "192.0.2.5"
OF_PBX = SoundRules(SIGNALLING, trusted=True)


def packet(
    number: int, payload: bytes = b"x" * FRAME, kind: int = 8, timestamp: int | None = None, ssrc: int = 1
) -> bytes:
    stamp = number * FRAME if timestamp is None else timestamp
    return struct.pack(">BBHII", 0x80, kind, number % 65_536, stamp % 2**32, ssrc) + payload


def digit(number: int, timestamp: int, event: int, duration: int, end: bool = False, marker: bool = False) -> bytes:
    payload = struct.pack(">BBH", event, 0x80 * end | 10, duration)
    return packet(number, payload, 101 | 0x80 * marker, timestamp)


def receive(incoming: Incoming, data: bytes, at: float = 0.0, source: tuple[str, int] = REMOTE) -> list[Received]:
    read = incoming.read(data, source)
    return [] if read is None else incoming.take(read, at)


def digits(incoming: Incoming, packets: list[bytes]) -> str:
    return "".join(each.digit for data in packets for each in receive(incoming, data) if isinstance(each, Digit))


def pressed(start: int, timestamp: int, event: int) -> list[bytes]:
    """The packets of one key: four while it is held, and three that each report its release."""
    first = [digit(start + n, timestamp, event, 160 * (n + 1), marker=not n) for n in range(4)]
    return first + [digit(start + 4 + n, timestamp, event, 800, end=True) for n in range(3)]


def test_each_key_counts_once() -> None:
    packets = pressed(0, 1000, 5) + pressed(10, 3000, 5) + pressed(20, 5000, 11)
    assert digits(Incoming(MEDIA, OF_PBX), packets) == "55#"


@pytest.mark.parametrize("seed", range(20))
def test_each_key_counts_once_whatever_the_network_loses_doubles_and_turns_around(seed: int) -> None:
    rng = random.Random(seed)
    sent: list[tuple[float, bytes]] = []
    for place, event in enumerate((1, 1, 10, 15)):
        packets = pressed(place * 10, 1000 + place * 2000, event)
        rng.shuffle(packets)
        kept = packets[: rng.randrange(1, len(packets) + 1)]
        sent += [(place + rng.random() * 1.3, each) for each in kept for _ in range(rng.choice((1, 1, 2)))]
    told = digits(Incoming(MEDIA, OF_PBX), [data for _, data in sorted(sent, key=lambda each: each[0])])
    assert sorted(told) == sorted("11*D")


def test_a_key_that_is_held_for_long_is_one_digit() -> None:
    packets = [
        digit(0, 1000, 7, 160, marker=True),
        digit(1, 1000, 7, 0xFFFF),
        digit(2, 1000 + 0xFFFF, 7, 160),
        digit(3, 1000 + 0xFFFF, 7, 320, end=True),
    ]
    assert digits(Incoming(MEDIA, OF_PBX), packets) == "7"


def test_events_of_another_kind_and_cut_packets_are_no_digits() -> None:
    packets = [
        digit(0, 1000, 16, 160),
        packet(1, b"\x05", 101),
        packet(2, b"", 101),
        packet(3, b"\x05\x80\x00\x00", 102),
    ]
    assert digits(Incoming(MEDIA, OF_PBX), packets) == ""


def test_sound_comes_in_order_and_losses_are_reported() -> None:
    incoming = Incoming(MEDIA, OF_PBX)
    assert receive(incoming, packet(65_534, b"a" * FRAME), 0.00) == [Sound(b"a" * FRAME, 0.00)]
    assert receive(incoming, packet(0, b"c" * FRAME), 0.02) == []
    assert receive(incoming, packet(65_535, b"b" * FRAME), 0.03) == [
        Sound(b"b" * FRAME, 0.03),
        Sound(b"c" * FRAME, 0.02),
    ]
    assert receive(incoming, packet(3, b"f" * FRAME), 0.06) == []
    assert incoming.deadline is not None
    assert incoming.tick(incoming.deadline) == [Gap(320, 0.06), Sound(b"f" * FRAME, 0.06)]
    assert receive(incoming, packet(2, b"late" * 40), 0.2) == []
    assert receive(incoming, packet(3, b"f" * FRAME), 0.2) == []


def test_digits_and_comfort_noise_are_no_lost_sound() -> None:
    incoming = Incoming(MEDIA, OF_PBX)
    receive(incoming, packet(1), 0.0)
    receive(incoming, digit(2, 320, 5, 160), 0.02)
    receive(incoming, packet(3, b"\x40", 13), 0.04)
    assert receive(incoming, packet(4), 0.06) == [Sound(b"x" * FRAME, 0.06)]


def test_a_stream_that_begins_anew_is_heard_at_once() -> None:
    incoming = Incoming(MEDIA, OF_PBX)
    receive(incoming, packet(5000, ssrc=1))
    assert receive(incoming, packet(3, b"new" * 40, ssrc=2), 1.0) == [Sound(b"new" * 40, 1.0)]


@pytest.mark.parametrize("share", [0.0, 0.02, 0.2])
def test_no_sound_comes_twice_or_out_of_order_and_gaps_are_as_long_as_the_lost_sound(share: float) -> None:
    rng = random.Random(f"{share}")
    incoming = Incoming(MEDIA, OF_PBX)
    arrivals = sorted((n * 0.02 + rng.random() * 0.05, n) for n in range(1000) if n < 5 or rng.random() >= share)
    out: list[Received] = []
    for at, number in arrivals:
        while (deadline := incoming.deadline) is not None and deadline <= at:
            out += incoming.tick(deadline)
        out += receive(incoming, packet(number, struct.pack(">I", number) * 40), at)
    out += incoming.tick(99.0)
    numbers = [struct.unpack(">I", each.data[:4])[0] for each in out if isinstance(each, Sound)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) >= 0.97 * len(arrivals)
    samples = sum(
        len(each.data) if isinstance(each, Sound) else each.samples for each in out if not isinstance(each, Digit)
    )
    assert samples == 160 * (numbers[-1] - numbers[0] + 1)


def test_only_the_other_side_is_heard() -> None:
    incoming = Incoming(MEDIA, OF_PBX)
    assert receive(incoming, packet(0), source=("198.51.100.9", 4000)) == []
    assert len(receive(incoming, packet(0), source=(SIGNALLING, 62_000))) == 1, "a phone behind a router"
    assert incoming.source == (SIGNALLING, 62_000)
    assert receive(incoming, packet(1), source=REMOTE) == [], "only the first address that sends is heard"
    assert receive(incoming, packet(1), source=(SIGNALLING, 62_001)) == []
    assert incoming.dropped == 3


def test_packets_without_sound_do_not_say_where_the_phone_is() -> None:
    incoming = Incoming(MEDIA, OF_PBX)
    for data in (b"", b"\x80", packet(0, kind=0), packet(0, b"x" * 1700), b"\x00" * 172, bytes(20)):
        assert receive(incoming, data, source=(SIGNALLING, 1)) == []
    assert incoming.source is None


def test_timestamps_of_own_packets_follow_the_clock_and_the_first_packet_after_a_pause_is_marked() -> None:
    outgoing = Outgoing(100.0)
    times = [100.0, 100.02, 100.041, 100.06, 101.0, 101.02]
    sent = [struct.unpack(">BBHII", outgoing.packet(8, b"x" * FRAME, at)[:12]) for at in times]
    assert [kind >> 7 for _, kind, *_ in sent] == [1, 0, 0, 0, 1, 0]
    first = sent[0][2]
    assert [(each[2] - first) % 65_536 for each in sent] == [0, 1, 2, 3, 4, 5]
    stamps = [(each[3] - sent[0][3]) % 2**32 for each in sent]
    assert stamps == [0, 160, 320, 480, 8000, 8160]


async def talking(here: Exchange) -> tuple[Telephone, Message, PhoneLine, Ear]:
    phone = await here.phone()
    answer = await phone.call()
    line, ear = await here.answering.line()
    return phone, answer, line, ear


async def test_sound_goes_both_ways_in_the_order_of_time() -> None:
    async with exchange() as here:
        phone, answer, line, ear = await talking(here)
        phone.talk(answer.sound_port, 3, b"\x12" * FRAME)
        await until(lambda: ear.sounds == [b"\x12" * FRAME] * 3)

        # The packets are sent without a pause, so that the line puts little silence between them on a busy machine.
        def send() -> None:
            for number in (1, 2, 3):
                line.send(bytes([number]) * FRAME)

        await asyncio.to_thread(send)
        heard: list[tuple[int, int, int, int]] = []
        while not heard or heard[-1][1] != 3:
            kind, _, sequence, timestamp, payload = await phone.hears()
            if payload[0] in (1, 2, 3) or heard:
                heard.append((kind, payload[0], sequence, timestamp))
        # On a busy machine, there may be packets of silence (0xD5) in between.
        assert [each[:2] for each in heard if each[1] != 0xD5] == [(8, 1), (8, 2), (8, 3)]
        steps = [((b[2] - a[2]) % 65_536, (b[3] - a[3]) % 2**32) for a, b in pairwise(heard)]
        assert steps == [(1, 160)] * (len(heard) - 1)


async def test_between_its_words_the_bot_sends_silence_without_a_break() -> None:
    now = 1_000.0
    async with exchange(clock=lambda: now) as here:
        phone, *_ = await talking(here)
        packets = []
        for _ in range(21):
            # The time goes on with each packet, so no stall of the machine makes a break.
            now += 0.02
            packets.append(await phone.hears())
        assert {each[4] for each in packets} == {b"\xd5" * FRAME}
        assert [each[1] for each in packets] == [1] + [0] * 20
        assert (packets[-1][3] - packets[0][3]) % 2**32 == 20 * FRAME


async def test_a_phone_behind_a_router_is_answered_where_it_sends_from() -> None:
    async with exchange() as here:
        phone = await here.phone()
        other = await here.phone()
        body = other.invite().partition("\r\n\r\n")[2].replace(HOST, "192.0.2.77")
        answer = await phone.call(body=body)
        phone.talk(answer.sound_port)
        await here.answering.line()
        assert (await phone.hears())[0] == 8


async def test_strangers_are_neither_heard_nor_answered() -> None:
    async with exchange() as here:
        phone, answer, _, ear = await talking(here)
        phone.talk(answer.sound_port)
        await until(lambda: len(ear.sounds) == 1)
        stranger, far = await here.phone(), await here.phone("127.0.0.2")
        for each in (stranger, far):
            each.talk(answer.sound_port, 5)
        # The phone sends its packet after the strangers do. All that the bot sends from now on must go to the phone.
        phone.talk(answer.sound_port)
        await until(lambda: len(ear.sounds) > 1)
        await phone.sound.all_so_far()
        for _ in range(5):
            await phone.hears()
        assert await stranger.sound.all_so_far() == await far.sound.all_so_far() == []
        assert len(ear.sounds) == 2


async def test_a_phone_that_vanishes_ends_the_phone_call() -> None:
    clock = Shifted()
    async with exchange(clock=clock) as here:
        phone, answer, _, ear = await talking(here)
        for number in range(3):
            clock.ahead += 8.0
            phone.talk(answer.sound_port)
            await until(lambda: len(ear.sounds) == number + 1)  # noqa: B023  # awaited at once
        assert ear.ends == []
        clock.ahead += QUICK.silence
        await until(lambda: ear.ends == [LineEnd.SILENT])
        phone.answer(await phone.request("BYE"))
        await until(lambda: here.endpoint.calls == 0)


async def test_packets_that_wait_in_the_socket_of_a_late_bot_are_neither_lost_nor_silence() -> None:
    now = 1_000.0
    async with exchange(clock=lambda: now) as here:
        phone, answer, line, ear = await talking(here)
        assert isinstance(line, SipLine)
        port = (HOST, answer.sound_port)
        for number in (0, 2):
            phone.sound.send(packet(number, bytes([number]) * FRAME), port)
        await until(lambda: line._incoming.deadline is not None)
        # The event loop is late: meanwhile the missing packet has come, and nobody has read it.
        phone.sound.send(packet(1, b"\1" * FRAME), port)
        now += 0.5
        line._timer.cancel()
        line._tick()
        assert [sound[0] for sound in ear.sounds] == [0, 1, 2]
        assert ear.gaps == []
        phone.sound.send(packet(3, b"\3" * FRAME), port)
        now += QUICK.silence
        line._timer.cancel()
        line._tick()
        assert len(ear.sounds) == 4
        assert ear.ends == []


async def test_a_phone_that_holds_is_waited_for_longer_and_not_for_ever() -> None:
    clock = Shifted()
    async with exchange(clock=clock) as here:
        phone, _, _, ear = await talking(here)
        phone.send(phone.invite(more="a=inactive"))
        await phone.status("INVITE")
        phone.send(phone.ack())
        clock.ahead += QUICK.hold / 2
        await until(lambda: ear.signs_of_life > 1)
        assert ear.ends == [] and ear.sounds == []
        clock.ahead += QUICK.hold / 2
        await until(lambda: ear.ends == [LineEnd.SILENT])


async def test_a_phone_that_only_listens_must_have_shown_where_it_is() -> None:
    clock = Shifted()
    async with exchange(clock=clock) as here:
        phone = await here.phone()
        await phone.call(more="a=recvonly")
        _, ear = await here.answering.line()
        clock.ahead += QUICK.silence
        await until(lambda: ear.ends == [LineEnd.SILENT])


async def test_an_address_from_which_nothing_comes_gets_a_few_packets_however_often_it_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("bot.voice.phone.sip.line.BLIND", 10)
    async with exchange() as here:
        phone, answer, line, _ = await talking(here)
        for direction in ("inactive", "sendrecv", "sendonly", "sendrecv"):
            phone.send(phone.invite(more=f"a={direction}"))
            await phone.status("INVITE")
            phone.send(phone.ack())
            for _ in range(20):
                line.send(b"\x12" * FRAME)
        assert (await phone.ask("OPTIONS")).status == 200
        assert phone.sound.came.qsize() <= 10
        phone.talk(answer.sound_port)
        while (await phone.hears())[4] != b"\xd5" * FRAME:
            pass


async def test_the_last_words_are_heard_before_the_bot_hangs_up() -> None:
    async with exchange() as here:
        phone, _, line, _ = await talking(here)
        spoken_at = time.monotonic()
        line.send(b"\x77" * FRAME)
        task = asyncio.create_task(line.hang_up())
        bye = await phone.request("BYE")
        assert time.monotonic() - spoken_at >= HEARD_AFTER
        phone.answer(bye)
        assert b"\x77" * FRAME in [packet[12:] for packet in await phone.sound.all_so_far()]
        await task
        line.send(b"\x77" * FRAME)  # nothing happens
        await line.hang_up()


async def test_reports_go_where_sound_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.voice.phone.sip.line.INTERVAL", 0.1)
    async with exchange() as here:
        phone, answer, *_ = await talking(here)
        for _ in range(15):  # 20 ms each: three reports would be due
            await phone.hears()
        assert await phone.reports.all_so_far() == [], "nothing goes to a place from which nothing has come"
        phone.talk(answer.sound_port, 5)
        hello = struct.pack(">BBHI", 0x80, 201, 1, phone.ssrc)
        phone.reports.send(hello, (HOST, answer.sound_port + 1))
        data, _ = await asyncio.wait_for(phone.reports.came.get(), 30)
        assert data[1] == 200, "a sender report"
        assert data[0] & 31 == 1 and struct.unpack(">I", data[28:32])[0] == phone.ssrc
        assert (await phone.ask("BYE")).status == 200
        kinds = set()
        while 203 not in kinds:
            data, _ = await asyncio.wait_for(phone.reports.came.get(), 30)
            while data:
                kinds.add(data[1])
                data = data[4 * (struct.unpack(">H", data[2:4])[0] + 1) :]

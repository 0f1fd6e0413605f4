"""The parsers of messages and packets from phones, for :mod:`tests.fuzzing.parsers`."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable
from pathlib import Path

from bot.http.twilio.messages import Media as TwilioMedia
from bot.http.twilio.messages import read_message
from bot.voice.phone.sip.messages import Request, caller_of, read, respond
from bot.voice.phone.sip.negotiation import Media, NoAgreementError, describe, read_media
from bot.voice.phone.sip.rtcp import Reports
from bot.voice.phone.sip.rtp import Incoming
from bot.voice.phone.sip.sound_rules import SoundRules
from tests.fuzzing.mutation import text_of
from tests.fuzzing.seeds import HOST, OFFER


def sip_messages() -> list[bytes]:
    """Valid messages of SIP, and a session description."""
    found = []
    for method in ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO"):
        body = OFFER if method == "INVITE" else ""
        found.append(
            (
                f"{method} sip:bot@{HOST} SIP/2.0\r\nVia: SIP/2.0/UDP {HOST}:5099;branch=z9hG4bK1;rport\r\n"
                f'From: "Ada" <sip:+49301@{HOST}>;tag=a\r\nTo: <sip:bot@{HOST}>\r\n'
                f"Call-ID: 1@x\r\nCSeq: 1 {method}\r\n"
                f"Contact: <sip:ada@{HOST}:5099>\r\nPrivacy: none\r\nContent-Type: application/sdp\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}"
            ).encode()
        )
    return [*found, found[0].replace(f"INVITE sip:bot@{HOST} SIP/2.0".encode(), b"SIP/2.0 200 OK"), OFFER.encode()]


def sip(data: bytes) -> None:
    """Read a message of SIP as the endpoint does, and answer it."""
    with contextlib.suppress(NoAgreementError):
        media = read_media(text_of(data))
        SoundRules(HOST).check(media)
        describe(media, ("127.0.0.1", 10_000), 1, 1)
    message = read(data, (HOST, 5099))
    if isinstance(message, Request):
        caller_of(message, trusted=True)
        assert message.answer_to[0] == HOST, "nobody else gets an answer"
        with contextlib.suppress(NoAgreementError):
            read_media(message.message.text or "")
        respond(message, 486, "tag")


def phone_packets() -> list[bytes]:
    """Valid packets of sound, digits and reports."""
    sound = [bytes([0x80, 8]) + bytes([0, n, 0, 0, n, 0, 0, 0, 0, 1]) + b"\xd5" * 160 for n in range(8)]
    digits = [bytes([0x80, 0xE5, 0, 9, 0, 0, 9, 0, 0, 0, 0, 1, key, 0x80, 0, 160]) for key in (1, 11, 16)]
    report = bytes([0x80, 200, 0, 6]) + bytes(24)
    return [*sound, *digits, report, bytes([0x81, 201, 0, 7]) + bytes(28)]


def phone_sound(folder: Path, stack: contextlib.ExitStack) -> Callable[[bytes, random.Random], None]:
    """The parser of the packets of one phone call."""
    media = Media((HOST, 40_000), "alaw", 8, 101)
    incoming, reports, clock = Incoming(media, SoundRules(HOST)), Reports(1), iter(range(10**9))

    def parse(data: bytes, rng: random.Random) -> None:
        now = next(clock) * 0.02
        packet = incoming.read(data, (HOST, 40_000))
        if packet is not None:
            incoming.take(packet, now)
            reports.count(packet)
        incoming.tick(now)
        reports.take(data, now)
        reports.report(now, 1, 160)

    return parse


def twilio(data: bytes) -> None:
    """Read a message of Media Streams."""
    message = read_message(text_of(data))
    if isinstance(message, TwilioMedia):
        message.sound()

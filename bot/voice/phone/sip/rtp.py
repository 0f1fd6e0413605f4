"""Sound and digits from RTP packets, and packets of sound (RFC 3550, RFC 4733).

Pure logic without sockets and clocks. The packets of the library aiortp are used. Its session is not. It has these
faults:

- It takes sound from whoever sends to the port. With ``symmetric_rtp``, every packet can redirect the bot's sound.
- Its jitter buffer gives a packet out only when the next one has come.
- A digit counts twice if the packet of its end arrives late, and not at all if that packet is lost.
- It raises an error for a packet of digits that is too short.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from aiortp import DtmfEvent, RtpPacket
from aiortp.dtmf import EVENT_TO_DIGIT

from bot.voice.jitter import Frame, JitterBuffer
from bot.voice.phone.line import FRAME_BYTES
from bot.voice.phone.sip.messages import Endpoint
from bot.voice.phone.sip.negotiation import Media
from bot.voice.phone.sip.sound_rules import SoundRules

COMFORT_NOISE = 13
"""Payload type of comfort noise (RFC 3389): the other side is silent, and sends no sound for a while."""
MAX_SOUND = 1600
"""Maximum length of a packet's sound in samples: 200 ms. Phones send 20 ms."""
_WRAP = 1 << 32
_LONGEST_EVENT = 0xFFFF
"""Longest duration that a packet can give for a key, in samples. If the key is held longer, its packets get a new
timestamp."""
_REMEMBERED = 16
"""Number of digits whose late packets are recognised."""


@dataclass(frozen=True, slots=True)
class Sound:
    """The next sound: G.711, and the arrival of its packet."""

    data: bytes
    at: float


@dataclass(frozen=True, slots=True)
class Gap:
    """This number of samples was lost before the next sound."""

    samples: int
    at: float


@dataclass(frozen=True, slots=True)
class Digit:
    """A key was pressed."""

    digit: str


Received: TypeAlias = Sound | Gap | Digit


class Digits:
    """Reads the digits in packets of RFC 4733.

    A digit counts at its first packet, since the three packets of its end can all be lost. Its later packets are
    recognised by their timestamp, and don't count.
    """

    def __init__(self) -> None:
        self._told: deque[int] = deque(maxlen=_REMEMBERED)  # timestamps of the newest digits
        self._last = (-1, -1, 0)  # event, timestamp and duration of the newest packet

    def take(self, packet: RtpPacket) -> Digit | None:
        """Take a packet. Returns the digit if it is a new one."""
        if len(packet.payload) < 4:
            return None
        event = DtmfEvent.parse(packet.payload)
        digit = EVENT_TO_DIGIT.get(event.event)
        if digit is None:
            return None
        number, timestamp, duration = self._last
        goes_on = (
            event.event == number
            and duration == _LONGEST_EVENT
            and packet.timestamp == (timestamp + _LONGEST_EVENT) % _WRAP
            and not packet.marker
        )
        known = packet.timestamp in self._told or goes_on
        if packet.timestamp not in self._told:
            self._told.append(packet.timestamp)
        self._last = (event.event, packet.timestamp, event.duration)
        return None if known else Digit(digit)


@dataclass(frozen=True, slots=True)
class _Piece:
    """What a packet carried. ``sound`` is empty for digits and comfort noise."""

    sound: bytes


class Incoming:
    """The other side's packets: where they may come from, and what is in them.

    Packets are taken from one address alone: the first one that sends sound, until the phone call is negotiated anew.
    The rules say which hosts may send. Any port counts, since a phone behind a router doesn't know its own address.

    Attributes:
        source: address that sound comes from; ``None`` before the first packet.
        taken: number of packets that were taken.
        dropped: number of packets that were not taken.
    """

    def __init__(self, media: Media, rules: SoundRules) -> None:
        self._rules = rules
        self.source: Endpoint | None = None
        self.taken = self.dropped = 0
        self.ssrc: int | None = None
        self._digits = Digits()
        self._jitter: JitterBuffer[_Piece] = JitterBuffer()
        self._length = FRAME_BYTES  # of the newest packet of sound
        self._media = media

    def change(self, media: Media) -> None:
        """The phone call is negotiated anew."""
        if media.remote not in (self._media.remote, self.source):
            self.source = None
        self._media = media

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due; ``None`` if nothing waits."""
        return self._jitter.deadline

    def admits(self, source: Endpoint) -> bool:
        """Whether packets from this address are the other side's, as far as is known."""
        return source == self.source if self.source is not None else self._rules.may_come(self._media, source[0])

    def read(self, data: bytes, source: Endpoint) -> RtpPacket | None:
        """Read a packet; ``None`` if ``data`` is no packet, or is not from the other side."""
        if not self.admits(source):
            self.dropped += 1
            return None
        try:
            packet = RtpPacket.parse(data)
        except (ValueError, IndexError):
            packet = None
        media = self._media
        if (
            packet is None
            or packet.payload_type not in (media.payload_type, media.digits, COMFORT_NOISE)
            or len(packet.payload) > MAX_SOUND
        ):
            self.dropped += 1
            return None
        self.source = source
        self.taken += 1
        return packet

    def take(self, packet: RtpPacket, at: float) -> list[Received]:
        """Take a packet that :meth:`read` has returned. Returns what is in order now."""
        if packet.ssrc != self.ssrc:
            self.ssrc, self._jitter = packet.ssrc, JitterBuffer()
        out: list[Received] = []
        piece = _Piece(packet.payload if packet.payload_type == self._media.payload_type else b"")
        if packet.payload_type == self._media.digits and (digit := self._digits.take(packet)):
            out.append(digit)
        if not self._jitter.refuses(packet.sequence_number, at):
            out += self._in_order(self._jitter.push(packet.sequence_number, piece, at))
        return out

    def tick(self, now: float) -> list[Received]:
        """Give up the packets that are overdue. Returns what waited for them."""
        return self._in_order(self._jitter.tick(now))

    def _in_order(self, frames: Iterable[Frame[_Piece]]) -> list[Received]:
        out: list[Received] = []
        for frame in frames:
            if frame.lost:
                out.append(Gap(frame.lost * self._length, frame.at))
            if frame.content.sound:
                self._length = len(frame.content.sound)
                out.append(Sound(frame.content.sound, frame.at))
        return out


class Outgoing:
    """The packets that this side sends: 20 ms each, numbered. Their timestamps follow the clock even during pauses.

    Args:
        now: time of the first packet, in monotonic seconds.
    """

    def __init__(self, now: float) -> None:
        self.ssrc = secrets.randbits(32)
        self.packets = 0
        self.timestamp = 0
        self._sequence = secrets.randbits(16)
        self._base = secrets.randbits(32)
        self._begun = now
        self._next = 0  # when the next packet is due, in samples since the first one

    def is_due(self, now: float) -> bool:
        """Whether the next packet is late by more than half of its length, so that silence has to fill in."""
        return (now - self._begun) * 8000 >= self._next + FRAME_BYTES / 2

    def packet(self, payload_type: int, sound: bytes, now: float) -> bytes:
        """Write the next packet. After a pause its timestamp is the clock's, and its marker is set."""
        elapsed = int((now - self._begun) * 8000) // FRAME_BYTES * FRAME_BYTES
        paused = elapsed > self._next + 2 * FRAME_BYTES or not self.packets
        if paused:
            self._next = max(elapsed, self._next)
        self.timestamp = (self._base + self._next) % _WRAP
        packet = RtpPacket(payload_type, int(paused), self._sequence, self.timestamp, self.ssrc, sound)
        self._sequence = (self._sequence + 1) % (1 << 16)
        self._next += len(sound)
        self.packets += 1
        return packet.serialize()

"""A voice channel for tests of the receiver: real transport encryption, and a stand-in for DAVE's from end to end."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field

import discord
import numpy as np

from audio.opus import load_opus
from bot.voice.discord.dave import ENCRYPTED_END, DecryptionError
from bot.voice.discord.receiver import Receiver
from bot.voice.discord.rtp import SILENCE, TransportCipher, transport_cipher
from bot.voice.frames import AudioFrame, InputEvent, TransmissionEnded
from sandbox.voice.rtp import MODES, make_cipher, make_header
from tests.voice.effects import only

KEY = bytes(range(32))
ADA, BEN = 1, 2
FRAME_SECONDS = 0.02
SALT = 8


@dataclass(eq=False)
class Group:
    """A stand-in for DAVE. The first byte of a sealed frame is the number of its sender, which is the key too.

    A frame can be decrypted only once, and only while its sender is in the group.
    """

    version: int = 1
    people: list[int] = field(default_factory=lambda: [ADA, BEN])
    opened: set[bytes] = field(default_factory=set)

    def members(self) -> list[int]:
        return list(self.people)

    def decrypt(self, person: int, frame: bytes) -> bytes:
        if person not in self.people or frame[0] != person or frame in self.opened:
            raise DecryptionError("not theirs")
        self.opened.add(frame)
        return frame[1 + SALT : -len(ENCRYPTED_END)]


def sealed_for(person: int, opus: bytes) -> bytes:
    return bytes([person]) + os.urandom(SALT) + opus + ENCRYPTED_END


@dataclass(eq=False)
class Wire:
    """The transport encryption of the connection. A test may remove its cipher."""

    cipher: TransportCipher | None


class Talker:
    """The client of one person. It makes datagrams of a tone: encoded with Opus and encrypted."""

    def __init__(self, person: int, ssrc: int, *, mode: str = MODES[1], sequence: int = 0) -> None:
        load_opus()
        self.person, self.ssrc, self.sequence = person, ssrc, sequence
        self._transport = make_cipher(mode, KEY)
        self._encoder = discord.opus.Encoder(application="voip", signal_type="voice", bitrate=64)
        self._phase = 0

    def opus(self) -> bytes:
        time = (np.arange(960) + 960 * self._phase) / 48_000
        self._phase += 1
        tone = (8_000 * np.sin(2 * np.pi * 440 * time)).astype("<i2")
        return bytes(self._encoder.encode(np.repeat(tone, 2).tobytes(), 960))

    def packet(self, frame: bytes, *, first: int = 0x80, extension: bytes = b"", behind: bytes = b"") -> bytes:
        header = bytes([first]) + make_header(self.sequence, 960 * self.sequence, self.ssrc)[1:] + extension
        self.sequence += 1
        return self._transport.seal(header, (behind and frame + behind) or frame)

    def voiced(self) -> bytes:
        return self.packet(sealed_for(self.person, self.opus()))

    def silent(self) -> bytes:
        return self.packet(SILENCE)


@dataclass(eq=False)
class Channel:
    """A receiver, the events that it has reported, and the time, which the test moves."""

    group: Group = field(default_factory=Group)
    admitted: set[int] = field(default_factory=lambda: {ADA, BEN})
    heard: list[InputEvent] = field(default_factory=list)
    now: float = 100.0
    wire: Wire = field(default_factory=lambda: Wire(transport_cipher(MODES[1], KEY)))

    def __post_init__(self) -> None:
        self.receiver = Receiver(self.wire, self.group, self.heard.append, lambda person: person in self.admitted)

    def take(self, *datagrams: bytes) -> None:
        """Receive datagrams, one every 20 ms."""
        for datagram in datagrams:
            self.receiver.datagram(datagram, self.now)
            self.wait(FRAME_SECONDS)

    def wait(self, seconds: float) -> None:
        """Let time pass, and call ``tick`` when it is due."""
        end = self.now + seconds
        while (due := self.receiver.deadline) is not None and due <= end:
            self.now = max(self.now, due)
            self.receiver.tick(self.now)
        self.now = end

    def seconds(self, person: int) -> float:
        """Seconds of sound that were reported of this person."""
        sounds = [event.sound for event in self.heard if isinstance(event, AudioFrame) and event.person == person]
        return sum(map(len, sounds)) / 16_000

    def ends(self) -> list[TransmissionEnded]:
        return only(TransmissionEnded, self.heard)


def shuffled(packets: Iterable[bytes], order: list[int]) -> list[bytes]:
    known = list(packets)
    return [known[number] for number in order]

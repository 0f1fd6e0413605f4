"""A simulated bad network between clients and voice server: loss, damage, duplicates, reordering, jitter and stalls."""

from __future__ import annotations

import random
from dataclasses import dataclass
from time import monotonic

# Bits of the first byte of an RTP header: the packet has padding, or a header extension.
_PADDED, _EXTENDED = 0x20, 0x10
_HEADER = 12
"""Number of bytes of a packet that stay as they are when it is damaged, so that its sender is still known."""
_ONE_WORD = b"\xbe\xde\x00\x01"
_AUDIO_LEVEL = b"\x10\x7f\x00\x00"


@dataclass(frozen=True, slots=True)
class Conditions:
    """The quality of one direction. ``loss``, ``damage``, ``duplicate`` and ``reorder`` are shares of packets, 0 to 1.

    With a ``loss`` of 1, clients can't find out their address either.

    Reordered packets are held back by ``hold`` seconds, so that later packets overtake them. ``jitter`` is the longest
    random delay of a packet, in seconds.
    """

    loss: float = 0.0
    damage: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    hold: float = 0.05
    jitter: float = 0.0

    @property
    def perfect(self) -> bool:
        """Whether every packet arrives exactly once and without delay."""
        return not (self.loss or self.duplicate or self.reorder or self.jitter)


@dataclass(frozen=True, slots=True)
class Wrapping:
    """RTP features that the server adds to packets: padding and a header extension (RFC 3550).

    ``padded`` and ``extended`` are the shares of packets that get them, 0 to 1.
    """

    padded: float = 0.0
    extended: float = 0.0


class SimulatedNetwork:
    """Loses, duplicates and delays packets at random, in the same way for the same seed.

    Attributes:
        up: the conditions from clients to server.
        down: the conditions from server to clients.
        wrapping: the padding and the header extensions that the server adds to packets.
    """

    def __init__(self, seed: int = 0) -> None:
        self.up = Conditions()
        self.down = Conditions()
        self.wrapping = Wrapping()
        self._stalled_until = 0.0
        self._random = random.Random(seed)

    def stall(self, seconds: float) -> None:
        """Cause a fault: let no packet through for some seconds, as Wi-Fi does. Then all come, in order."""
        self._stalled_until = monotonic() + seconds

    @property
    def stalled_for(self) -> float:
        """Seconds until the end of the current stall; 0 if there is none."""
        return max(0.0, self._stalled_until - monotonic())

    def fate(self, conditions: Conditions) -> tuple[float, ...]:
        """The delays, in seconds, with which a packet arrives: none if it is lost, two if it is duplicated."""
        if conditions.perfect:
            return (0.0,)
        if self._random.random() < conditions.loss:
            return ()
        copies = 2 if self._random.random() < conditions.duplicate else 1
        return tuple(self._delay(conditions) for _ in range(copies))

    def damaged(self, conditions: Conditions, packet: bytes) -> bytes:
        """The packet as it arrives: as it was, or with other bytes behind its header."""
        if not conditions.damage or self._random.random() >= conditions.damage:
            return packet
        return packet[:_HEADER] + self._random.randbytes(max(0, len(packet) - _HEADER))

    def wrap(self, header: bytes, media: bytes) -> tuple[bytes, bytes]:
        """Add padding and an extension to a packet at random; returns header and payload. Keeps an old extension."""
        if self._random.random() < self.wrapping.padded:
            length = self._random.randint(1, 12)
            header, media = bytes([header[0] | _PADDED, *header[1:]]), media + bytes(length - 1) + bytes([length])
        if self._random.random() < self.wrapping.extended and not header[0] & _EXTENDED:
            header, media = bytes([header[0] | _EXTENDED, *header[1:]]) + _ONE_WORD, _AUDIO_LEVEL + media
        return header, media

    def _delay(self, conditions: Conditions) -> float:
        held = conditions.hold if self._random.random() < conditions.reorder else 0.0
        return held + self._random.uniform(0, conditions.jitter)

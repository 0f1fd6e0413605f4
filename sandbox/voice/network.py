"""A bad network between clients and voice server: loss, doubles, reordering and jitter, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass

_PADDED, _EXTENDED = 0x20, 0x10
_ONE_WORD = b"\xbe\xde\x00\x01"
_AUDIO_LEVEL = b"\x10\x7f\x00\x00"


@dataclass(frozen=True, slots=True)
class Conditions:
    """How bad one direction is. Shares from 0 to 1; ``jitter`` is the longest delay, in seconds.

    A ``reorder`` share of packets is held back by ``hold`` seconds, so that later ones overtake them.
    """

    loss: float = 0.0
    duplicate: float = 0.0
    reorder: float = 0.0
    hold: float = 0.05
    jitter: float = 0.0

    @property
    def perfect(self) -> bool:
        """True when every packet arrives once and at once."""
        return not (self.loss or self.duplicate or self.reorder or self.jitter)


@dataclass(frozen=True, slots=True)
class Wrapping:
    """What the server puts around the media of a share (0 to 1) of packets: padding, a header extension (RFC 3550)."""

    padded: float = 0.0
    extended: float = 0.0


class SimulatedNetwork:
    """Decides the fate of each packet. ``up`` is from the clients to the server, ``down`` the other way."""

    def __init__(self, seed: int = 0) -> None:
        self.up = Conditions()
        self.down = Conditions()
        self.wrapping = Wrapping()
        self._random = random.Random(seed)

    def fate(self, conditions: Conditions) -> tuple[float, ...]:
        """The delays in seconds after which the packet arrives: none when it is lost, two when it is doubled."""
        if conditions.perfect:
            return (0.0,)
        if self._random.random() < conditions.loss:
            return ()
        copies = 2 if self._random.random() < conditions.duplicate else 1
        return tuple(self._delay(conditions) for _ in range(copies))

    def wrap(self, header: bytes, media: bytes) -> tuple[bytes, bytes]:
        """A packet's header and what it seals, as the server sends them on; what has an extension keeps its own."""
        if self._random.random() < self.wrapping.padded:
            length = self._random.randint(1, 12)
            header, media = bytes([header[0] | _PADDED, *header[1:]]), media + bytes(length - 1) + bytes([length])
        if self._random.random() < self.wrapping.extended and not header[0] & _EXTENDED:
            header, media = bytes([header[0] | _EXTENDED, *header[1:]]) + _ONE_WORD, _AUDIO_LEVEL + media
        return header, media

    def _delay(self, conditions: Conditions) -> float:
        held = conditions.hold if self._random.random() < conditions.reorder else 0.0
        return held + self._random.uniform(0, conditions.jitter)

"""A bad network between clients and voice server: loss, doubles, reordering and jitter, the same for the same seed."""

from __future__ import annotations

import random
from dataclasses import dataclass


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


class Network:
    """Decides the fate of each packet. ``up`` is from the clients to the server, ``down`` the other way."""

    def __init__(self, seed: int = 0) -> None:
        self.up = Conditions()
        self.down = Conditions()
        self._random = random.Random(seed)

    def fate(self, conditions: Conditions) -> tuple[float, ...]:
        """The delays in seconds after which the packet arrives: none when it is lost, two when it is doubled."""
        if conditions.perfect:
            return (0.0,)
        if self._random.random() < conditions.loss:
            return ()
        copies = 2 if self._random.random() < conditions.duplicate else 1
        return tuple(self._delay(conditions) for _ in range(copies))

    def _delay(self, conditions: Conditions) -> float:
        held = conditions.hold if self._random.random() < conditions.reorder else 0.0
        return held + self._random.uniform(0, conditions.jitter)

"""Looks at the cards every few seconds, and tells when one gets too full."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from hardware.memory import CardMemory
from hardware.reading import read_cards
from hardware.watch import VramWatch

SECONDS = 5.0


class CardPoll:
    """Belongs to the event loop; the cards are read in a thread.

    Args:
        thresholds: how full they may be, as :class:`VramWatch` has it.
        read: reads the cards; blocks.
        seconds: between two looks.

    Raises:
        ValueError: a threshold can't be read.
    """

    def __init__(
        self,
        thresholds: Sequence[str],
        read: Callable[[], tuple[CardMemory, ...]] = read_cards,
        seconds: float = SECONDS,
    ) -> None:
        self._thresholds = tuple(thresholds)
        self._watch = VramWatch(thresholds)
        self._read = read
        self._seconds = seconds
        self.cards: tuple[CardMemory, ...] = ()

    async def run(self, tell: Callable[[str], None]) -> None:
        """Look until cancelled; ``tell`` is given a line for people each time that a card has become too full."""
        while True:
            self.cards = await asyncio.to_thread(self._read)
            for warning in self._watch.look(self.cards):
                tell(warning)
            await asyncio.sleep(self._seconds)

    def standing(self) -> tuple[str, ...]:
        """The warnings that hold now, for who was not there when they were told."""
        return VramWatch(self._thresholds).look(self.cards)

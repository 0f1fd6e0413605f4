"""Polls GPU memory and warns when it is nearly full."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from hardware.memory import CardMemory
from hardware.reading import read_cards
from hardware.watch import VramWatch

SECONDS = 5.0
"""Seconds between two polls."""


class CardPoll:
    """Polls the GPUs. Use it only on the event loop; reading runs in a thread.

    Args:
        thresholds: warning levels, as for :class:`VramWatch`.
        read: reads the GPUs; blocks.
        seconds: seconds between two polls.

    Raises:
        ValueError: a threshold is not valid.
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
        """Poll until cancelled. ``tell`` is called with a warning for people whenever a GPU has become nearly full."""
        while True:
            self.cards = await asyncio.to_thread(self._read)
            for warning in self._watch.new_warnings(self.cards):
                tell(warning)
            await asyncio.sleep(self._seconds)

    def current_warnings(self) -> tuple[str, ...]:
        """The warnings that apply now, for a client that connects now."""
        return VramWatch(self._thresholds).new_warnings(self.cards)

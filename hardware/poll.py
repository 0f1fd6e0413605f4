"""Polls the GPUs, and warns when the memory of one is nearly full."""

from __future__ import annotations

import asyncio
import statistics
from collections import deque
from collections.abc import Callable, Sequence

from hardware.memory import CardMemory
from hardware.reading import read_cards
from hardware.watch import VramWatch

SECONDS = 5.0
"""Seconds between two polls."""
POLLS_OF_A_MINUTE = 12
"""Number of polls whose mean says how busy a GPU is. At one moment it is either idle or as busy as it can be."""


class CardPoll:
    """Polls the GPUs. Use it only on the event loop; reading runs in a thread.

    Args:
        limits: the memory use at which to warn, as for :class:`VramWatch`.
        read: reads the GPUs; blocks.
        seconds: seconds between two polls.

    Raises:
        ValueError: a limit is not valid.
    """

    def __init__(
        self,
        limits: Sequence[str],
        read: Callable[[], tuple[CardMemory, ...]] = read_cards,
        seconds: float = SECONDS,
    ) -> None:
        self._limits = tuple(limits)
        self._watch = VramWatch(limits)
        self._read = read
        self._seconds = seconds
        self._recent: deque[tuple[CardMemory, ...]] = deque(maxlen=POLLS_OF_A_MINUTE)

    @property
    def cards(self) -> tuple[CardMemory, ...]:
        """The GPUs at the last poll; empty before the first one."""
        return self._recent[-1] if self._recent else ()

    def mean_utilisation(self, number: int) -> float | None:
        """How busy a GPU was over the last minute, 0 to 1; ``None`` if that is unknown."""
        cards = [cards[number] for cards in self._recent if number < len(cards)]
        known = [card.utilisation for card in cards if card.utilisation is not None]
        return statistics.fmean(known) if known else None

    async def run(self, tell: Callable[[str], None]) -> None:
        """Poll until cancelled. ``tell`` is called with a warning for people whenever a GPU has become nearly full."""
        while True:
            self._recent.append(await asyncio.to_thread(self._read))
            for warning in self._watch.new_warnings(self.cards):
                tell(warning)
            await asyncio.sleep(self._seconds)

    def current_warnings(self) -> tuple[str, ...]:
        """The warnings that apply now, for a client that connects now."""
        return VramWatch(self._limits).new_warnings(self.cards)

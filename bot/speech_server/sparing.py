"""Has the bot's own speech server speak with an engine that costs nothing, while today's limit is reached."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable

from bot.speech_server.errors import LowPerformanceError
from bot.speech_server.status import PerformanceStatus

_log = logging.getLogger(__name__)

NO_OTHER = "Today's limit is reached, and no engine of TTS_FALLBACK speaks in place of %s, which costs money"


class PaidEngine:
    """The preferred engine of the bot's own speech server, which costs money.

    Args:
        set_low: switches low-performance mode on or off, in which another engine speaks; raises LowPerformanceError.

    Attributes:
        spared: whether another engine speaks in its place.
    """

    def __init__(self, set_low: Callable[[bool], Awaitable[PerformanceStatus]]) -> None:
        self.spared = False
        self._set_low = set_low
        self._irreplaceable: str | None = None
        """The engine in whose place no other one speaks."""

    async def follow(self, *, limited: bool) -> None:
        """Before a reply: have another engine speak if today's limit is reached, and this one if it is not any more."""
        if not limited and not self.spared:
            return
        try:
            # A server that was restarted meanwhile knows nothing of it, so it is told before each reply.
            status = await self._set_low(limited)
        except LowPerformanceError as error:
            _log.warning("The speech server's engine can't be changed for today's limit: %s", error)
            self.spared = False
            return
        if status.spares_nothing and self._irreplaceable is None:
            _log.warning(NO_OTHER, status.engine)
        if status.spares_nothing:
            self._irreplaceable = status.engine
        # Once the mode is on, the status alone does not tell whether it has helped.
        self.spared = limited and status.engine != self._irreplaceable

"""Has the bot's own speech server speak with an engine that costs nothing, at today's limit or as people want it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.speech_server.errors import LowPerformanceError
from bot.speech_server.status import PerformanceStatus

_log = logging.getLogger(__name__)

NO_OTHER = "Today's limit is reached, and no engine of TTS_FALLBACK speaks in place of %s, which costs money"


class PaidEngine:
    """The preferred engine of the bot's own speech server, which costs money.

    Args:
        set_low: switches low-performance mode, in which another engine speaks, on or off; raises LowPerformanceError.

    Attributes:
        limited: whether the mode is on because today's limit is reached.
        spared: whether another engine speaks in its place.
    """

    def __init__(self, set_low: Callable[[bool], Awaitable[PerformanceStatus]]) -> None:
        self.limited = self.spared = False
        self._set_low = set_low
        self._chosen = False
        """Whether people want the mode to be on, whatever the limit."""
        self._irreplaceable: str | None = None
        """The engine in whose place no other one speaks."""
        self._warned = False
        # One switch at a time: that of a reply could come after that of a person, and have the last word.
        self._switching = asyncio.Lock()

    async def follow(self, *, limited: bool) -> None:
        """Call this before each reply: another engine speaks it while today's limit is reached or people want it so,
        otherwise this engine."""
        async with self._switching:
            if limited or self.limited or self._chosen:
                await self._follow(limited)

    async def _follow(self, limited: bool) -> None:
        try:
            # A server that was restarted meanwhile has forgotten the mode, so the mode is set before each reply.
            status = await self._switch(limited or self._chosen)
        except LowPerformanceError as error:
            _log.warning("The speech server's engine can't be changed, to spare the one that costs money: %s", error)
            self.spared = False
            return
        if limited and not self.limited:
            self._chosen |= status.was_low
        self.limited = limited
        self.spared = (limited or self._chosen) and status.engine != self._irreplaceable
        if limited and not self.spared and not self._warned:
            self._warned = True
            _log.warning(NO_OTHER, status.engine)

    async def choose(self, *, low: bool) -> PerformanceStatus:
        """Switch low-performance mode as people want it; raises LowPerformanceError.

        While today's limit keeps the mode on, the choice counts from the end of the day.
        """
        async with self._switching:
            status = await self._switch(low or self.limited)
            self._chosen = low
            self.spared = (low or self.limited) and status.engine != self._irreplaceable
            return replace(status, limited=self.limited)

    async def _switch(self, low: bool) -> PerformanceStatus:
        status = await self._set_low(low)
        # Once the mode is on, the status alone does not tell whether it has helped.
        if status.spares_nothing:
            self._irreplaceable = status.engine
        return status

"""Has the bot's own speech server use an engine that costs nothing, when today's limit is reached or people want it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.speech_server.errors import LowPerformanceError
from bot.speech_server.status import PerformanceStatus

_log = logging.getLogger(__name__)

NO_OTHER = "Today's limit is reached, and no engine of TTS_FALLBACK that costs nothing speaks in place of %s"


class OwnEngines:
    """The engines of the bot's own speech server: the preferred one, and the one that speaks in low-performance mode.

    Args:
        set_low: switches low-performance mode on or off; raises LowPerformanceError.
        paid: whether the preferred engine costs money.

    Attributes:
        limited: whether the mode is on because today's limit is reached.
        cost_money: whether what is spoken now costs money.
    """

    def __init__(self, set_low: Callable[[bool], Awaitable[PerformanceStatus]], *, paid: bool) -> None:
        self.limited = False
        self.cost_money = paid
        self._set_low = set_low
        self._paid = paid
        self._chosen = False
        """Whether people want the mode to be on, whatever the limit."""
        self._warned = False
        # Only one switch runs at a time. Otherwise a switch for a reply could reach the server after a later one for a
        # person, and undo it.
        self._switching = asyncio.Lock()

    async def follow(self, *, limited: bool) -> None:
        """Call this before each reply: the preferred engine speaks it, unless people want another one to, or the
        preferred one costs money and today's limit is reached."""
        async with self._switching:
            if (limited and self._paid) or self.limited or self._chosen:
                await self._follow(limited)

    async def _follow(self, limited: bool) -> None:
        by_limit = limited and self._paid
        try:
            # A server that was restarted meanwhile has forgotten the mode, so the mode is set before each reply.
            status = await self._switch(by_limit or self._chosen)
        except LowPerformanceError as error:
            _log.warning("The speech server's engine can't be changed, to spare the preferred one: %s", error)
            # Either engine may speak.
            self.cost_money |= self._paid
            return
        if by_limit and not self.limited:
            self._chosen |= status.was_low
        self.limited = by_limit
        if limited and self.cost_money and not self._warned:
            self._warned = True
            _log.warning(NO_OTHER, status.engine)

    async def choose(self, *, low: bool) -> PerformanceStatus:
        """Switch low-performance mode as people want it; raises LowPerformanceError.

        While today's limit keeps the mode on, the choice counts from the end of the day.
        """
        async with self._switching:
            status = await self._switch(low or self.limited)
            self._chosen = low
            return replace(status, limited=self.limited)

    async def _switch(self, low: bool) -> PerformanceStatus:
        status = await self._set_low(low)
        # Without the mode, another engine speaks only while the preferred one can't. Its sound counts like that of the
        # preferred one.
        self.cost_money = status.costs_money if low else self._paid
        return status

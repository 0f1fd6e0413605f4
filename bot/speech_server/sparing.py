"""Has the bot's own speech server use an engine that costs nothing, when today's limit is reached or people want it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from bot.speech_server.errors import LowPerformanceError
from bot.speech_server.status import PerformanceStatus

_log = logging.getLogger(__name__)

STANDS_IN = (
    "An engine of TTS_FALLBACK that costs money speaks in place of TTS_ENGINE. It counts for DAILY_SPEECH_MINUTES. "
    "The voice status says why"
)
NO_OTHER = "Today's limit is reached, and no engine of TTS_FALLBACK that costs nothing speaks in place of %s"


class OwnEngines:
    """The engines of the bot's own speech server: the preferred one, and the one that speaks in low-performance mode.

    Args:
        set_low: switches low-performance mode on or off; raises LowPerformanceError.
        paid: whether the preferred engine costs money.
        look: returns whether the engine that speaks now costs money; ``None`` if that can't be found out. Given only if
            the preferred engine is free, and an engine that may stand in for it costs money.

    Attributes:
        limited: whether the mode is on because today's limit is reached.
        cost_money: whether what is spoken now costs money.
    """

    def __init__(
        self,
        set_low: Callable[[bool], Awaitable[PerformanceStatus]],
        *,
        paid: bool,
        look: Callable[[], Awaitable[bool | None]] | None = None,
    ) -> None:
        self.limited = False
        self.cost_money = paid
        self._set_low = set_low
        self._paid = paid
        self._look = look
        self._without_free = False
        """Whether all engines that stand in cost money, so that the mode would spare nothing."""
        self._chosen = False
        """Whether people want the mode to be on, whatever the limit."""
        self._warned = False
        # Only one switch runs at a time. Otherwise a switch for a reply could reach the server after a later one for a
        # person, and undo it.
        self._switching = asyncio.Lock()

    async def follow(self, *, limited: bool) -> None:
        """Call this before each reply. It makes the preferred engine speak, unless people want low-performance mode, or
        today's limit is reached and the engine that speaks now costs money."""
        async with self._switching:
            if not limited:
                # On another day another engine may stand in.
                self._without_free = self._warned = False
            may_spare = self._paid or (await self._stand_in_costs() and not self._without_free)
            by_limit = limited and (may_spare or self.limited)
            if by_limit or self.limited or self._chosen:
                await self._follow(limited, by_limit)

    async def _stand_in_costs(self) -> bool:
        """Whether an engine speaks now in place of the preferred one, and costs money, unlike that one."""
        if self._look is None or self.limited or self._chosen:
            return False
        found = await self._look()
        if found and not self.cost_money:
            _log.warning(STANDS_IN)
        if found is not None:
            self.cost_money = found
        return self.cost_money

    async def _follow(self, limited: bool, by_limit: bool) -> None:
        try:
            # A server that was restarted meanwhile has forgotten the mode, so the mode is set before each reply.
            status = await self._switch(by_limit or self._chosen)
            if by_limit and status.costs_money and not self._paid:
                # The mode spares nothing. It would only keep the free preferred engine from speaking when it can again.
                by_limit, self._without_free = False, True
                await self._switch(self._chosen)
                self.cost_money = True
        except LowPerformanceError as error:
            _log.warning("The speech server could not be switched to another engine: %s", error)
            # It is not known which engine speaks now, so the sound may cost money.
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

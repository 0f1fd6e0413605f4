"""The addresses of speech servers that stand in for each other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from bot.speech_server.address import ServerAddress
from bot.speech_server.sparing import PaidEngine

_log = logging.getLogger(__name__)


class SpeechAddresses:
    """The servers, the preferred one first, and the one that is used now.

    A call begins with the preferred server that lets it connect, and stays with it until the connection is lost. From
    the moment at which today's limit is reached, nothing new is spoken by those that cost money.

    Args:
        refusal: returns why servers that cost money may not be asked today, for people; ``None`` if they may.
        own_engine: the engine of the bot's own server, if that costs money; ``None`` otherwise.
    """

    def __init__(
        self,
        addresses: Sequence[ServerAddress],
        refusal: Callable[[], str | None] = lambda: None,
        own_engine: PaidEngine | None = None,
    ) -> None:
        self._addresses = tuple(addresses)
        self._current = self._addresses[0]
        self._refusal = refusal
        self._own_engine = own_engine

    @property
    def current(self) -> ServerAddress:
        """The server that is used now."""
        return self._current

    async def prepare(self) -> None:
        """Have the bot's own server speak the next reply with an engine that may be asked. Never raises."""
        if self._own_engine is not None:
            await self._own_engine.follow(limited=self._refusal() is not None)

    def costs_money(self, address: ServerAddress) -> bool:
        """Whether what a server speaks now costs money."""
        spared = address.own and self._own_engine is not None and self._own_engine.spared
        return address.paid and not spared

    def refusal(self) -> str | None:
        """Why no server may be asked for anything new today; ``None`` if one may be."""
        return None if self._allowed() else self._refusal()

    def must_leave(self) -> bool:
        """Whether the current server may not be asked for anything new, although another one may."""
        allowed = self._allowed()
        return bool(allowed) and self._current not in allowed

    def preferred_first(self) -> Sequence[ServerAddress]:
        """The servers that may be asked, in the order of preference: for a call that begins."""
        return self._allowed()

    def others_first(self) -> Sequence[ServerAddress]:
        """The servers that may be asked, the current one last: for a call that has lost it."""
        return sorted(self._allowed(), key=lambda address: address is self._current)

    def current_first(self) -> Sequence[ServerAddress]:
        """The servers that may be asked, the current one first: for a check. If none may be, all of them."""
        return sorted(self._allowed() or self._addresses, key=lambda address: address is not self._current)

    def _allowed(self) -> Sequence[ServerAddress]:
        if self._refusal() is None:
            return self._addresses
        return [address for address in self._addresses if not self.costs_money(address)]

    def use(self, address: ServerAddress) -> None:
        """Use a server from now on."""
        if address is not self._current:
            _log.warning("The speech server at %s is used now, instead of %s", address.place, self._current.place)
        self._current = address

"""The speech servers that stand in for each other, and which of them is used."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Collection, Sequence

from bot.servers.choice import Candidate, ServerChoice
from bot.servers.probes import ServerProbes
from bot.speech_server.address import ServerAddress
from bot.speech_server.sparing import OwnEngines
from config.hosts import is_local

_log = logging.getLogger(__name__)


class SpeechServers:
    """The servers, the preferred one first, and the choice among them. Use it on one event loop.

    Outside of calls, the first server that answers is the current one. A call begins with the current server and
    stays with it until it fails. From the moment at which today's limit is reached, servers that cost money speak
    nothing new.

    Args:
        addresses: at least one.
        refusal: returns why servers that cost money may not be asked today, for people; ``None`` if they may.
        own_engines: the engines of the bot's own server; ``None`` if the bot has none.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        addresses: Sequence[ServerAddress],
        refusal: Callable[[], str | None] = lambda: None,
        own_engines: OwnEngines | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._addresses = tuple(dict.fromkeys(addresses))
        self._refusal = refusal
        self._own_engines = own_engines
        self._clock = clock
        self._choice = ServerChoice([Candidate(hosted=not is_local(each.websocket)) for each in self._addresses], clock)
        self._calls = 0
        self._in_call: ServerAddress | None = None
        """The server to which a call has connected last, while calls are on."""
        self._logged = self.current
        self._probes: ServerProbes | None = None

    @property
    def all(self) -> Sequence[ServerAddress]:
        """All servers, the preferred one first."""
        return self._addresses

    @property
    def preferred(self) -> ServerAddress:
        """The first server. A call begins with it if it answers and may be asked."""
        return self._addresses[0]

    @property
    def current(self) -> ServerAddress:
        """The server that is used now: the one of a call, or the one with which a call would begin."""
        return self._in_call or self.next(()) or self._addresses[self._choice.current]

    def current_first(self) -> Sequence[ServerAddress]:
        """The servers that may be asked today, the current one first. If none may be asked, all servers."""
        return sorted(self._allowed() or self._addresses, key=lambda address: address is not self.current)

    async def prepare(self) -> None:
        """Make the bot's own server speak the next reply with an engine that may be used today. Never raises."""
        if self._own_engines is not None:
            await self._own_engines.follow(limited=self._refusal() is not None)

    def costs_money(self, address: ServerAddress) -> bool:
        """Whether what a server speaks now costs money."""
        if address.own and self._own_engines is not None:
            return self._own_engines.cost_money
        return address.paid

    def refusal(self) -> str | None:
        """Why no server may be asked for anything new today; ``None`` if one may be."""
        return None if self._allowed() else self._refusal()

    def better_refusal(self) -> str | None:
        """Why the better engine of the current server may not be asked today; ``None`` if it may be."""
        if self.current.own:
            return self._refusal() if self.current.paid_better else None
        return self.refusal()

    def must_leave(self, address: ServerAddress) -> bool:
        """Whether a server may not be asked for anything new, although another one may."""
        allowed = self._allowed()
        return bool(allowed) and address not in allowed

    def may_ask(self, address: ServerAddress) -> bool:
        """Whether a server may be asked for something new today."""
        return address in self._allowed()

    def _allowed(self) -> Sequence[ServerAddress]:
        if self._refusal() is None:
            return self._addresses
        return [address for address in self._addresses if not self.costs_money(address)]

    def _left_out(self, tried: Collection[ServerAddress]) -> set[int]:
        """The numbers of the servers that were tried, or may not be asked."""
        allowed = self._allowed()
        return {number for number, each in enumerate(self._addresses) if each in tried or each not in allowed}

    def next(self, tried: Collection[ServerAddress]) -> ServerAddress | None:
        """The server to connect to, other than those already tried. ``None`` if all that may be asked were tried.

        Servers that are believed to be down come last. They are not left out, because each may be back.
        """
        number = self._choice.next(self._left_out(tried))
        return None if number is None else self._addresses[number]

    def is_up(self, address: ServerAddress) -> bool:
        """Whether a server is believed to answer."""
        return self._choice.is_up(self._addresses.index(address))

    def has_other(self, address: ServerAddress) -> bool:
        """Whether another server may be asked, and is believed to answer."""
        # A call asks this before each frame of sound, so the quick check comes first.
        return len(self._addresses) > 1 and self._choice.has_other(self._left_out([address]))

    def begin_call(self) -> None:
        """A call begins. While calls are on, the current server is changed only if it fails."""
        self._calls += 1
        if self._calls == 1:
            self._choice.begin_call()
            self._log_change()

    def end_call(self) -> None:
        """A call is over."""
        self._calls -= 1
        if self._calls == 0:
            self._in_call = None
            self._choice.end_call()
            self._log_change()

    def connected(self, address: ServerAddress) -> None:
        """A server has let a call connect."""
        if not self.is_up(address):
            self._choice.probed(self._addresses.index(address), ready=True)
        self._in_call = address
        self._log_change()

    def spoke(self, address: ServerAddress) -> None:
        """A server has spoken a whole reply."""
        self._choice.answered(self._addresses.index(address))
        self._log_change()

    def failed(self, address: ServerAddress, *, slow: bool = False) -> None:
        """Note that a server can't be reached, has gone, or was too ``slow``."""
        if self.is_up(address):
            self._choice.failed(self._addresses.index(address), slow=slow)
        if address is self._in_call:
            self._in_call = None
        self._log_change()

    def begin_probes(self, ask: Callable[[ServerAddress], Awaitable[bool]]) -> None:
        """Probe the servers from now on, until :meth:`end_probes`, if there are several.

        Args:
            ask: asks a server whether it can speak. Never raises.
        """
        if len(self._addresses) > 1 and self._probes is None:

            async def ask_number(number: int) -> bool:
                return await ask(self._addresses[number])

            self._probes = ServerProbes(
                self._choice, ask_number, self._log_change, self._clock, "probes of the speech servers"
            )
            self._probes.start()

    async def end_probes(self) -> None:
        """End the probes."""
        if self._probes is not None:
            await self._probes.close()

    def _log_change(self) -> None:
        before, self._logged = self._logged, self.current
        if before is not self._logged:
            _log.warning("The speech server at %s is used now, instead of %s", self._logged.place, before.place)

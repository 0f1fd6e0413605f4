"""The rules of joining a voice channel automatically, as a pure state machine: snapshots of the servers in, wishes out.

There is no I/O and no clock here. Each :meth:`ComingRules.step` gets the state of all channels and calls, so a missed
event of Discord does no harm.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

ASK_AFTER = 60.0
"""Seconds for which the bot does not join while a picture is drawn or looked at. After that it asks whether to stop
that work."""
RETRY_DELAYS = (30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds that the bot waits after each failed attempt to join. The last delay repeats until the channel is empty."""


@dataclass(frozen=True, slots=True)
class Room:
    """The voice channel of a server that the bot joins automatically.

    Attributes:
        occupied: whether any person is in it. Bots don't count.
        welcome: whether the bot may come now: somebody who may call it is there, and it is not a quiet hour.
    """

    occupied: bool
    welcome: bool


@dataclass(frozen=True, slots=True)
class CallsNow:
    """The calls that are starting, on or ending.

    Attributes:
        servers: ids of the servers with a call.
        full: whether no further call can begin. Calls that are not on Discord count.
    """

    servers: frozenset[int] = frozenset()
    full: bool = False


@dataclass(frozen=True, slots=True)
class Come:
    """Start a call in the server's channel, and then call :meth:`ComingRules.came`, ``missed`` or ``failed``."""

    server: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask the people whether running work should be stopped. Their answer goes to :meth:`ComingRules.answered`."""

    server: int


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Take back the question of :class:`Ask`."""

    server: int


@dataclass(frozen=True, slots=True)
class TellWaiting:
    """Write on this server that the bot comes after a call elsewhere, and write in that call that a server waits."""

    server: int


@dataclass(frozen=True, slots=True)
class Remember:
    """Store whether the bot stays away from the server's channel until the channel was empty once."""

    server: int
    away: bool


Wish = Come | Ask | Withdraw | TellWaiting | Remember


@dataclass(slots=True)
class _Server:
    away: bool
    waits_since: float | None = None
    busy_since: float | None = None
    asked: bool = False
    agreed: bool = False
    told: bool = False
    failures: int = 0
    retry_at: float = 0.0


class ComingRules:
    """Decides when the bot joins a voice channel automatically, for all servers. Not thread-safe.

    A server that waits gets the bot when the call elsewhere is over. A call is never ended for another one, and after
    somebody has sent the bot away, the bot stays away until the channel was empty. So no two servers fight for the bot.
    """

    def __init__(self) -> None:
        self._servers: dict[int, _Server] = {}
        self._coming: int | None = None

    @property
    def servers(self) -> tuple[int, ...]:
        """The ids of the servers that have chosen a channel."""
        return tuple(self._servers)

    def choose(self, server: int, *, away: bool = False) -> tuple[Wish, ...]:
        """A server has chosen a channel. With ``away``, the bot stays away until the channel was empty once."""
        wishes = self.forget(server)
        self._servers[server] = _Server(away)
        return wishes

    def forget(self, server: int) -> tuple[Wish, ...]:
        """A server no longer wants the bot to join its channel automatically."""
        state = self._servers.pop(server, None)
        return (Withdraw(server),) if state is not None and state.asked else ()

    def is_away(self, server: int) -> bool:
        """Whether the bot stays away until the server's channel was empty once."""
        state = self._servers.get(server)
        return state is not None and state.away

    def step(self, now: float, rooms: Mapping[int, Room], calls: CallsNow, *, busy: bool) -> tuple[Wish, ...]:
        """Decide. Call this at each change, and once a second while somebody is in a channel.

        Args:
            now: monotonic seconds.
            rooms: the channels of the servers. Servers that can't be seen now are left out, and nothing changes there.
            calls: the calls that are on, or that were requested and have not begun.
            busy: whether a picture is being drawn or looked at. A call would stop that work.
        """
        wishes: list[Wish] = []
        for server, state in self._servers.items():
            if (room := rooms.get(server)) is not None:
                wishes += self._look(server, state, room, calls, now)
        waiting = [
            (state.waits_since, server)
            for server, state in self._servers.items()
            if state.waits_since is not None and server in rooms
        ]
        for _, server in sorted(waiting):
            wishes += self._wait(server, self._servers[server], calls, now, busy=busy)
        return tuple(wishes)

    @staticmethod
    def _look(server: int, state: _Server, room: Room, calls: CallsNow, now: float) -> list[Wish]:
        """Note whether the server waits for the bot."""
        wishes: list[Wish] = []
        if not room.occupied:
            if state.away:
                wishes.append(Remember(server, away=False))
            state.away = state.told = False
            state.failures, state.retry_at = 0, 0.0
        if room.occupied and room.welcome and not state.away and server not in calls.servers:
            state.waits_since = now if state.waits_since is None else state.waits_since
        else:
            state.waits_since = state.busy_since = None
            state.agreed = False
            wishes += _withdrawn(server, state)
        return wishes

    def _wait(self, server: int, state: _Server, calls: CallsNow, now: float, *, busy: bool) -> list[Wish]:
        """The wishes for a server that waits for the bot."""
        if calls.full or self._coming is not None:
            state.busy_since = None
            told, state.told = state.told, state.told or calls.full
            wishes: list[Wish] = [] if told or not calls.full else [TellWaiting(server)]
            return [*wishes, *_withdrawn(server, state)]
        if now < state.retry_at:
            return []
        if busy and not state.agreed:
            state.busy_since = now if state.busy_since is None else state.busy_since
            if state.asked or now - state.busy_since < ASK_AFTER:
                return []
            state.asked = True
            return [Ask(server)]
        state.busy_since = None
        self._coming = server
        return [*_withdrawn(server, state), Come(server)]

    def answered(self, server: int, *, yes: bool) -> tuple[Wish, ...]:
        """Somebody has answered the question of :class:`Ask`. ``yes`` stops the running work, so that the bot comes."""
        state = self._servers.get(server)
        if state is None or not state.asked:
            return ()
        state.asked = False
        state.agreed = yes
        return () if yes else self.sent_away(server)

    def sent_away(self, server: int) -> tuple[Wish, ...]:
        """The bot was sent out of a call on this server, or the call broke off.

        The bot stays away until the channel was empty once.
        """
        state = self._servers.get(server)
        if state is None or state.away:
            return ()
        state.away = True
        return (*_withdrawn(server, state), Remember(server, away=True))

    def came(self, server: int) -> None:
        """The call that :class:`Come` wanted is on."""
        self._done(server)

    def missed(self, server: int) -> None:
        """No call was started, because another one has begun meanwhile."""
        self._done(server)

    def failed(self, server: int, now: float) -> bool:
        """No call could be started. Returns True if people should be told: at the first failure since the channel was
        empty."""
        self._done(server)
        state = self._servers.get(server)
        if state is None:
            return False
        state.retry_at = now + RETRY_DELAYS[min(state.failures, len(RETRY_DELAYS) - 1)]
        state.failures += 1
        return state.failures == 1

    def _done(self, server: int) -> None:
        if self._coming == server:
            self._coming = None
        if (state := self._servers.get(server)) is not None:
            state.agreed = False


def _withdrawn(server: int, state: _Server) -> list[Wish]:
    asked, state.asked = state.asked, False
    return [Withdraw(server)] if asked else []

"""Two servers with people who come and go, one bot whose calls end by the real rules, and a referee who watches all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from bot.autojoin.quiet_times import QuietTimes
from bot.autojoin.records import AutoJoinRecords, Choice
from bot.autojoin.rules import CallsNow, Room
from bot.autojoin.service import AutoJoin
from bot.lease import Lease
from bot.user_error import UserError
from bot.voice.ends import CallEndWatcher
from bot.voice.manager import CallManager
from bot.voice.transport import EndCause
from config.sections import CallSettings

GRACE = 8.0
"""Seconds that the bot is alone before its call ends."""
NOTICED = 2.0
"""Seconds in which a call notices that it is over, and ends. In this time it looks twice."""
OPENING = 1.0
"""Seconds that joining takes."""
EVENING = datetime(2026, 11, 28, 22, 59, 50, tzinfo=UTC)
ONE, TWO = 1, 2
SERVERS = (ONE, TWO)


class MemoryRecords(AutoJoinRecords):
    """The records without a database, for virtual time."""

    def __init__(self) -> None:
        self.rows: dict[int, tuple[Choice, bool]] = {}

    async def all(self) -> dict[Choice, bool]:
        return dict(self.rows.values())

    async def store(self, choice: Choice) -> None:
        self.rows[choice.server] = (choice, False)

    async def remember_away(self, server: int, *, away: bool) -> None:
        if server in self.rows:
            self.rows[server] = (self.rows[server][0], away)

    async def delete(self, server: int) -> None:
        self.rows.pop(server, None)


class VirtualCall:
    """A call in a server's channel that ends by the real rules; ``server`` is ``None`` for one in a browser."""

    def __init__(self, world: World, server: int | None) -> None:
        self.world, self.server = world, server
        self.people = self
        self.connected = True
        self.lost: asyncio.Future[EndCause] = asyncio.get_running_loop().create_future()
        self.running: asyncio.Task[Any] | None = None

    @property
    def alone(self) -> bool:
        return self.server is not None and not self.world.people[self.server]

    async def check(self) -> None:
        if self.world.refuses:
            raise UserError("❌ Not now.")

    async def open(self) -> None:
        await asyncio.sleep(OPENING)
        self.running = asyncio.create_task(asyncio.Event().wait())
        self.world.opened(self)

    async def wait_lost(self) -> EndCause:
        assert self.running is not None

        async def asked_to_leave() -> None:
            await asyncio.Event().wait()

        transport = cast(Any, Transport(self))
        watcher = CallEndWatcher(
            transport,
            self,
            asked_to_leave,
            CallSettings(alone_timeout=GRACE),
            clock=asyncio.get_running_loop().time,
        )
        return await watcher.wait(self.running)

    async def close(self, cause: EndCause) -> None:
        self.world.closed(self, cause)
        if self.running is not None:
            self.running.cancel()


@dataclass(slots=True)
class Transport:
    """Stands in for a call's transport, as far as :class:`~bot.voice.ends.CallEndWatcher` uses it."""

    people: VirtualCall

    async def wait_lost(self) -> EndCause:
        return await self.people.lost


@dataclass
class World:
    """All that happens, and what must never happen. It stands in for :class:`~bot.autojoin.service.Places`."""

    records: MemoryRecords = field(default_factory=MemoryRecords)
    people: dict[int, set[int]] = field(default_factory=lambda: {ONE: set(), TWO: set()})
    busy: bool = False
    refuses: bool = False
    told: list[tuple[int, str]] = field(default_factory=list)
    questions: dict[int, Callable[[bool], None]] = field(default_factory=dict)
    came: list[tuple[float, int]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    causes: list[EndCause] = field(default_factory=list)
    on: VirtualCall | None = None
    alone_since: float | None = None
    must_be_empty: set[int] = field(default_factory=set)
    """Servers from which the bot went away, and whose channel has not been empty since."""

    def start(self) -> None:
        """Start the bot."""
        loop = asyncio.get_running_loop()
        self.manager: CallManager[VirtualCall] = CallManager(Lease(), self._ended)
        self.autojoin = AutoJoin(self, self.records, self.clock, lambda: self.busy, monotonic=loop.time)

    async def begin(self) -> None:
        """Start the bot, and let it come by itself."""
        self.start()
        await self.autojoin.load()
        self.running = asyncio.create_task(self.autojoin.run())

    async def end(self) -> None:
        """End the bot."""
        self.running.cancel()
        await asyncio.gather(self.running, return_exceptions=True)
        await self.manager.close()
        self.questions.clear()

    @staticmethod
    def clock() -> datetime:
        return EVENING + timedelta(seconds=asyncio.get_running_loop().time())

    async def _ended(self, call: VirtualCall, cause: EndCause) -> None:
        if call.server is not None:
            self.autojoin.call_ended(call.server, cause)

    # What people do.

    def come_in(self, server: int, person: int) -> None:
        self.people[server].add(person)
        self._look()

    def go_out(self, server: int, person: int) -> None:
        self.people[server].discard(person)
        self._look()

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        self.must_be_empty -= {server for server, people in self.people.items() if not people}
        if self.on is None or not self.on.alone:
            self.alone_since = None
        elif self.alone_since is None:
            self.alone_since = now
        if self.alone_since is not None:
            self._require(now - self.alone_since <= GRACE + NOTICED, "the bot was alone for too long")

    async def join(self, server: int | None) -> None:
        """Somebody types `!join`, or begins a call in a browser."""
        try:
            await self.manager.start(VirtualCall(self, server), reason="somebody asked")
        except UserError:
            return

    async def leave(self) -> None:
        """Somebody where the call is types `!leave`."""
        await self.manager.end(EndCause.COMMAND)

    def kick(self) -> None:
        if self.on is not None and self.on.server is not None and not self.on.lost.done():
            self.on.lost.set_result(EndCause.KICKED)

    # What the referee sees.

    def _require(self, good: bool, fault: str) -> None:
        # An exception would not end the test, because the bot would catch it and go on.
        if not good:
            self.faults.append(fault)

    def opened(self, call: VirtualCall) -> None:
        self._require(self.on is None, "there were two calls")
        self.on = call
        self._look()

    def closed(self, call: VirtualCall, cause: EndCause) -> None:
        self._look()
        if self.on is call:
            self.on, self.alone_since = None, None
            self.causes.append(cause)
            if call.server is not None and cause is not EndCause.SHUTDOWN and self.people[call.server]:
                self.must_be_empty.add(call.server)

    # What the bot asks of Discord.

    def look(self, choice: Choice) -> Room | None:
        people = self.people[choice.server]
        # Person 0 may not use `!join`.
        return Room(bool(people), bool(people - {0}))

    def calls(self) -> CallsNow:
        return CallsNow(
            frozenset(call.server for call in self.manager.occupants if call.server is not None), self.manager.full
        )

    async def come(self, choice: Choice) -> None:
        server = choice.server
        self._require(server not in self.must_be_empty, "the bot came back although it was sent away")
        quiet = choice.quiet is not None and choice.quiet.include(self.clock().time())
        self._require(not quiet, "the bot came in quiet hours")
        await self.manager.start(VirtualCall(self, server), reason="somebody is there")
        self.came.append((asyncio.get_running_loop().time(), server))

    async def tell_failure(self, choice: Choice, text: str) -> None:
        self.told.append((choice.server, text))

    async def tell_waiting(self, choice: Choice) -> None:
        self.told.append((choice.server, "waits"))

    async def ask(self, choice: Choice, answered: Callable[[bool], None]) -> None:
        self.questions[choice.server] = answered

    def withdraw(self, server: int) -> None:
        self.questions.pop(server, None)


def chosen(server: int, quiet: str = "") -> Choice:
    return Choice(server, 10 * server, 100 * server, QuietTimes.parse(quiet) if quiet else None, 7)

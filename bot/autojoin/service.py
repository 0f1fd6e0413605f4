"""Brings the bot into voice channels by itself: looks at the chosen channels, asks the rules, and obeys them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any, Protocol

import aiosqlite

from bot.autojoin.records import AutoJoinRecords, Choice
from bot.autojoin.rules import Ask, CallsNow, Come, ComingRules, Remember, Room, TellWaiting, Wish, Withdraw
from bot.user_error import UserError
from bot.voice.call_life import StartCancelledError
from bot.voice.transport import EndCause
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

LOOK_INTERVAL = 1.0
"""Seconds between two looks while a channel is chosen. A change that Discord reports leads to a look at once."""
STAY_ENDS = frozenset({EndCause.ALONE, EndCause.SHUTDOWN})
"""Ends of a call after which the bot may come back at once. After all others, the bot stays away until the channel was
empty."""


class Places(Protocol):
    """The channels of all servers, and the calls in them."""

    def look(self, choice: Choice) -> Room | None:
        """Look who is in the chosen channel; ``None`` if that can't be seen now. Ignores the quiet hours."""
        ...

    def calls(self) -> CallsNow:
        """The calls that are starting, on or ending."""
        ...

    async def come(self, choice: Choice) -> None:
        """Start a call in the chosen channel, and greet.

        Raises:
            UserError: no call can be started. The text says why.
        """
        ...

    async def tell_failure(self, choice: Choice, text: str) -> None:
        """Write why the bot could not come. Errors are only logged."""
        ...

    async def tell_waiting(self, choice: Choice) -> None:
        """Write that the bot comes after a call elsewhere, and write in that call that a server waits."""
        ...

    async def ask(self, choice: Choice, answered: Callable[[bool], None]) -> None:
        """Ask with buttons whether running work should be stopped, until there is an answer or :meth:`withdraw`."""
        ...

    def withdraw(self, server: int) -> None:
        """Take back the question of :meth:`ask`."""
        ...


class AutoJoin:
    """Brings the bot into the chosen channel of each server when somebody is there. Not thread-safe.

    Args:
        clock: returns the current time in the people's time zone (``TIMEZONE``).
        busy: whether a picture is being drawn or looked at. A call would stop that work.
        monotonic: returns monotonic seconds.
    """

    def __init__(
        self,
        places: Places,
        records: AutoJoinRecords,
        clock: Callable[[], datetime],
        busy: Callable[[], bool],
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._places = places
        self._records = records
        self._clock = clock
        self._busy = busy
        self._monotonic = monotonic
        self._rules = ComingRules()
        self._choices: dict[int, Choice] = {}
        self._changed = asyncio.Event()
        self._wishes: list[Wish] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def load(self) -> None:
        """Read what the servers have chosen; raises :class:`aiosqlite.Error`."""
        for choice, away in (await self._records.all()).items():
            self._choices[choice.server] = choice
            self._rules.choose(choice.server, away=away)

    def at(self, server: int) -> Choice | None:
        """A server's choice; ``None`` if it has none. Its ``person`` may be somebody whose data were erased."""
        return self._choices.get(server)

    def is_away(self, server: int) -> bool:
        """Whether the bot stays away until the server's channel was empty once."""
        return self._rules.is_away(server)

    async def choose(self, choice: Choice) -> None:
        """Come into this channel from now on; raises :class:`aiosqlite.Error`."""
        await self._records.store(choice)
        self._choices[choice.server] = choice
        self._want(self._rules.choose(choice.server))

    async def forget(self, server: int) -> bool:
        """Stop joining automatically on this server. Returns False if no channel was chosen; raises
        :class:`aiosqlite.Error`."""
        await self._records.delete(server)
        known = self._choices.pop(server, None) is not None
        self._want(self._rules.forget(server))
        return known

    def look_again(self) -> None:
        """Look at once, because something may have changed."""
        self._changed.set()

    def call_ended(self, server: int, cause: EndCause) -> None:
        """A call on a server has ended. Call this before anything else can happen after the call."""
        if cause not in STAY_ENDS:
            self.sent_away(server)
        self.look_again()

    def sent_away(self, server: int) -> None:
        """Somebody on this server does not want the bot in a call."""
        self._want(self._rules.sent_away(server))

    def _want(self, wishes: tuple[Wish, ...]) -> None:
        self._wishes += wishes
        self._changed.set()

    async def run(self) -> None:
        """Look at the channels and carry out the wishes of the rules, until cancelled."""
        try:
            while True:
                self._step()
                for wish in self._take_wishes():
                    await self._carry_out(wish)
                await self._wait()
        finally:
            await end_tasks(*self._tasks)

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(LOOK_INTERVAL if self._choices else None):
                await self._changed.wait()
        except TimeoutError:
            pass
        self._changed.clear()

    def _step(self) -> None:
        moment = self._clock().time()
        rooms: dict[int, Room] = {}
        for server, choice in self._choices.items():
            if (room := self._places.look(choice)) is not None:
                quiet = choice.quiet is not None and choice.quiet.include(moment)
                rooms[server] = Room(room.occupied, room.welcome and not quiet)
        self._wishes += self._rules.step(self._monotonic(), rooms, self._places.calls(), busy=self._busy())

    def _take_wishes(self) -> list[Wish]:
        wishes, self._wishes = self._wishes, []
        return wishes

    async def _carry_out(self, wish: Wish) -> None:
        choice = self._choices.get(wish.server)
        match wish:
            case Come() if choice is None:
                self._rules.missed(wish.server)
            case Come(server) if choice is not None:
                self._begin(self._come(server, choice))
            case Remember(server, away):
                try:
                    await self._records.remember_away(server, away=away)
                except aiosqlite.Error as error:
                    _log.warning("Could not store whether the bot stays away: %s", error)
            case Withdraw(server):
                self._places.withdraw(server)
            case Ask(server) if choice is not None:
                self._begin(self._places.ask(choice, lambda yes: self._answered(server, yes=yes)))
            case TellWaiting() if choice is not None:
                self._begin(self._places.tell_waiting(choice))
            case _:
                pass

    def _answered(self, server: int, *, yes: bool) -> None:
        self._want(self._rules.answered(server, yes=yes))

    async def _come(self, server: int, choice: Choice) -> None:
        try:
            await self._places.come(choice)
        except asyncio.CancelledError:
            self._rules.missed(server)
            raise
        except StartCancelledError:
            self._rules.missed(server)
            self.sent_away(server)
        except UserError as error:
            calls = self._places.calls()
            if calls.full or server in calls.servers:
                # Somebody else has just begun a call.
                self._rules.missed(server)
            elif self._rules.failed(server, self._monotonic()):
                await self._places.tell_failure(choice, str(error))
        except Exception:
            _log.exception("Could not join a channel automatically")
            self._rules.failed(server, self._monotonic())
        else:
            self._rules.came(server)
        self.look_again()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="coming by itself")
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("A step of joining a channel automatically failed", exc_info=error)

"""A stand-in for what reminders need: clocks that a test moves, and a call and channels that note what is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path

from bot.database import Database
from bot.reminders.records import Reminder, ReminderDraft, ReminderRecords
from bot.reminders.reminders import PingResult, Reminders, Words
from bot.reminders.texts import ReminderLines
from tests.timing import wait_until

START = 1_795_000_000.0
ADA, BEN = 7, 8
SERVER, CHANNEL = 1, 11


class Board:
    """One bot's real reminders. This object stands in for their clocks, their call and their channels.

    Attributes:
        now: the wall clock, in seconds since 1970.
        elapsed: the monotonic clock, in seconds.
        looks: how often the reminders have looked at ``elapsed``.
        in_call: the people who hear what is said.
        private: the channels that not everybody can read.
        language: the language of the call.
        said: what was said aloud.
        pinged: the texts that were written, each with its channel.
        ping_result: the result of each ping.
        pings: how often a ping was tried.
        floor: set while nobody speaks. What is said aloud waits for it.
    """

    def __init__(self, database: Database) -> None:
        self.now = START
        self.elapsed = 50.0
        self.looks = 0
        self.in_call: set[int] = set()
        self.private: set[int] = set()
        self.language: str | None = None
        self.said: list[str] = []
        self.pinged: list[tuple[int | None, str]] = []
        self.ping_result = PingResult.SENT
        self.pings = 0
        self.floor = asyncio.Event()
        self.floor.set()
        self.records = ReminderRecords(database)
        self.reminders = self.start()

    def start(self) -> Reminders:
        """The reminders of a bot that starts now."""
        self.reminders = Reminders(
            self.records,
            self,
            UTC,
            ReminderLines(),
            pinger=self,
            clock=lambda: self.now,
            elapsed=self._look,
            poll=0.01,
            retry=30.0,
        )
        return self.reminders

    def _look(self) -> float:
        self.looks += 1
        return self.elapsed

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds
        self.elapsed += seconds

    async def say(self, person: int, server: int, words: Words, private: int | None = None) -> bool:
        if person not in self.in_call or server != SERVER or private is not None:
            return False
        await self.floor.wait()
        self.said.append(words(self.language))
        return True

    def is_private(self, channel: int) -> bool:
        return channel in self.private

    async def ping(self, person: int, channel: int | None, text: str) -> PingResult:
        self.pings += 1
        if self.ping_result is PingResult.SENT:
            self.pinged.append((channel, text))
        return self.ping_result

    async def timer(self, seconds: float, text: str = "", person: int = ADA) -> Reminder:
        return await self._add(seconds, text, person, timer=True)

    async def reminder(self, seconds: float, text: str = "", person: int = ADA) -> Reminder:
        return await self._add(seconds, text, person, timer=False)

    async def _add(self, seconds: float, text: str, person: int, *, timer: bool) -> Reminder:
        name = "Ada" if person == ADA else "Ben"
        draft = ReminderDraft(person, name, SERVER, CHANNEL, text, self.now + seconds, timer)
        return await self.reminders.add(draft)


async def looked(stage: Board) -> None:
    """Wait until the reminders have looked at the clock, and at what is due then, more than once."""
    for _ in range(6):
        looks = stage.looks
        stage.reminders._wake.set()
        await wait_until(lambda before=looks: stage.looks > before)  # type: ignore[misc]


@asynccontextmanager
async def board(path: Path) -> AsyncIterator[Board]:
    """A board with an empty database."""
    async with Database.opened(path / "bot.sqlite") as database:
        yield Board(database)

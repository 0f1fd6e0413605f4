"""Stored conversations for tests: an archive in a separate database, with calls and chats that are written into it."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field

from bot.conversations.keeping import CallKeeper, Conversations
from bot.conversations.records import CHAT, ConversationPlace, ConversationRecords
from bot.database import Database
from bot.llm.history import Turn as Said
from bot.voice.events import ReplyEnded
from bot.voice.metrics import ReplyTrace
from bot.voice.records.kept_turns import KeptTurns
from bot.voice.turn import Outcome
from config.types import KeptDays

ADA, BEN, CAT = 11, 12, 13
SERVER, CHANNEL = 1, 3
LOUNGE = ConversationPlace("discord", "Lounge", SERVER, CHANNEL)
GENERAL = ConversationPlace(CHAT, "general", SERVER, CHANNEL)
Turn = tuple[int, str, str, bool]


@dataclass
class Archive:
    """Stored conversations, with a clock that the test moves. ``unwanted`` has the people who opted out."""

    database: Database
    days: KeptDays = 30
    now: float = 1_000_000_000.0
    unwanted: set[int] = field(default_factory=set)
    conversations: Conversations = field(init=False)

    def __post_init__(self) -> None:
        records = ConversationRecords(self.database)
        self.conversations = Conversations(
            records, self.days, lambda _, person: person not in self.unwanted, clock=lambda: self.now, sleep=no_sleep
        )

    def call(self, call: str | None = "c1") -> tuple[KeptTurns, CallKeeper]:
        """Begin a call with this id. A call from before ids were stored has none."""
        keeper = self.conversations.begin_call(LOUNGE, call)
        return KeptTurns(keeper, lambda: "Mia"), keeper

    def write(self, person: int, name: str, asked: str, answered: str, place: ConversationPlace = GENERAL) -> None:
        self.conversations.store_chat(place, Said.of_person(name, asked, person), Said.of_bot(answered, name="Mia"))

    async def turns(self) -> list[Turn]:
        await self.conversations.writer.flush()
        rows = await self.database.rows(
            "SELECT number, who, text, interrupted FROM turns ORDER BY conversation, number"
        )
        return [(number, who, text, bool(interrupted)) for number, who, text, interrupted in rows]

    async def rows(self) -> list[tuple[str, str, float, float | None, list[str]]]:
        await self.conversations.writer.flush()
        query = "SELECT transport, place, started, ended, people FROM conversations ORDER BY id"
        return [(*row[:4], json.loads(row[4])) for row in await self.database.rows(query)]


async def no_sleep(_: float) -> None:
    await asyncio.sleep(0)


def answer(heard: str, *, interrupted: bool = False) -> ReplyEnded:
    return ReplyEnded(ReplyTrace("r1", Outcome.INTERRUPTED if interrupted else Outcome.SPOKEN, 0.0), heard)


def words(turns: list[Turn]) -> list[str]:
    return [text for _, _, text, _ in turns]

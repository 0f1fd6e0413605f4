"""Turns from which no facts were gathered yet: read in parts from one conversation at a time, and marked as read."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from bot.conversations.records import CHAT
from bot.database import Records
from bot.llm.cleaning import clean_name
from bot.llm.messages import TOKENS_PER_MESSAGE, estimated_tokens

MAX_PART_TURNS = 40
"""Maximum number of turns that are read at once."""
MAX_PART_TOKENS = 1_800
"""Maximum number of tokens (estimated) that are read at once, unless one turn is longer. A small context has 4,096."""
MAX_PRESENT_CHARS = 100_000
"""Maximum number of characters that are read of the list of people who heard a turn. The bot writes shorter ones."""


@dataclass(frozen=True, slots=True)
class UnreadTurn:
    """A turn of a person.

    Attributes:
        number: its number in the conversation.
        person: user id of the speaker.
        name: the person's name.
        text: the words.
        at: when it was said, in seconds since 1970.
        present: the names of the people who heard it, by user id; empty if they are not known.
    """

    number: int
    person: int
    name: str
    text: str
    at: float
    present: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ConversationPart:
    """Turns of one conversation that are read together.

    Attributes:
        server: id of the Discord server; 0 on the page, 1 on the telephone; ``None`` in private.
        written: whether it is a text chat, so that everybody in it can read all of it.
        people: the names of all who said something in the conversation, by user id.
    """

    conversation: int
    server: int | None
    written: bool
    turns: tuple[UnreadTurn, ...]
    people: Mapping[int, str]


class UnreadTurns(Records):
    """Reads and marks turns. All methods may raise :class:`aiosqlite.Error`."""

    async def people(self) -> list[int]:
        """The people of whom there are unread turns."""
        rows = await self._database.rows(
            "WITH RECURSIVE everybody (person) AS (SELECT min(person) FROM turns WHERE unread = 1 UNION ALL "
            "SELECT (SELECT min(person) FROM turns WHERE unread = 1 AND person > everybody.person) FROM everybody "
            "WHERE person IS NOT NULL) SELECT person FROM everybody WHERE person IS NOT NULL"
        )
        return [int(person) for (person,) in rows if str(person).isdecimal()]

    async def next_part(self, people: Iterable[int], quiet_since: float) -> ConversationPart | None:
        """The oldest unread turns of these people; ``None`` if there are none that can be read now.

        Args:
            quiet_since: seconds since 1970. A text chat with later turns is not read yet, because it still goes on. A
                call is read as soon as it has ended.
        """
        wanted = json.dumps([str(person) for person in people])
        row = await self._database.row(
            "SELECT c.id, c.server, c.transport FROM turns t JOIN conversations c ON c.id = t.conversation "
            "WHERE t.unread = 1 AND t.person IN (SELECT value FROM json_each(?)) AND c.ended IS NOT NULL "
            "AND (c.transport != ? OR c.ended <= ? OR c.ended > ?) ORDER BY c.id LIMIT 1",
            wanted,
            CHAT,
            quiet_since,
            # A turn from the future was noted while the clock was wrong.
            quiet_since + 86_400.0,
        )
        if row is None:
            return None
        conversation, server, transport = row
        found, size = list[UnreadTurn](), 0
        for number, person, who, text, at, present in await self._database.rows(
            "SELECT number, person, who, text, at, substr(present, 1, ?) FROM turns WHERE conversation = ? "
            "AND unread = 1 AND person IN (SELECT value FROM json_each(?)) ORDER BY number LIMIT ?",
            MAX_PRESENT_CHARS,
            conversation,
            wanted,
            MAX_PART_TURNS,
        ):
            size += estimated_tokens(text) + TOKENS_PER_MESSAGE
            if found and size > MAX_PART_TOKENS:
                break
            found.append(UnreadTurn(number, int(person), clean_name(who), text, at, _people(present)))
        speakers = await self._database.rows(
            "SELECT person, who FROM turns WHERE conversation = ? AND person IS NOT NULL GROUP BY person "
            "ORDER BY min(number)",
            conversation,
        )
        return ConversationPart(
            conversation,
            None if server is None else int(server),
            transport == CHAT,
            tuple(found),
            {int(person): clean_name(who) for person, who in speakers if str(person).isdecimal()},
        )

    async def still_there(self, conversation: int, turn: UnreadTurn) -> bool:
        """Whether a turn was neither deleted nor corrected nor marked as read meanwhile."""
        row = await self._database.row(
            "SELECT text FROM turns WHERE conversation = ? AND number = ? AND unread = 1", conversation, turn.number
        )
        return row is not None and row[0] == turn.text

    async def mark_read(self, conversation: int, numbers: Iterable[int]) -> None:
        """Mark turns as read."""
        rows = [(conversation, number) for number in numbers]
        await self._database.write_many("UPDATE turns SET unread = 0 WHERE conversation = ? AND number = ?", rows)

    async def skip(self, person: int) -> None:
        """Mark all turns of a person as read, because nothing may be kept of this person.

        A turn can wait to be read again until somebody agrees to be remembered. After this no turn of the person waits,
        and no turn waits for the agreement of the person.
        """
        await self._database.write_together(
            ("UPDATE turns SET unread = 0 WHERE unread = 1 AND person = ?", (str(person),)),
            (
                "DELETE FROM memory_waiting WHERE person = ?1 OR EXISTS (SELECT 1 FROM turns t WHERE t.person = ?1 "
                "AND t.conversation = memory_waiting.conversation AND t.number = memory_waiting.turn)",
                (str(person),),
            ),
        )

    async def read_again_for(self, person: int, conversation: int, number: int) -> None:
        """Have a turn read again once a person agrees."""
        await self._database.write(
            "INSERT INTO memory_waiting SELECT ?1, ?2, ?3 WHERE NOT EXISTS "
            "(SELECT 1 FROM memory_waiting WHERE person = ?1 AND conversation = ?2 AND turn = ?3)",
            str(person),
            conversation,
            number,
        )


def _people(stored: str | None) -> dict[int, str]:
    """The names of the people who heard a turn, by user id. A damaged list counts as empty."""
    try:
        found = json.loads(stored or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    return {
        int(person): clean_name(name)
        for person, name in found.items()
        if person.isascii() and person.isdecimal() and len(person) <= 20 and isinstance(name, str)
    }


def labels_of(people: Mapping[int, str], reserved: Collection[str] = ()) -> dict[int, str]:
    """A name for each person that nobody else has: of two people named Ada, the second one is "Ada (2)"."""
    taken, labels = {name.casefold() for name in reserved}, dict[int, str]()
    for person, name in people.items():
        label, number = name, 1
        while label.casefold() in taken:
            number += 1
            label = f"{name} ({number})"
        taken.add(label.casefold())
        labels[person] = label
    return labels

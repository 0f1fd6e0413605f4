"""The table of facts: what was said of whom, when, by whom, and who may know it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

import aiosqlite

from bot.database import Database, Records, Row
from bot.memory.wording import names, telling
from languages.search_words import index_text, query, words

MAX_LISTED = 500
"""Maximum number of facts in a list. If there are more, the newest are listed."""

LATEST = 250_000_000_000.0
"""A time in seconds since 1970 that every time zone can show. Damaged rows may have a later one."""

COLUMNS = (
    "id, server, conversation, turn, speaker, speaker_name, person, person_name, fact, quote, said_at, audience, "
    "superseded_by"
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Something that was said of a person.

    Attributes:
        id: its number. Numbers are never used twice.
        server: id of the Discord server; 0 on the page, 1 on the telephone; ``None`` in private.
        conversation: the stored conversation in which it was said; ``None`` for a correction or a noted sentence.
        turn: the number of the turn of ``conversation`` in which it was said; ``None`` if there is none.
        speaker: user id of the person who said it.
        person: user id of the person whom it is about; ``None`` if only the name is known.
        text: the fact, one line.
        quote: the sentence from which the fact was gathered.
        said_at: seconds since 1970.
        audience: who may know it; see :class:`~bot.memory.audience.Audiences`.
        superseded_by: the id of a newer fact about the same matter. A superseded fact is told to nobody.
    """

    id: int
    server: int | None
    conversation: int | None
    turn: int | None
    speaker: int
    speaker_name: str
    person: int | None
    person_name: str
    text: str
    quote: str
    said_at: float
    audience: str
    superseded_by: int | None = None

    def concerns(self, person: int) -> bool:
        """Whether a person has said the fact or is its subject. This person may correct it and have it forgotten."""
        return person in (self.person, self.speaker)

    @property
    def names(self) -> set[str]:
        """The names and numbers in the fact, as search writes them, except the names of the people it concerns."""
        return names(self.text) - self._people

    @property
    def values(self) -> set[str]:
        """The words by which the fact is recognised elsewhere: its names and numbers; if it has none, its last word."""
        return self.names or set([each for each in telling(self.text) if each not in self._people][-1:])

    @property
    def _people(self) -> set[str]:
        """The words of the names of the people whom it concerns. They occur in all that is said about them."""
        return set(words(f"{self.person_name} {self.speaker_name}"))

    @property
    def words(self) -> str:
        """All its words, for the search."""
        return index_text(f"{self.person_name} {self.text} {self.quote} {self.speaker_name}")


def fact_of(row: Row) -> Fact:
    """The fact in a row of :data:`COLUMNS`."""
    (id_, server, conversation, turn, speaker, speaker_name, person, person_name, *rest) = row
    text, quote, said_at, audience, superseded_by = rest
    return Fact(
        id=int(id_),
        server=None if server is None else int(server),
        conversation=conversation,
        turn=turn,
        speaker=int(speaker),
        speaker_name=speaker_name,
        person=None if person is None else int(person),
        person_name=person_name,
        text=text,
        quote=quote,
        said_at=min(max(said_at, 0.0), LATEST),
        audience=audience,
        superseded_by=superseded_by,
    )


def _key(number: int | None) -> str | None:
    return None if number is None else str(number)


class FactRecords(Records):
    """Reads and writes the facts. All methods that are awaited may raise :class:`aiosqlite.Error`.

    All parts that store facts or let more people know one have to use the same object. Await :meth:`open` first.
    """

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._audience_words: set[str] = set()
        """The words of all audiences. It only grows: those of deleted facts stay until the next start."""

    async def open(self) -> None:
        """Read who may know anything at all."""
        rows = await self._database.rows("SELECT DISTINCT audience FROM fact")
        self._audience_words = await asyncio.to_thread(
            lambda: {word for (audience,) in rows for word in str(audience).split()}
        )

    def may_have(self, audience: str) -> bool:
        """Whether there may be a fact with this word in its audience. If not, none needs to be looked for."""
        return audience in self._audience_words

    async def add(self, fact: Fact, instead_of: Sequence[int] = ()) -> Fact:
        """Store a fact, and mark others as superseded by it. The id of ``fact`` is not used; returns the fact with its
        new id."""
        self._audience_words.update(fact.audience.split())
        values = (
            *(_key(fact.server), fact.conversation, fact.turn, str(fact.speaker), fact.speaker_name),
            *(_key(fact.person), fact.person_name, fact.text, fact.quote, fact.said_at, fact.words, fact.audience),
        )
        marks = ", ".join("?" * len(values))
        added = (
            "INSERT INTO fact (server, conversation, turn, speaker, speaker_name, person, person_name, fact, quote, "  # noqa: S608
            f"said_at, words, audience) VALUES ({marks})",
            values,
        )
        # The newest id is that of the row that was added in the same transaction.
        superseded = [
            ("UPDATE fact SET superseded_by = (SELECT max(id) FROM fact) WHERE id = ?", (old,)) for old in instead_of
        ]
        await self._database.write_together(added, *superseded)
        row = await self._database.row("SELECT max(id) FROM fact")
        return replace(fact, id=int(row[0]) if row is not None else 0, superseded_by=None)

    async def find(self, fact: int) -> Fact | None:
        """The fact with this id; ``None`` if there is none."""
        found = await self._where("id = ?", fact)
        return found[0] if found else None

    async def of(self, person: int) -> list[Fact]:
        """All facts that a person has said or that are about them, superseded ones too; the newest first."""
        return await self._where("person = ?1 OR speaker = ?1", str(person), limit=-1)

    async def current_about(self, server: int | None, person: int | None, name: str) -> list[Fact]:
        """The facts about one person in one place that no other fact supersedes, the newest first."""
        if person is not None:
            return await self._where(
                "superseded_by IS NULL AND server IS ?1 AND person = ?2", _key(server), str(person)
            )
        return await self._where(
            "superseded_by IS NULL AND server IS ?1 AND person IS NULL AND person_name = ?2", _key(server), name
        )

    async def of_conversation(self, conversation: int) -> list[Fact]:
        """The facts that were gathered from one conversation, the newest first."""
        return await self._where("conversation = ?", conversation)

    async def set_audience(self, fact: int, audience: str) -> None:
        """Change who may know a fact."""
        self._audience_words.update(audience.split())
        await self._database.write("UPDATE fact SET audience = ? WHERE id = ?", audience, fact)

    async def predecessors(self, fact: int) -> list[Fact]:
        """The facts that a fact has superseded, and those that these have superseded."""
        return await self._where(
            "id IN (WITH RECURSIVE older (id) AS (SELECT id FROM fact WHERE superseded_by = ? UNION "
            "SELECT fact.id FROM fact JOIN older ON fact.superseded_by = older.id) SELECT id FROM older)",
            fact,
        )

    async def repair_index(self) -> bool:
        """Check the full-text index, and make it anew from the facts if it is damaged. Returns whether it was."""
        try:
            await self._database.write("INSERT INTO fact_word (fact_word, rank) VALUES ('integrity-check', 1)")
        except aiosqlite.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) & 0xFF != sqlite3.SQLITE_CORRUPT:
                raise
            await self._database.write("INSERT INTO fact_word (fact_word) VALUES ('rebuild')")
            return True
        return False

    async def search(self, words: str, *, audience: str | None = None, person: int | None = None) -> list[Fact]:
        """The facts that contain all words, the newest first; at most :data:`MAX_LISTED`.

        Args:
            audience: a word that the facts must have in their audience; ``None`` to leave audiences unchecked.
            person: user id of somebody whom the facts must concern. If given, even more than the maximum are returned.
        """
        if not (wanted := query(words, every=True)):
            return []
        match = f"words : ({wanted})" if audience is None else f'words : ({wanted}) AND audience : "{audience}"'
        found = "id IN (SELECT rowid FROM fact_word WHERE fact_word MATCH ?1)"
        if person is None:
            return await self._where(found, match)
        return await self._where(f"{found} AND (person = ?2 OR speaker = ?2)", match, str(person), limit=-1)

    async def count_told(self, facts: Sequence[int]) -> int:
        """How many of these facts no other fact has superseded."""
        row = await self._database.row(
            "SELECT count(*) FROM fact WHERE superseded_by IS NULL AND id IN (SELECT value FROM json_each(?))",
            json.dumps(list(facts)),
        )
        return int(row[0]) if row is not None else 0

    async def delete(self, facts: Sequence[int]) -> int:
        """Delete facts, and with each one those that it has superseded; returns how many of ``facts`` there were."""
        return sum(await self._database.write_together(*(("DELETE FROM fact WHERE id = ?", (each,)) for each in facts)))

    async def delete_before(self, at: float) -> int:
        """Delete the facts from before the time ``at``, in seconds since 1970; returns how many they were."""
        return await self._database.write("DELETE FROM fact WHERE said_at < ?", at)

    async def _where(self, condition: str, *values: object, limit: int = MAX_LISTED) -> list[Fact]:
        rows = await self._database.rows(
            f"SELECT {COLUMNS} FROM fact WHERE {condition} ORDER BY said_at DESC, id DESC LIMIT {limit}",  # noqa: S608
            *values,
        )
        return [fact_of(row) for row in rows]

"""Forgetting: deletes what was said of facts, and what repeats their words, so that nothing of them is left."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from bot.database import Records, Row
from bot.memory.records import Fact
from bot.memory.wording import names, values
from languages.search_words import words

_IN_PLACE = "SELECT id FROM conversations WHERE server IS ?"
_IN_PRIVATE = (
    "SELECT id FROM conversations WHERE server IS NULL AND id IN (SELECT conversation FROM turns WHERE person = ?)"
)


class Forgetting(Records):
    """Deletes the words of facts from stored conversations. All methods may raise :class:`aiosqlite.Error`."""

    async def words_of(self, facts: Sequence[Fact]) -> set[int]:
        """Delete what was said of facts in their places, and what repeats it; returns ids of facts that do so too.

        A turn is deleted if it is a fact's own, or if the person whom the fact concerns or the bot said one of its
        names or numbers in it, or another word by which it is recognised. Of other people, only turns with a name or
        number of a fact are deleted, and only those that are not older than it. What others have told is theirs: facts
        that do not concern the person stay, so that nobody can delete them by telling something with the same words. At
        other places nothing is deleted.
        """
        places = defaultdict[tuple[int | None, int], list[Fact]](list)
        for fact in facts:
            places[fact.server, fact.speaker if fact.server is None else 0].append(fact)
        return {each for (server, speaker), of in places.items() for each in await self._in_place(server, speaker, of)}

    async def _in_place(self, server: int | None, speaker: int, facts: Sequence[Fact]) -> set[int]:
        wanted = {value for fact in facts for value in values(fact.text)}
        named = {value for fact in facts for value in names(fact.text)}
        people = {str(each) for fact in facts for each in (fact.speaker, fact.person) if each is not None}
        since = min(fact.said_at for fact in facts)
        doomed = {(fact.conversation, fact.turn) for fact in facts if fact.conversation and fact.turn}
        place = str(speaker) if server is None else str(server)
        for (conversation,) in await self._database.rows(_IN_PRIVATE if server is None else _IN_PLACE, place):
            rows = await self._database.rows(
                "SELECT number, text, person, at FROM turns WHERE conversation = ?", conversation
            )
            own = [(number, text) for number, text, person, _ in rows if person is None or person in people]
            others = [
                (number, text) for number, text, person, at in rows if person not in (None, *people) and at >= since
            ]
            found = [*await _with_words(own, wanted), *await _with_words(others, named)]
            doomed |= {(int(conversation), number) for number in found}
        await self._delete_turns(doomed)
        await self._forget_chat(server, wanted)
        theirs = await self._database.rows(
            "SELECT id, fact || ' ' || quote, speaker, person FROM fact "
            "WHERE server IS ?1 AND (?1 IS NOT NULL OR speaker = ?2)",
            None if server is None else str(server),
            str(speaker),
        )
        concerned = [(each, text) for each, text, *of in theirs if not people.isdisjoint(of)]
        return set(await _with_words(concerned, wanted))

    async def _delete_turns(self, turns: Iterable[tuple[int | None, int | None]]) -> None:
        rows: list[Row] = sorted(turns)
        await self._database.write_many("DELETE FROM turns WHERE conversation = ? AND number = ?", rows)
        await self._database.write_many("DELETE FROM memory_waiting WHERE conversation = ? AND turn = ?", rows)
        await self._database.write_many(
            "DELETE FROM conversations WHERE id = ?1 AND ended IS NOT NULL "
            "AND NOT EXISTS (SELECT 1 FROM turns WHERE conversation = ?1)",
            [(conversation,) for conversation in {conversation for conversation, _ in rows}],
        )

    async def _forget_chat(self, server: int | None, wanted: Collection[str]) -> None:
        """Delete the same words from what the text chat remembers, except in channels of other places."""
        rows = await self._database.rows(
            "SELECT id, text FROM chat_memory WHERE channel NOT IN (SELECT CAST(channel AS INTEGER) FROM conversations "
            "WHERE channel IS NOT NULL AND server IS NOT ?)",
            None if server is None else str(server),
        )
        doomed = await _with_words(rows, wanted)
        await self._database.write_many("DELETE FROM chat_memory WHERE id = ?", [(row,) for row in doomed])


async def _with_words(rows: Sequence[Row], wanted: Collection[str]) -> list[int]:
    """The numbers of the rows (number and text) that have one of the words. Thousands of them take a while."""
    known = frozenset(wanted)
    return await asyncio.to_thread(lambda: [int(row) for row, text in rows if not known.isdisjoint(words(text))])

"""Forgetting facts: deletes the sentences that they come from, and those that repeat their words."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.database import Records, Row
from bot.memory.audience import Audiences, MemoryAsker
from bot.memory.records import Fact
from languages.search_words import words

_IN_PLACE = "SELECT id FROM conversations WHERE server IS ?"
_IN_PRIVATE = (
    "SELECT id FROM conversations WHERE server IS NULL AND id IN (SELECT conversation FROM turns WHERE person = ?)"
)
_HERE = "server IS ?1 AND (?1 IS NOT NULL OR id IN (SELECT conversation FROM turns WHERE person = ?2))"
_OF_THIS_PLACE = f"SELECT CAST(channel AS INTEGER) FROM conversations WHERE channel IS NOT NULL AND {_HERE}"  # noqa: S608
_OF_OTHER_PLACES = f"SELECT CAST(channel AS INTEGER) FROM conversations WHERE channel IS NOT NULL AND NOT ({_HERE})"  # noqa: S608
# Old rows have no person, because the speaker was not stored at that time.
_OWN_CHAT = (
    f"SELECT id, text FROM chat_memory WHERE channel NOT IN ({_OF_OTHER_PLACES}) "  # noqa: S608
    f"AND (person = ?2 OR (role = 'assistant' AND (person IS NULL OR channel IN ({_OF_THIS_PLACE}))))"
)
_CHAT_OF_OTHERS = (
    f"SELECT id, text FROM chat_memory WHERE channel IN ({_OF_THIS_PLACE}) "  # noqa: S608
    "AND role != 'assistant' AND person IS NOT ?2"
)


@dataclass(frozen=True, slots=True)
class ForgottenWords:
    """The words that a person had the bot forget in one place, in the form of :func:`languages.search_words.words`.

    Attributes:
        server: id of the Discord server; 0 on the page, 1 on the telephone; ``None`` in private.
        by: user id of the person.
        values: the words by which the forgotten facts are recognised. Sentences of the person and of the bot that have
            one of them are deleted.
        names: the names and numbers among ``values`` that nobody else had said in this place before the person did.
            Sentences of other people that have one of them are deleted, too.
        since: for each of ``names``, when it was first said, in seconds since 1970. Earlier sentences of other people
            stay.
    """

    server: int | None
    by: int
    values: frozenset[str]
    names: frozenset[str]
    since: Mapping[str, float]

    def include(self, text: str, person: int | None, at: float) -> bool:
        """Whether a sentence is to be deleted.

        Args:
            person: user id of the speaker; ``None`` for the bot.
            at: when it was said, in seconds since 1970.
        """
        said = set(words(text))
        if person is None or person == self.by:
            return not self.values.isdisjoint(said)
        return any(at >= self.since[name] for name in self.names & said)


class Forgetting(Records):
    """Deletes the words of facts from stored conversations. All methods may raise :class:`aiosqlite.Error`."""

    async def forget_words_of(self, facts: Sequence[Fact], by: int) -> tuple[set[int], list[ForgottenWords]]:
        """Delete the turns from which facts come, and turns in the same places that repeat the facts' words.

        The turn from which a fact comes is always deleted. It depends on the speaker which other turns are deleted:

        - The person, and the bot: turns with one of the words by which a fact is recognised. These are its names and
          numbers, or another word if it has none.
        - Other people: turns with a name or number of a fact that nobody else had said in this place before the person.
        - Another person who told one of the facts: also turns with one of the words by which a fact is recognised, if
          they have the name of the person whom the told fact is about, too.

        Facts that do not concern the person stay, so that nobody can delete them by telling something with the same
        words. At other places nothing is deleted.

        Args:
            by: user id of the person who asks to forget the facts. All of them concern this person.

        Returns:
            The ids of the person's facts in these places that have one of the words, and the words of each place.
        """
        places = defaultdict[tuple[int | None, int], list[Fact]](list)
        for fact in facts:
            places[fact.server, fact.speaker if fact.server is None else 0].append(fact)
        doomed, forgotten = set[int](), list[ForgottenWords]()
        for (server, speaker), of in places.items():
            gone = await self._in_place(server, speaker, of, by)
            forgotten.append(gone)
            rows = await self._database.rows(
                "SELECT id, fact || ' ' || quote FROM fact WHERE (speaker = ?1 OR person = ?1) AND server IS ?2",
                str(by),
                None if server is None else str(server),
            )
            doomed |= set(await _with_words(rows, gone.values))
        return doomed, forgotten

    async def forget_presence_of(self, person: int, audiences: Audiences) -> None:
        """Delete the record that a person heard what others said, so that the bot tells the person nothing of it."""
        await self._database.write(
            "UPDATE turns SET present = (SELECT json_group_object(key, value) FROM json_each(present) WHERE key != ?1) "
            "WHERE json_valid(present) AND EXISTS (SELECT 1 FROM json_each(present) WHERE key = ?1)",
            str(person),
        )
        heard = await self._database.rows(
            "SELECT id, audience FROM fact WHERE id IN (SELECT rowid FROM fact_word WHERE fact_word MATCH ?)",
            f'audience : "{audiences.word(MemoryAsker(person, None))}"',
        )
        await self._database.write_many(
            "UPDATE fact SET audience = ? WHERE id = ?",
            [(audiences.without(audience, person), fact) for fact, audience in heard],
        )

    async def _in_place(self, server: int | None, speaker: int, facts: Sequence[Fact], by: int) -> ForgottenWords:
        wanted = frozenset(value for fact in facts for value in fact.values)
        since = {
            name: min(fact.said_at for fact in facts if name in fact.names)
            for name in {name for fact in facts for name in fact.names}
        }
        # Somebody who said something about the person may have said it more than once.
        told = {fact.speaker: frozenset(words(fact.person_name)) for fact in facts if fact.speaker != by}
        doomed = {(fact.conversation, fact.turn) for fact in facts if fact.conversation and fact.turn}
        others = list[tuple[int, int, float, frozenset[str]]]()
        people = set[str]()
        place = str(speaker) if server is None else str(server)
        for (conversation,) in await self._database.rows(_IN_PRIVATE if server is None else _IN_PLACE, place):
            rows = await self._database.rows(
                "SELECT number, text, person, at, who FROM turns WHERE conversation = ?", conversation
            )
            found = await asyncio.to_thread(_sort, rows, by, wanted, told, frozenset(since))
            doomed |= {(int(conversation), number) for number in found.own}
            others += [(int(conversation), *each) for each in found.others]
            people |= found.people
        first = {name: min((at for *_, at, said in others if name in said), default=float("inf")) for name in since}
        came = frozenset(name for name, at in since.items() if first[name] > at and name not in people)
        gone = ForgottenWords(server, by, wanted, came, {name: since[name] for name in came})
        doomed |= {(conversation, number) for conversation, number, _, said in others if not came.isdisjoint(said)}
        # Only a channel's conversations tell to which place the channel belongs, so their turns are deleted last.
        await self._forget_chat(gone)
        await self._delete_turns(doomed)
        return gone

    async def _delete_turns(self, turns: Iterable[tuple[int | None, int | None]]) -> None:
        rows: list[Row] = sorted(turns)
        await self._database.write_many("DELETE FROM turns WHERE conversation = ? AND number = ?", rows)
        await self._database.write_many("DELETE FROM memory_waiting WHERE conversation = ? AND turn = ?", rows)
        await self._database.write_many(
            "DELETE FROM conversations WHERE id = ?1 AND ended IS NOT NULL "
            "AND NOT EXISTS (SELECT 1 FROM turns WHERE conversation = ?1)",
            [(conversation,) for conversation in {conversation for conversation, _ in rows}],
        )

    async def _forget_chat(self, gone: ForgottenWords) -> None:
        """Delete rows with forgotten words from the text chat's memory.

        These rows have no time, so :attr:`ForgottenWords.since` does not matter here. It is not known to which place a
        channel without stored conversations belongs. There, only the person's own words go, and the answers to them.
        """
        place = (None if gone.server is None else str(gone.server), str(gone.by))
        own = await self._database.rows(_OWN_CHAT, *place)
        others = await self._database.rows(_CHAT_OF_OTHERS, *place)
        doomed = [*await _with_words(own, gone.values), *await _with_words(others, gone.names)]
        await self._database.write_many("DELETE FROM chat_memory WHERE id = ?", [(row,) for row in doomed])


@dataclass(frozen=True, slots=True)
class _Sorted:
    """The turns of a conversation, sorted by whether they are to be deleted.

    Attributes:
        own: the numbers of the turns that are to be deleted.
        others: of each turn of another person that has a name or number of a fact: its number, its time in seconds
            since 1970, and these names and numbers.
        people: the words of the speakers' names.
    """

    own: Sequence[int]
    others: Sequence[tuple[int, float, frozenset[str]]]
    people: frozenset[str]


def _sort(
    rows: Sequence[Row],
    by: int,
    wanted: frozenset[str],
    told: Mapping[int, frozenset[str]],
    named: frozenset[str],
) -> _Sorted:
    """Sort the turns of a conversation. Call it in a thread: thousands of turns take a while.

    Args:
        told: for each other person who told a fact, by user id: the words in the name of the person whom the fact is
            about.
    """
    own, others, people = list[int](), list[tuple[int, float, frozenset[str]]](), set[str]()
    tellers = {str(teller): known for teller, known in told.items()}
    for number, text, person, at, who in rows:
        if person is not None:
            people |= set(words(who))
        said = frozenset(words(text))
        if person is None or person == str(by):
            if not wanted.isdisjoint(said):
                own.append(int(number))
        elif not wanted.isdisjoint(said) and not tellers.get(person, frozenset()).isdisjoint(said):
            own.append(int(number))
        elif found := named & said:
            others.append((int(number), float(at), found))
    return _Sorted(own, others, frozenset(people))


async def _with_words(rows: Sequence[Row], wanted: Collection[str]) -> list[int]:
    """The numbers of the rows (number and text) that have one of the words. Runs in a thread, for it may take long."""
    known = frozenset(wanted)
    return await asyncio.to_thread(lambda: [int(row) for row, text in rows if not known.isdisjoint(words(text))])

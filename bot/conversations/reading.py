"""Reads stored conversations, without the words and names of people who do not want to be in them."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from bot.conversations.search import conditions, excerpt
from bot.database import Records

MayShow = Callable[[int | None, int], bool]
"""A function that says whether a person's words may be shown. Its arguments are the server's id (``None`` in direct
messages) and the person's id.
"""

MAX_TURNS_READ = 20_000
"""Maximum number of turns of one conversation that are read. If there are more, only the newest are read."""
FIRST_WORDS = 160
"""Maximum number of characters of a conversation's first words in a list."""


@dataclass(frozen=True, slots=True)
class ListedConversation:
    """A stored conversation without its turns.

    Attributes:
        transport: what carried the words, such as "discord", "browser" or "chat".
        place: the place's name for people.
        started: seconds since 1970.
        ended: seconds since 1970; ``None`` while a call is on.
        people: the names of the people who said something.
        first_words: the beginning of its first turn.
        hit: the first turn in which a search has found all its words; ``None`` if nothing was searched.
    """

    id: int
    transport: str
    place: str
    started: float
    ended: float | None
    people: tuple[str, ...]
    first_words: str
    hit: Hit | None = None


@dataclass(frozen=True, slots=True)
class Hit:
    """A turn that a search has found.

    Attributes:
        number: the turn's number in its conversation.
        who: the speaker's name.
        text: the turn's words around the first word that was found. An ellipsis marks where words are left out.
    """

    number: int
    who: str
    text: str


@dataclass(frozen=True, slots=True)
class PageOfTurns:
    """Which turns of a conversation are read.

    Attributes:
        limit: the maximum number of turns; ``None`` for all. If there are more than :data:`MAX_TURNS_READ`, only the
            newest are read.
        before: a turn's number. Only turns before it are read, and of these the last ones.
        after: a turn's number. Only turns after it are read, and of these the first ones. Only one of ``before`` and
            ``after`` may be given. Without both, the conversation's first turns are read.
    """

    limit: int | None = None
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class StoredTurn:
    """One turn of a stored conversation.

    Attributes:
        number: its number in the conversation, from 1. Numbers of deleted turns are missing.
        who: the speaker's name.
        bot: whether the bot said it.
        text: the words; if somebody has corrected them, the corrected ones.
        at: seconds since 1970.
        interrupted: whether it is only the beginning of an answer.
        typed: whether a person typed it, so that nobody can have misheard it.
    """

    number: int
    who: str
    bot: bool
    text: str
    at: float
    interrupted: bool
    typed: bool


@dataclass(frozen=True, slots=True)
class TurnsRead:
    """A page of turns, and whether the conversation has earlier and later ones."""

    turns: tuple[StoredTurn, ...]
    earlier: bool
    later: bool


_LAST = 2**62
"""Greater than the number of any turn."""
# The person of a turn is the one who said it. For an answer of the bot, it is the one who was answered, because the
# answer may repeat that person's words; if that is not known, it is the one who spoke last before it.
_PERSON = (
    "coalesce(t.person, t.asker, (SELECT b.person FROM turns b WHERE b.conversation = t.conversation "
    "AND b.number < t.number AND b.person IS NOT NULL ORDER BY b.number DESC LIMIT 1), '')"
)
_SHOWN = f"(?1 = '[]' OR (coalesce(c.server, '') || ':' || {_PERSON}) NOT IN (SELECT value FROM json_each(?1)))"  # noqa: S608
"""The condition that a turn ``t`` of a conversation ``c`` may be shown. The statement's first value is the list
of hidden people."""
# The rows of a conversation come in the order of their numbers, so that the search stops at the first one.
_FIRST = f"WHERE t.conversation = c.id AND {_SHOWN} ORDER BY t.number LIMIT 1"
_FIRST_WORDS = f"(SELECT substr(t.text, 1, {FIRST_WORDS}) FROM turns t {_FIRST})"  # noqa: S608
_TURNS = f"FROM turns t JOIN conversations c ON c.id = t.conversation WHERE {_SHOWN}"
# Each step finds the next person with the index, so that not every turn is read.
_EVERYBODY = """
WITH RECURSIVE everybody (person) AS (
    SELECT min(person) FROM turns
    UNION ALL
    SELECT (SELECT min(person) FROM turns WHERE person > everybody.person) FROM everybody WHERE person IS NOT NULL
)
SELECT person FROM everybody WHERE person IS NOT NULL
"""


class ConversationReader(Records):
    """Reads the tables of stored conversations. All methods may raise :class:`aiosqlite.Error`."""

    async def newest(
        self,
        may_show: MayShow,
        limit: int,
        before: int | None = None,
        words: Sequence[str] = (),
        call: str | None = None,
    ) -> list[ListedConversation]:
        """The newest conversations.

        Args:
            may_show: says whose words may be shown.
            limit: the maximum number of conversations.
            before: an id; only conversations that are older than this one are listed.
            words: only conversations are listed that have a turn with all these words, in upper or lower case.
            call: the id of a call; only its conversation is listed.
        """
        hidden = await self._hidden(may_show)
        matches, values = conditions(words, first=5)
        rows = await self._database.rows(
            f"SELECT c.id, c.transport, c.place, c.started, c.ended, c.people, {_FIRST_WORDS}, "  # noqa: S608
            "h.number, h.who, h.text FROM conversations c CROSS JOIN turns h "
            "WHERE (?2 IS NULL OR c.id < ?2) AND (?4 IS NULL OR c.call = ?4) AND h.conversation = c.id AND h.number = "
            f"(SELECT t.number FROM turns t WHERE t.conversation = c.id{matches} AND {_SHOWN} "
            "ORDER BY t.number LIMIT 1) ORDER BY c.id DESC LIMIT ?3",
            hidden,
            before,
            limit,
            call,
            *values,
        )
        return [
            ListedConversation(
                *(conversation, transport, place, started, ended),
                await self._people(hidden, conversation, people),
                first_words,
                Hit(number, who, excerpt(text, words)) if words else None,
            )
            for conversation, transport, place, started, ended, people, first_words, number, who, text in rows
        ]

    async def find(self, may_show: MayShow, conversation: int) -> ListedConversation | None:
        """The conversation with this id; ``None`` if there is none that may be shown."""
        found = await self.newest(may_show, 1, conversation + 1)
        return found[0] if found and found[0].id == conversation else None

    async def call(self, conversation: int) -> str | None:
        """The id of a conversation's call; ``None`` if it was no call, or one from before ids were stored."""
        row = await self._database.row("SELECT call FROM conversations WHERE id = ?", conversation)
        return None if row is None or row[0] is None else str(row[0])

    async def server(self, conversation: int) -> int | None:
        """The id of a conversation's server; ``None`` if it has none."""
        row = await self._database.row("SELECT server FROM conversations WHERE id = ?", conversation)
        return None if row is None or row[0] is None else int(row[0])

    async def turn(self, may_show: MayShow, conversation: int, number: int) -> StoredTurn | None:
        """The turn of a conversation with this number; ``None`` if there is none that may be shown."""
        turns = await self._turns(may_show, conversation, (number, number), 1, newest=False)
        return turns[0] if turns else None

    async def page(self, may_show: MayShow, conversation: int, page: PageOfTurns) -> TurnsRead:
        """The turns of a page, in order."""
        between = (0 if page.after is None else page.after + 1, _LAST if page.before is None else page.before - 1)
        # Without a limit, the newest turns are read.
        backwards = page.before is not None or page.limit is None
        limit = page.limit or MAX_TURNS_READ
        turns = await self._turns(may_show, conversation, between, limit + 1, newest=backwards)
        cut = len(turns) > limit
        if cut:
            turns = turns[1:] if backwards else turns[:limit]
        if backwards:
            return TurnsRead(tuple(turns), earlier=cut, later=page.before is not None)
        return TurnsRead(tuple(turns), earlier=bool(page.after), later=cut)

    async def _turns(
        self, may_show: MayShow, conversation: int, between: tuple[int, int], limit: int, *, newest: bool
    ) -> list[StoredTurn]:
        """The turns whose numbers are in a range, in order. Of more than ``limit``, the newest or the oldest."""
        rows = await self._database.rows(
            f"SELECT t.number, t.who, t.person IS NULL, t.text, t.at, t.interrupted, t.typed {_TURNS} "
            f"AND t.conversation = ?2 AND t.number BETWEEN ?3 AND ?4 ORDER BY t.number {'DESC' * newest} LIMIT ?5",
            await self._hidden(may_show),
            conversation,
            *between,
            limit,
        )
        return [
            StoredTurn(number, who, bool(bot), text, at, bool(interrupted), bool(typed))
            for number, who, bot, text, at, interrupted, typed in (reversed(rows) if newest else rows)
        ]

    async def _hidden(self, may_show: MayShow) -> str:
        """The hidden people of each server, as a list in JSON of texts such as "SERVER:PERSON"."""
        people = [str(person) for (person,) in await self._database.rows(_EVERYBODY)]
        servers = [server for (server,) in await self._database.rows("SELECT DISTINCT server FROM conversations")]
        return json.dumps(
            [
                f"{server or ''}:{person}"
                for server in servers
                for person in people
                if not may_show(None if server is None else int(server), int(person))
            ]
        )

    async def _people(self, hidden: str, conversation: int, stored: str) -> tuple[str, ...]:
        """The names of a conversation's people, in the order in which they first spoke."""
        try:
            names = [str(name) for name in json.loads(stored)]
        except (ValueError, TypeError):
            names = []
        if hidden != "[]":
            query = f"SELECT DISTINCT t.who {_TURNS} AND t.conversation = ?2 AND t.person IS NOT NULL"
            shown = {who for (who,) in await self._database.rows(query, hidden, conversation)}
            names = [name for name in names if name in shown]
        return tuple(names)

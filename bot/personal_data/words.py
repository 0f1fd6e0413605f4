"""What a person has said or written: the stored conversations, and the text chat's memory of its channels."""

from __future__ import annotations

from collections.abc import Sequence

from bot.conversations.writer import ConversationWriter
from bot.database import Database
from bot.personal_data.personal_data import Erased, JsonValue, NotErasedError, Subject, moment

_TURNS = """
SELECT t.conversation, c.transport, c.place, t.person, t.text, t.at, t.interrupted, t.asker
FROM turns t JOIN conversations c ON c.id = t.conversation
WHERE t.conversation IN (SELECT DISTINCT conversation FROM turns WHERE person = ?1 OR asker = ?1)
AND (?1 IN (t.person, t.asker) OR t.number > (
    SELECT min(number) FROM turns WHERE conversation = t.conversation AND person = ?1
)) ORDER BY t.conversation, t.number
"""
_COUNT = """
SELECT count(*) FROM turns t WHERE t.conversation IN (
    SELECT conversation FROM turns WHERE person = ?1 OR asker = ?1
) AND (
    t.person = ?1 OR t.asker = ?1 OR (t.person IS NULL AND t.asker IS NULL AND ?1 = (
        SELECT p.person FROM turns p WHERE p.conversation = t.conversation AND p.number < t.number
        AND p.person IS NOT NULL ORDER BY p.number DESC LIMIT 1
    ))
)
"""
_NOT_WRITTEN = "What you said: it is deleted as soon as the database can be written."
# The rows of a person: those with the person's id, those of private chats with the person, and older rows without an
# id whose words are a stored turn of the person in the same channel.
_OWN = """
m.person = ?1 OR m.channel IS ?2 OR m.channel IN (
    SELECT CAST(c.channel AS INTEGER) FROM conversations c JOIN turns t ON t.conversation = c.id
    WHERE c.server IS NULL AND c.transport = 'chat' AND t.person = ?1
) OR (m.person IS NULL AND m.role = 'user' AND (CAST(m.channel AS TEXT), trim(m.text)) IN (
    SELECT c.channel, t.text FROM conversations c JOIN turns t ON t.conversation = c.id WHERE t.person = ?1
))
"""
_FORGET_CHAT = f"""
DELETE FROM chat_memory WHERE id IN (
    SELECT m.id FROM chat_memory m WHERE {_OWN}
    UNION SELECT a.id FROM chat_memory m JOIN chat_memory a ON a.channel = m.channel AND a.role = 'assistant'
    AND a.person IS NULL
    AND a.id = (SELECT min(n.id) FROM chat_memory n WHERE n.channel = m.channel AND n.id > m.id) WHERE {_OWN}
)
"""  # noqa: S608


class SaidWords:
    """The turns of a person in stored conversations, with the answers to them.

    Args:
        writer: writes and deletes turns, also those that are not written yet.
    """

    name = "what you said, and the answers"

    def __init__(self, database: Database, writer: ConversationWriter) -> None:
        self._database = database
        self._writer = writer

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The turns, oldest first; raises :class:`aiosqlite.Error`."""
        await self._writer.flush()
        exported: list[JsonValue] = []
        before, answered = None, False
        for conversation, transport, place, person, text, at, interrupted, asker in await self._database.rows(
            _TURNS, str(subject.id)
        ):
            own = person == str(subject.id)
            answered = own or (answered and person is None and conversation == before)
            before = conversation
            if answered if asker is None else asker == str(subject.id):
                exported.append(
                    {
                        "conversation": conversation,
                        "where": f"{transport}: {place}",
                        "at": moment(at),
                        "who": "you" if own else "the bot",
                        "text": text,
                        **({"interrupted": True} if interrupted else {}),
                    }
                )
        return exported

    async def erase(self, subject: Subject) -> Erased:
        """Delete turns and answers. Raises the errors of :class:`~bot.personal_data.personal_data.PersonalData`."""
        await self._writer.flush()
        found = await self._database.row(_COUNT, str(subject.id))
        self._writer.forget_person(subject.id)
        if not await self._writer.flush():
            raise NotErasedError(_NOT_WRITTEN)
        return Erased(int(found[0]) if found is not None else 0)


class WrittenWords:
    """A person's messages in the text chat's memory of its channels, with the answers to them."""

    name = "the newest messages that you wrote where I chat"

    def __init__(self, database: Database) -> None:
        self._database = database

    async def export(self, subject: Subject) -> Sequence[JsonValue]:
        """The messages, oldest first; raises :class:`aiosqlite.Error`."""
        query = f"SELECT m.channel, m.role, m.text FROM chat_memory m WHERE {_OWN} ORDER BY m.id"  # noqa: S608
        return [
            {"channel": str(channel), "who": "you" if role == "user" else "the bot", "text": text}
            for channel, role, text in await self._database.rows(query, str(subject.id), subject.private_channel)
        ]

    async def erase(self, subject: Subject) -> Erased:
        """Delete the messages. Must run before the stored conversations are deleted; raises
        :class:`aiosqlite.Error`."""
        return Erased(await self._database.write(_FORGET_CHAT, str(subject.id), subject.private_channel))

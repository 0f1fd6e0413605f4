"""A memory on a database of its own, with a clock that tests move, for the tests of this package."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

from bot.conversations.keeping import Conversations
from bot.conversations.records import ConversationPlace, ConversationRecords
from bot.database import FILE, Database
from bot.llm.history import Turn
from bot.memory.audience import MemoryAsker
from bot.memory.memory import Memory
from bot.memory.records import Fact
from bot.question_vectors import QuestionVectors
from config.sections import MemoryPolicy
from config.types import KeptDays

ADA, BEN, CLEO = 11, 12, 13
NAMES = {ADA: "Ada", BEN: "Ben", CLEO: "Cleo"}
HOME, AWAY = 7, 8
"""Two servers."""
DAY = 86_400.0
BEGINNING = 1_790_000_000.0


@dataclass
class Brain:
    """The memory, the conversations it reads, and the time."""

    memory: Memory
    conversations: Conversations
    database: Database
    folder: Path
    now: float = BEGINNING

    async def learn(
        self,
        text: str,
        quote: str,
        *,
        speaker: int = ADA,
        person: int | None = None,
        heard: Iterable[int] = (),
        server: int | None = HOME,
    ) -> Fact:
        """Store a fact as if it had been gathered. It is about the speaker, unless ``person`` is given."""
        about = speaker if person is None else person
        return await self.memory.facts.add(
            Fact(
                id=0,
                server=server,
                conversation=None,
                turn=None,
                speaker=speaker,
                speaker_name=NAMES[speaker],
                person=about,
                person_name=NAMES[about],
                text=text,
                quote=quote,
                said_at=self.now,
                audience=self.memory.audiences.of(server, {speaker, *heard}),
            )
        )

    async def recalled(
        self,
        asker: int,
        words: str,
        server: int | None = HOME,
        channel: int = 1,
        *,
        listening: Collection[int] = (),
    ) -> str:
        """Return what the memory tells the model when this person asks. In a call, ``listening`` are the people who
        hear.
        """
        asked = Turn.of_person(NAMES[asker], words, asker)
        return await self.memory.recall.section(asked, server, channel, listening)

    async def written(self, person: int, text: str, answer: str = "I see.", server: int | None = HOME) -> None:
        """Have a message and its answer stored, as the text chat does."""
        place = ConversationPlace("chat", "general", server, 100 + (server or person))
        self.conversations.store_chat(
            place, Turn.of_person(NAMES.get(person, "Caller"), text, person), Turn.of_bot(answer)
        )
        assert await self.conversations.writer.flush()

    def bytes_of_all_files(self) -> bytes:
        """All that is in the folder of data.

        Tests search these bytes for a word without its first letter: in texts that letter may be a capital, in the
        index of words it is not.
        """
        return b"".join(path.read_bytes() for path in self.folder.iterdir())


def asker(person: int, server: int | None = HOME) -> MemoryAsker:
    """A person who asks on a server."""
    return MemoryAsker(person, server)


@asynccontextmanager
async def brain(
    folder: Path,
    *,
    policy: MemoryPolicy = MemoryPolicy.ON,
    days: KeptDays = 365,
    keep: KeptDays = 30,
    now: float = BEGINNING,
    questions: QuestionVectors | None = None,
    admits: Callable[[int], bool] = lambda _: True,
) -> AsyncIterator[Brain]:
    """Open the database in ``folder`` and a memory on it, as a start of the bot does."""
    async with Database.opened(folder / FILE) as database:
        at = [now]
        conversations = Conversations(
            ConversationRecords(database),
            keep,
            lambda server, person: True,
            remembers=lambda server, channel: policy is not MemoryPolicy.OFF,
            clock=lambda: made.now if made is not None else at[0],
        )
        made: Brain | None = None
        await conversations.open()
        async with Memory.opened(
            database,
            folder / FILE,
            policy,
            days,
            conversations.writer,
            UTC,
            shared=(0,),
            questions=questions,
            admits=admits,
            recall_limit=60.0,
            clock=lambda: made.now if made is not None else at[0],
        ) as memory:
            made = Brain(memory, conversations, database, folder, now)
            try:
                yield made
            finally:
                await conversations.close()

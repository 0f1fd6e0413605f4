"""The notes service over a real database, with a scripted model and a poster that keeps what it is given."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from bot.database import FILE, Database
from bot.llm.answer import TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.context_window import ContextWindow
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.history import Turn
from bot.llm.messages import ChatMessage
from bot.llm.prompt_report import PromptReport
from bot.llm.small_model import ModelSize
from bot.notes.files import FOLDER, NoteFiles
from bot.notes.finishing import DISCORD, NotesPost, PostLaterError
from bot.notes.lines import NotesPlace
from bot.notes.notebook import CallNotebook
from bot.notes.records import NoteRecords
from bot.notes.service import NotesService
from bot.notes.words import NoteWords
from config.types import KeptDays
from tests.file_contents import files_with
from tests.timing import LIMIT

ADA, BEN, CLEO = 11, 12, 13
NAMES = {ADA: "Ada", BEN: "Ben", CLEO: "Cleo"}
SERVER, CHANNEL = 7, 70
LOUNGE = NotesPlace(DISCORD, "Lounge", SERVER, CHANNEL)


@dataclass
class Model:
    """Answers with ``script``, which gets the transcript; if it returns ``None``, no answer comes. ``asked`` has the
    requests.

    The first requests, as many as ``over_limit``, are refused because of the limit of the day.
    """

    script: Callable[[str], str | None] = lambda _: "## Decisions\n- The party is on Friday. [1]"
    context: int = 4_096
    name: str | None = None
    fails: bool = False
    over_limit: int = 0
    asked: list[list[ChatMessage]] = field(default_factory=list)

    async def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        never_retract: bool = False,
        progress: AnswerProgress = NOT_WATCHED,
        max_tokens: int | None = None,
    ) -> AsyncGenerator[TextDelta, None]:
        window = ContextWindow(self.context)
        fitted = window.fit(messages, max_tokens or 500).messages
        progress.fitted(PromptReport(self.context, 0, fitted, shortened=fitted != tuple(messages)))
        self.asked.append([*messages])
        if len(self.asked) <= self.over_limit:
            raise ModelError(ModelErrorKind.LIMIT, "Today's limit is reached.")
        if self.fails:
            raise ModelError(ModelErrorKind.UNREACHABLE, "It is off.")
        answer = self.script(messages[-1].content)
        if answer is None:
            await asyncio.Event().wait()
        for word in (answer or "").split(" "):
            yield TextDelta(f"{word} ")

    def size_of(self, *, model: str | None = None) -> ModelSize:
        return ModelSize(self.name)

    async def learn_model_sizes(self) -> None:
        await asyncio.sleep(0)

    def context_size(self, *, model: str | None = None) -> int:
        return self.context


@dataclass
class Poster:
    """Keeps what is posted. The first attempts, as many as ``out_of_order``, fail."""

    posts: list[NotesPost] = field(default_factory=list)
    out_of_order: int = 0

    async def post(self, channel: int, post: NotesPost) -> str:
        if self.out_of_order:
            self.out_of_order -= 1
            raise PostLaterError("Discord is down")
        assert channel == CHANNEL
        self.posts.append(post)
        return f"https://discord.example/{len(self.posts)}"


@dataclass
class House:
    """The service, and everything around it.

    ``opted_out`` has those whose words may not be kept, ``slept`` the pauses that the service has made, in seconds.
    """

    folder: Path
    database: Database
    service: NotesService
    model: Model
    poster: Poster
    opted_out: set[int]
    slept: list[float]

    def begin(self, *present: int, place: NotesPlace = LOUNGE) -> CallNotebook:
        """A call in which notes are taken from the beginning on."""
        notebook = self.service.notebook(place)
        assert notebook is not None
        notebook.begin("Ada")
        notebook.present({person: NAMES[person] for person in present}, present)
        return notebook

    async def hold_call(self, *said: tuple[int | None, str], place: NotesPlace = LOUNGE) -> None:
        """A call of Ada and Ben, from its beginning to its end. ``said`` has each text with the person who says it;
        ``None`` is the bot.
        """
        notebook = self.begin(ADA, BEN, place=place)
        for person, text in said:
            say(notebook, person, text)
        notebook.end()
        await self.finished()

    async def finished(self) -> None:
        """Wait until all notes of past calls are finished."""
        # This makes the service write the lines that wait, so that the notes are in the database.
        await self.service.newest(SERVER)
        await self.until_rows("SELECT count(*) FROM note WHERE NOT done", 0)

    async def until_rows(self, query: str, wanted: object) -> None:
        async with asyncio.timeout(LIMIT):
            while (await self.database.rows(query)) != [(wanted,)]:
                await asyncio.sleep(0.01)

    async def recalled(self, person: int, text: str, server: int | None = SERVER) -> str:
        """What the model is told when somebody says something."""
        async with asyncio.timeout(LIMIT):
            return await self.service.recall.section(Turn.of_person(NAMES[person], text, person), server, CHANNEL)

    def files(self) -> list[str]:
        """The contents of the files of notes. Reading them blocks."""
        return [file.read_text() for file in sorted((self.folder / FOLDER).glob("*"))]

    def on_disk(self, words: str) -> set[str]:
        """The files with these words. Reading them blocks."""
        return files_with(self.folder, words)


def say(notebook: CallNotebook, person: int | None, text: str) -> None:
    """Somebody says something, if it may be kept; ``None`` is the bot."""
    if person is None:
        notebook.said(Turn.of_bot(text, name="Seiyuu"))
    elif notebook.keeps(person):
        notebook.said(Turn.of_person(NAMES[person], text, person))


@asynccontextmanager
async def notes_house(
    folder: Path, *, days: KeptDays = 90, clock: Callable[[], float] = lambda: 1_000_000.0, model: Model | None = None
) -> AsyncIterator[House]:
    """Open the service, and run its background tasks while the block runs."""
    slept: list[float] = []
    now = 0.0
    opted_out: set[int] = set()
    model, poster = model or Model(), Poster()
    never = asyncio.Event()

    async def sleep(seconds: float) -> None:
        nonlocal now
        slept.append(seconds)
        now += seconds if seconds < 80_000 else 0
        if seconds >= 80_000:
            await never.wait()
        await asyncio.sleep(0)

    async with Database.opened(folder / FILE) as database:
        service = NotesService(
            NoteRecords(database),
            NoteFiles(folder / FOLDER),
            model,
            NoteWords(),
            days,
            lambda server, person: person not in opted_out,
            lambda server: None,
            lambda at: datetime.fromtimestamp(at, UTC),
            clock=clock,
            monotonic=lambda: now,
            sleep=sleep,
        )
        # Let the recall wait for the database even on a machine that stands still.
        service.recall._limit = LIMIT
        service.finisher.poster = poster
        await service.open()
        await service.make_findable()
        work = (service.run_writer, service.finisher.run, service.forget_leaving, service.forget_old_daily)
        tasks = [asyncio.create_task(each()) for each in work]
        try:
            yield House(folder, database, service, model, poster, opted_out, slept)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await service.close()

"""The notes service without a bot. It shows and deletes notes, but takes none and sums none up."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, tzinfo
from pathlib import Path

from bot.database import Database
from bot.llm.answer import TextDelta
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.messages import ChatMessage
from bot.llm.small_model import ModelSize
from bot.notes.files import FOLDER, NoteFiles
from bot.notes.records import NoteRecords
from bot.notes.service import NotesService
from bot.notes.words import NoteWords


class _NoModel:
    """A :class:`~bot.notes.summing.NotesModel` that is never asked."""

    def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        never_retract: bool = False,
        progress: AnswerProgress = NOT_WATCHED,
        max_tokens: int | None = None,
    ) -> AsyncGenerator[TextDelta, None]:
        """Refuse; raises ``ModelError``."""
        raise ModelError(ModelErrorKind.UNREACHABLE, "There is no model without a bot.")

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """An unknown size."""
        return ModelSize(model)

    def context_size(self, *, model: str | None = None) -> int:
        """0, since there is no model."""
        return 0

    async def learn_model_sizes(self) -> None:
        """Do nothing, since there is no model."""


@asynccontextmanager
async def unused_notes(database: Database, data_dir: Path, zone: tzinfo) -> AsyncIterator[NotesService]:
    """The notes service while the block runs. Its background tasks are not started."""
    notes = NotesService(
        NoteRecords(database),
        NoteFiles(data_dir / FOLDER),
        _NoModel(),
        NoteWords(),
        "forever",
        lambda server, person: False,
        lambda server: None,
        lambda at: datetime.fromtimestamp(at, zone),
    )
    try:
        yield notes
    finally:
        await notes.close()

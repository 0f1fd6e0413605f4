"""Opens the knowledge, which is an index of the operator's files, as the settings say."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from bot.knowledge.index import FILE, Index, KnowledgeError
from bot.knowledge.knowledge import Knowledge
from bot.knowledge.switch import KnowledgeSwitch, StoredSettings
from bot.knowledge.vector_stores import open_store
from bot.knowledge.vectors import PassageVectors
from bot.question_vectors import QuestionVectors
from config.settings import Settings

_log = logging.getLogger(__name__)


def index_file(settings: Settings) -> Path:
    """The file of the index."""
    return settings.data_dir / FILE


def open_index(settings: Settings) -> Index:
    """Open the index. Blocks on the disk; raises :class:`~bot.knowledge.index.KnowledgeError`."""
    return Index(index_file(settings))


def passage_vectors(settings: Settings, index: Index, questions: QuestionVectors | None) -> PassageVectors | None:
    """The vectors of the passages; ``None`` if no server for embeddings is set."""
    if questions is None:
        return None
    folder = settings.chroma_dir or settings.data_dir / "chroma"
    return PassageVectors(questions, lambda: open_store(index, folder))


@asynccontextmanager
async def opened_knowledge(
    settings: Settings, store: StoredSettings, questions: QuestionVectors | None
) -> AsyncIterator[Knowledge | None]:
    """Open the knowledge, and close it on leaving. ``None`` if no folder is set, or if its index can't be opened."""
    if settings.knowledge_dir is None:
        yield None
        return
    try:
        index = await asyncio.to_thread(open_index, settings)
    except KnowledgeError as error:
        _log.warning("There is no knowledge: %s", error)
        yield None
        return
    try:
        yield Knowledge(
            index, settings.knowledge_dir, KnowledgeSwitch(store), passage_vectors(settings, index, questions)
        )
    finally:
        await asyncio.to_thread(index.close)

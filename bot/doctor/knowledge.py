"""The doctor's check of knowledge: the folder, its index, and the server for embeddings."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import aiohttp

from bot.check_result import CheckResult
from bot.embeddings import EmbeddingsClient, EmbeddingsError
from bot.identity import HEADERS
from bot.knowledge.following import FolderError, folder_content, problems_of
from bot.knowledge.index import Index, KnowledgeError
from bot.knowledge.opening import index_file
from bot.text import counted
from config.settings import Settings

MAX_LISTED = 5
"""Maximum number of unreadable files that are named."""
_SUBJECT = "Knowledge"
_INDEX = "`python -m bot knowledge index` reads them"


@dataclass(frozen=True, slots=True)
class _Found:
    """What the check has found in the folder and in the index.

    Attributes:
        dimensions: how many numbers each stored vector has, and the name of the model that made the vectors; ``None``
            if there are no vectors.
    """

    text: str
    is_whole: bool
    dimensions: tuple[int, str] | None


async def check_knowledge(settings: Settings) -> CheckResult:
    """Count the files that are read and those that are not, and ask the embeddings server for one vector."""
    if settings.knowledge_dir is None:
        return CheckResult(_SUBJECT, None, "KNOWLEDGE_DIR is not set: nothing is looked up in files")
    try:
        found = await asyncio.to_thread(_look, settings)
    except (FolderError, KnowledgeError) as error:
        return CheckResult(_SUBJECT, False, str(error))
    if settings.embeddings.url is None:
        text = f"{found.text}; EMBEDDINGS_URL is not set: passages are found by their words alone"
        return CheckResult(_SUBJECT, True if found.is_whole else None, text)
    try:
        async with aiohttp.ClientSession(headers=HEADERS) as session:
            client = EmbeddingsClient(session, settings.embeddings)
            size = (await client.question("hello")).shape[1]
    except EmbeddingsError as error:
        return CheckResult(_SUBJECT, False, f"{found.text}; EMBEDDINGS_URL: {error}")
    text = f"{found.text}; {settings.embeddings.url} gives vectors of {size} numbers"
    if found.dimensions is not None and found.dimensions[1] == client.model and found.dimensions[0] != size:
        text += (
            f", but those of the index have {found.dimensions[0]}: the server has another model now. Set "
            "EMBEDDINGS_MODEL to its name, and the vectors are made again"
        )
        return CheckResult(_SUBJECT, False, text)
    return CheckResult(_SUBJECT, True if found.is_whole else None, text)


def _look(settings: Settings) -> _Found:
    assert settings.knowledge_dir is not None  # noqa: S101  # the caller has looked
    content = folder_content(settings.knowledge_dir)
    if not index_file(settings).exists():
        text = f"{counted(len(content.stamps), 'file')} in {settings.knowledge_dir}, none read yet: {_INDEX}"
        return _Found("; ".join((text, *content.notices)), False, None)
    with Index(index_file(settings)) as index:
        files = index.files()
        problems = [*(each for file in files.values() for each in problems_of(file)), *content.notices]
        waiting = sum(path not in files or files[path].stamp != stamp for path, stamp in content.stamps.items())
        text = f"{counted(len(files), 'file')} read, {counted(index.count(), 'passage')}"
        if waiting:
            text += f"; {counted(waiting, 'file')} new or changed: {_INDEX}"
        if problems:
            more = f" and {len(problems) - MAX_LISTED:,} more" if len(problems) > MAX_LISTED else ""
            text += f"; {'; '.join(problems[:MAX_LISTED])}{more}"
        return _Found(text, not problems and not waiting, index.vector_size())

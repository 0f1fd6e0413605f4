"""Vectors of questions. They are requested while a person still speaks, so that they are ready when the turn ends."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from bot.embeddings import EmbeddingsClient, EmbeddingsError, Vectors
from bot.metering import UNMETERED, Meter
from config.engine_sections import EmbeddingsSettings
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

IN_TIME = 0.04
"""Seconds that an answer waits for the vector of its question. So little is enough: the vector was requested early."""
MAX_QUESTIONS = 16
"""Maximum number of questions whose vectors are kept or being made."""
ENOUGH = 0.6
"""The vector of a question's beginning is used only if the beginning has this share of the question's characters."""


class QuestionVectors:
    """The vectors of the questions asked last. Each question is embedded once, even if several parts search with it.

    Use it on one event loop.

    Attributes:
        client: the client of the server for embeddings.
    """

    def __init__(self, client: EmbeddingsClient) -> None:
        self.client = client
        self._questions: OrderedDict[str, asyncio.Task[Vectors | None]] = OrderedDict()
        self._told: set[str] = set()

    async def close(self) -> None:
        """Cancel the requests that are not finished."""
        await end_tasks(*self._questions.values())

    async def of(self, question: str, seconds: float = IN_TIME) -> Vectors | None:
        """The vector of a question, as one row; ``None`` if there is none in time. Never raises.

        If the vector of the whole question is late, the vector of its beginning is used. That one was requested for an
        interim transcript.
        """
        try:
            async with asyncio.timeout(seconds):
                return await asyncio.shield(self._vector(question))
        except TimeoutError:
            return self._of_beginning(question)

    def _vector(self, question: str) -> asyncio.Task[Vectors | None]:
        task = self._questions.get(question)
        if task is None or (task.done() and task.result() is None):
            task = asyncio.create_task(self._asked(question), name="the vector of a question")
            self._questions[question] = task
        self._questions.move_to_end(question)
        while len(self._questions) > MAX_QUESTIONS:
            _, oldest = self._questions.popitem(last=False)
            oldest.cancel()
        return task

    async def _asked(self, question: str) -> Vectors | None:
        try:
            return await self.client.question(question)
        except EmbeddingsError as error:
            if str(error) not in self._told:
                _log.warning("%s. Memory and knowledge are searched by words alone", error)
            self._told.add(str(error))
            return None

    def _of_beginning(self, question: str) -> Vectors | None:
        whole = question.casefold()
        for words in reversed(self._questions):
            task = self._questions[words]
            begins = whole.startswith(words.casefold().rstrip(" .…?!")) and len(words) >= ENOUGH * len(question)
            if begins and task.done() and not task.cancelled() and task.result() is not None:
                return task.result()
        return None


@asynccontextmanager
async def opened_questions(
    session: aiohttp.ClientSession, options: EmbeddingsSettings, meter: Meter = UNMETERED
) -> AsyncIterator[QuestionVectors | None]:
    """The vectors of questions for the time of the block; ``None`` if no server for embeddings is set."""
    if options.url is None:
        yield None
        return
    questions = QuestionVectors(EmbeddingsClient(session, options, meter))
    try:
        yield questions
    finally:
        await questions.close()

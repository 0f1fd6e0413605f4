"""Has the model sum a call up, part by part. Each part is stored, so nothing is read twice if a call interrupts."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Protocol

from bot.llm.answer import TextDelta
from bot.llm.answer_progress import AnswerProgress
from bot.llm.messages import ChatMessage, estimated_tokens
from bot.llm.prompt_report import PromptReport
from bot.llm.small_model import ModelSize
from bot.metering import Account
from bot.notes.answers import MAX_ANSWER_CHARS, read_answer
from bot.notes.lines import Claim, ClaimKind, NoteLine, Notes
from bot.notes.markdown import LocalTime
from bot.notes.records import NoteRecords
from bot.notes.requests import (
    LEAST_TOKENS,
    LineRange,
    merge_request,
    next_part,
    part_request,
    part_tokens,
    shown_claim,
)
from bot.notes.words import NoteWords
from bot.text import plain

_log = logging.getLogger(__name__)

TOO_SMALL = "There is no summary, because my language model is too small to write one."
NOTHING_FOUND = "There is no summary, because my language model wrote nothing that follows from what was said."
NOT_REACHED = "There is no summary, because my language model could not be asked."
LEAST_CONTEXT = 800
"""Smallest context in tokens. A smaller one has no room for anything beside the task."""
MAX_PARTS = 60
"""Maximum number of parts that are read. The last lines of a longer call are left out of the summary."""
ANSWER_TOKENS = 1_200
"""Tokens that an answer may have, but at most a quarter of the context."""


class NotesModel(Protocol):
    """A language model; :class:`~bot.model_router.ModelRouter` implements this protocol."""

    def text(
        self,
        messages: Sequence[ChatMessage],
        *,
        model: str | None = None,
        never_retract: bool = False,
        progress: AnswerProgress = ...,
        max_tokens: int | None = None,
    ) -> AsyncGenerator[TextDelta, None]:
        """Stream the text of a reply of at most ``max_tokens`` tokens; raises ``ModelError``."""
        ...

    def size_of(self, *, model: str | None = None) -> ModelSize:
        """The size of the model."""
        ...

    def context_size(self, *, model: str | None = None) -> int:
        """The model's context in tokens."""
        ...

    async def learn_model_sizes(self) -> None:
        """Ask the model servers for the sizes of their models. Never raises."""
        ...


class _CutError(Exception):
    """Not all of the request fitted into the model's context."""


class Summing:
    """Asks the model for claims about calls, and stores what it finds in each part.

    Args:
        local: turns seconds since 1970 into the time in the people's time zone.
    """

    def __init__(self, records: NoteRecords, model: NotesModel, words: NoteWords, local: LocalTime) -> None:
        self._records = records
        self._model = model
        self._words = words
        self._local = local

    async def may_ask(self, model: str | None) -> bool:
        """Whether the model and its context are large enough."""
        # A model server may have been started after the bot, so the size is asked for each time.
        await self._model.learn_model_sizes()
        if self._model.context_size(model=model) < LEAST_CONTEXT:
            return False
        return not self._model.size_of(model=model).small

    async def sum_up(self, notes: Notes, model: str | None) -> tuple[Claim, ...]:
        """The claims about a call. Cancelling this ends the request at once; parts that were read stay stored.

        Raises:
            ModelError: the model did not answer.
            aiosqlite.Error: a part can't be stored.
        """
        lines = [line for line in notes.lines if not self._words.is_order(line.text)]
        if not lines:
            return ()
        people, account = [*notes.people.values()], Account(notes.head.place.server or 0)
        read = await self._records.parts(notes.head.id)
        rest = [line for line in lines if line.number > (read[-1][2] if read else 0)]
        largest = self._part_tokens(model)
        while rest and len(read) < MAX_PARTS:
            part = next_part(rest, largest, self._local)
            try:
                claims = await self._ask(part, people, model, account, whole=len(part.lines) == len(lines))
            except _CutError:
                if len(part.lines) > 1 and largest > LEAST_TOKENS:
                    largest = max(LEAST_TOKENS, largest // 2)
                    continue
                # A single line that is too long is left out.
                claims = ()
            number = len(read) + 1
            await self._records.add_part(notes.head.id, number, part.first, part.last, claims)
            read.append((number, part.first, part.last))
            rest = [line for line in rest if line.number > part.last]
        found = [claim for number, _, _ in read for claim in await self._records.claims(notes.head.id, number)]
        if len(read) <= 1:
            return tuple(found)
        return await self._merge(found, lines, people, model, account)

    async def _ask(
        self, part: LineRange, people: Sequence[str], model: str | None, account: Account, *, whole: bool
    ) -> tuple[Claim, ...]:
        answer = await self._answer(part_request(part, people, self._local, whole=whole), model, account)
        return read_answer(answer, part.lines, people)

    async def _merge(
        self,
        found: Sequence[Claim],
        lines: Sequence[NoteLine],
        people: Sequence[str],
        model: str | None,
        account: Account,
    ) -> tuple[Claim, ...]:
        """Merge the claims about the parts. If the model can't, they are put together as they are."""
        together = _without_repetitions(found)
        if sum(estimated_tokens(shown_claim(claim)) for claim in together) > self._part_tokens(model):
            return together
        cited = {number for claim in together for number in claim.lines}
        try:
            answer = await self._answer(merge_request(together), model, account)
        except _CutError:
            return together
        merged = read_answer(answer, [line for line in lines if line.number in cited], people)
        # A merged list that is empty, where there were claims, is more likely a mistake than right.
        kinds = {claim.kind for claim in merged}
        missing = [claim for claim in together if claim.kind not in kinds and claim.kind is not ClaimKind.QUESTION]
        return (*merged, *missing)

    async def _answer(self, messages: Sequence[ChatMessage], model: str | None, account: Account) -> str:
        cut, text, size = False, list[str](), 0

        def fitted(report: PromptReport) -> None:
            nonlocal cut
            cut = report.shortened or report.left_out_messages > 0

        answer = self._model.text(
            messages,
            model=model,
            never_retract=True,
            progress=AnswerProgress(account, fitted=fitted),
            max_tokens=self._answer_tokens(model),
        )
        async with aclosing(answer) as pieces:
            async for piece in pieces:
                if cut:
                    raise _CutError
                text.append(piece.text)
                size += len(piece.text)
                if size > MAX_ANSWER_CHARS:
                    break
        return "".join(text)

    def _answer_tokens(self, model: str | None) -> int:
        return min(ANSWER_TOKENS, self._model.context_size(model=model) // 4)

    def _part_tokens(self, model: str | None) -> int:
        return part_tokens(self._model.context_size(model=model), self._answer_tokens(model))


def _without_repetitions(claims: Sequence[Claim]) -> tuple[Claim, ...]:
    by_words = {(claim.kind, claim.who, plain(claim.text)): claim for claim in reversed(claims)}
    found = list(reversed(by_words.values()))
    return tuple(sorted(found, key=lambda claim: list(ClaimKind).index(claim.kind)))

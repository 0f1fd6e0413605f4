"""Counts the tokens of one request to a model server, however it ends."""

from __future__ import annotations

from dataclasses import replace
from types import TracebackType
from typing import Self

from bot.llm.deltas import Delta
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.messages import estimated_tokens
from bot.llm.plausible_usage import UsageCheck, byte_count, most_prompt_tokens
from bot.llm.prompt_report import PromptReport
from bot.llm.request_sender import ReplyRequest
from bot.llm.usage import TokenUsage
from bot.metering import Meter

_NOTHING_DONE = frozenset(
    {
        ModelErrorKind.UNREACHABLE,
        ModelErrorKind.UNAUTHORIZED,
        ModelErrorKind.NOT_FOUND,
        ModelErrorKind.HTTP,
        ModelErrorKind.TOO_LONG,
        ModelErrorKind.BROKEN,
        ModelErrorKind.SERVER,
    }
)
"""Errors after which there is no answer at all. Nobody charges for that."""


class TokenCount:
    """The tokens of one request, counted when it ends. Use it as a context manager around the whole request.

    The server's own counts are used if it reports them and they may be true. Most servers report them after the answer.
    The rest is estimated: the prompt by its messages and tools, the answer by the text that has come
    (:func:`~bot.llm.messages.estimated_tokens`). So an answer that was broken off, or a speculative reply that was
    discarded, counts too. A request that the server has refused does not.

    Args:
        server: the server's shown name.
        check: leaves out counts that can't be true.
        paid: whether the server costs money.
    """

    def __init__(self, meter: Meter, request: ReplyRequest, server: str, check: UsageCheck, *, paid: bool) -> None:
        self._meter = meter
        self._request = request
        self._server = server
        self._check = check
        self._paid = paid
        self._written = False
        self._prompt = self._most_prompt = self._answer_limit = 0
        self._pieces: list[str] = []
        self._reported = TokenUsage()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        told = self._reported
        began = bool(self._pieces) or told != TokenUsage()
        refused = isinstance(error, ModelError) and error.kind in _NOTHING_DONE and not began
        if not self._written or refused:
            return
        told = self._check.believed(told, self._most_prompt, byte_count(self._pieces), self._answer_limit)
        prompt = self._prompt if told.prompt_tokens is None else told.prompt_tokens
        answer = estimated_tokens("".join(self._pieces)) if told.answer_tokens is None else told.answer_tokens
        self._meter.tokens(self._request.progress.account, self._server, prompt, answer, paid=self._paid)

    def watched(self) -> ReplyRequest:
        """The request, with functions in its ``progress`` that report to this count too."""
        progress = self._request.progress

        def fitted(report: PromptReport) -> None:
            self._prompt, self._answer_limit = report.prompt_tokens, report.answer_tokens
            self._most_prompt = most_prompt_tokens(report.messages, self._request.tools)
            progress.fitted(report)

        def asked() -> None:
            self._written = True
            progress.asked()

        def counted(usage: TokenUsage) -> None:
            self._reported = usage
            progress.counted(usage)

        return replace(self._request, progress=replace(progress, fitted=fitted, asked=asked, counted=counted))

    def came(self, delta: Delta) -> None:
        """Note a piece of the answer: text, thoughts, and pieces of tool calls."""
        self._pieces += (delta.reasoning, delta.text, *(f"{call.name}{call.arguments}" for call in delta.calls))

"""Reads one reply: the parts of the answer, as they arrive in an open response."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable

import aiohttp

from bot.llm.answer import (
    AnswerBuilder,
    AnswerPart,
    ReplyFilter,
    bounded_deltas,
    parts_for_caller,
    without_retracted_parts,
)
from bot.llm.deltas import Delta
from bot.llm.errors import nothing_said
from bot.llm.request_sender import ReplyRequest
from bot.llm.response import ReplyReader
from bot.llm.thinking import ThinkingHabit
from bot.llm.token_count import TokenCount

_log = logging.getLogger(__name__)


async def read_parts(
    response: aiohttp.ClientResponse,
    request: ReplyRequest,
    habit: ThinkingHabit,
    count: TokenCount,
    template_known: Callable[[], Awaitable[None]],
) -> AsyncGenerator[AnswerPart, None]:
    """Read the reply to ``request``, and close the response at the end.

    Args:
        habit: remembers whether the model's replies begin inside a thought.
        count: counts the tokens of the reply.
        template_known: awaited once the reply has begun; returns when ``habit`` has learned from the chat template.

    Raises:
        ModelError: the reply broke off, or says nothing.
    """
    try:
        reader = ReplyReader(response, request.options, request.begin_by, request.progress.counted)
        # The first piece is read before anything else is awaited. Otherwise data that has arrived already would be lost
        # if the server closes the connection.
        delta = await reader.read()
        await template_known()
        text = ReplyFilter(
            habit,
            request.speakers,
            never_retract=request.never_retract,
            brief=request.options.brief,
            quotes_people=request.options.quotes_people,
            takes_calls=bool(request.tools),
        )
        answer = AnswerBuilder(text)
        while delta is not None:
            count.came(delta)
            if delta.text.strip() or delta.reasoning or delta.calls:
                request.progress.came()
            for part in parts_for_caller(await _filtered(answer, delta), request.runs_tools):
                yield part
            delta = None if answer.ended else await reader.read()
        for part in parts_for_caller(answer.end(), request.runs_tools):
            yield part
        _check_end(answer, request)
    finally:
        # This closes the connection, unless the body was read to its end: then the connection is in the pool again.
        response.close()


async def _filtered(answer: AnswerBuilder, delta: Delta) -> list[AnswerPart]:
    """Filter one delta, part by part. It may be a complete long answer, so other tasks may run between the parts."""
    said: list[AnswerPart] = []
    for part in bounded_deltas(delta):
        said += answer.take(part)
        if answer.ended:
            break
        if part is not delta:
            await asyncio.sleep(0)
    return without_retracted_parts(said)


def _check_end(answer: AnswerBuilder, request: ReplyRequest) -> None:
    reply = answer.filter
    if not reply.has_text and not (answer.called and request.runs_tools):
        raise nothing_said(request.options, reply.reason, thought=reply.thought)
    if not reply.finished and not answer.ended:
        _log.warning("The model server at %s did not mark the end of its reply", request.options.server_name)

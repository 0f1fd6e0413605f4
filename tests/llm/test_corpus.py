"""Answers as many model servers stream them: each is read completely wherever it is cut, without its thoughts."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.answer import AnswerBuilder, AnswerPart, ReplyFilter, TextDelta
from bot.llm.client import ModelClient
from bot.llm.deltas import BrokenDeltaError, Delta, ServerSaidError
from bot.llm.errors import ModelError, ModelErrorKind, nothing_said, server_said
from bot.llm.messages import ChatMessage
from bot.llm.requests import ModelOptions
from bot.llm.response import ReplyDecoder
from bot.llm.thinking import ThinkingHabit
from bot.llm.tool_calls import ToolCall
from config.engine_sections import ModelApi
from tests.llm.corpus import Stream, streams
from tests.llm.servers import serving
from tests.llm.tool_doubles import WEATHER

STREAMS = streams()
OPTIONS = ModelOptions("http://server/v1", max_tokens=500)
QUESTION = (ChatMessage("user", "Ada: hello"),)

every_stream = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


@dataclass(frozen=True)
class Read:
    """Result of reading a stream: the parts that were passed on, the text that is left of them, and the error."""

    parts: tuple[AnswerPart, ...]
    text: str
    kind: ModelErrorKind | None
    told: str


def read(stream: Stream, chunks: Iterable[bytes]) -> Read:
    """Read the chunks in the way that ``ModelClient`` does, but without sockets and time limits."""
    habit = ThinkingHabit()
    habit.begins_inside = habit.known = stream.begins_inside
    text = ReplyFilter(habit, stream.speakers, takes_calls=stream.tools)
    answer = AnswerBuilder(text)
    parts: list[AnswerPart] = []
    try:
        for delta in _deltas(chunks):
            parts += answer.take(delta)
            if answer.ended:
                break
        parts += answer.end()
        failure = None if text.has_text or answer.called else nothing_said(OPTIONS, text.reason, thought=text.thought)
    except ServerSaidError as error:
        failure = server_said(OPTIONS, str(error))
    except BrokenDeltaError as error:
        failure = ModelError(ModelErrorKind.BROKEN, f"not a reply ({error})")
    return _result(parts, failure)


def _deltas(chunks: Iterable[bytes]) -> Iterator[Delta]:
    decoder = ReplyDecoder()
    for chunk in chunks:
        decoder.feed(chunk)
        while (delta := decoder.next()) is not None:
            yield delta
    decoder.finish()
    while (delta := decoder.next()) is not None:
        yield delta


def _result(parts: list[AnswerPart], failure: ModelError | None) -> Read:
    text = ""
    for part in parts:
        if isinstance(part, TextDelta):
            text = part.text if part.retracts else text + part.text
    return Read(tuple(parts), text.strip(), failure.kind if failure else None, str(failure or ""))


def check(stream: Stream, came: Read) -> None:
    assert came.text == stream.text
    assert came.kind is stream.error
    for words in stream.says:
        assert words in came.told
    calls = [part for part in came.parts if isinstance(part, ToolCall)]
    assert tuple((call.name, call.values()) for call in calls) == stream.calls
    assert len({call.id for call in calls} - {""}) == len(calls)
    if stream.ids:
        assert tuple(call.id for call in calls) == stream.ids
    assert _order(came.parts) == (stream.order or _order([*[TextDelta(stream.text)] * bool(stream.text), *calls]))
    said = [part for part in came.parts if isinstance(part, TextDelta)]
    left = said[max((place for place, part in enumerate(said) if part.retracts), default=0) :]
    assert [part.mood for part in left if part.mood is not None] == [stream.mood] * (stream.mood is not None)
    passed = "".join(part.text for part in said)
    for thought in stream.thoughts:
        assert thought not in passed
    if not stream.retracts:
        assert passed.strip() == stream.text


def _order(parts: Iterable[AnswerPart]) -> str:
    """The order of text and calls: "tc" is text and then a call."""
    signs = ("c" if isinstance(part, ToolCall) else "t" * bool(part.text.strip()) for part in parts)
    return re.sub("t+", "t", "".join(signs))


def test_the_corpus_is_large_enough() -> None:
    assert len(STREAMS) >= 60
    assert len({stream.name for stream in STREAMS}) == len(STREAMS)
    assert {stream.api for stream in STREAMS} == set(ModelApi)


@every_stream
def test_a_stream_is_whole_in_one_piece_and_byte_by_byte_and_cut_at_every_ninth_byte(stream: Stream) -> None:
    check(stream, read(stream, [stream.body]))
    check(stream, read(stream, (stream.body[place : place + 1] for place in range(len(stream.body)))))
    # The first cut differs from stream to stream, so that nine streams together have cuts at every place.
    check_cuts(stream, range(1 + STREAMS.index(stream) % 9, len(stream.body), 9))


@pytest.mark.slow
def test_each_stream_is_whole_for_every_cut() -> None:
    for stream in STREAMS:
        check_cuts(stream, range(1, len(stream.body)))


def check_cuts(stream: Stream, places: Iterable[int]) -> None:
    for place in places:
        check(stream, read(stream, (stream.body[:place], stream.body[place:])))


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 1200), max_size=6))
def test_a_stream_is_whole_in_any_pieces(stream: Stream, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(stream.body)]
    check(stream, read(stream, (stream.body[start:end] for start, end in pairwise(edges))))


@asynccontextmanager
async def asking(stream: Stream, pieces: list[bytes]) -> AsyncIterator[ModelClient]:
    """A client of a server that sends these pieces."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": stream.content_type})
        await response.prepare(request)
        for piece in pieces:
            await response.write(piece)
        await response.write_eof()
        return response

    async with serving(handler) as url, ModelClient(ModelOptions(url, stream.api)) as client:
        if stream.begins_inside:
            client._memory_of(None).habit.template_says(begins_inside=True)
        yield client


@every_stream
async def test_a_stream_is_whole_over_a_socket(stream: Stream) -> None:
    middle = len(stream.body) // 2
    parts: list[AnswerPart] = []
    failure: ModelError | None = None
    async with asking(stream, [piece for piece in (stream.body[:middle], stream.body[middle:]) if piece]) as client:
        try:
            async for part in client.stream(QUESTION, speakers=stream.speakers, tools=[WEATHER] * stream.tools):
                parts.append(part)  # noqa: PERF401 — what came before the failure counts
        except ModelError as error:
            failure = error
    check(stream, _result(parts, failure))

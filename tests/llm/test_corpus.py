"""The corpus: every stream is read whole and the same, however it is cut, and no thought gets out of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.decoding import ReplyDecoder
from bot.llm.deltas import BrokenDeltaError, Delta, ServerSaidError
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.messages import ChatMessage
from bot.llm.options import ModelOptions
from bot.llm.remedies import nothing_said, server_said
from bot.llm.reply_text import ReplyText
from bot.llm.stream import ModelClient
from bot.llm.thinking_habit import ThinkingHabit
from config.sections import ModelApi
from tests.llm.corpus import Stream, streams
from tests.llm.filters.cutting import stands
from tests.llm.servers import serving

STREAMS = streams()
OPTIONS = ModelOptions("http://server/v1", max_tokens=500)
QUESTION = (ChatMessage("user", "Ada: hello"),)

every_stream = pytest.mark.parametrize("stream", STREAMS, ids=lambda stream: stream.name)


@dataclass(frozen=True)
class Read:
    """What came of a stream: the pieces that were passed on, what stands of them, and how it failed."""

    pieces: tuple[str, ...]
    text: str
    kind: ModelErrorKind | None
    told: str


def read(stream: Stream, chunks: Iterable[bytes]) -> Read:
    """What ``ModelClient`` makes of the chunks, without its sockets and deadlines."""
    habit = ThinkingHabit()
    habit.begins_inside = habit.known = stream.begins_inside
    reply = ReplyText(habit, stream.speakers)
    pieces: list[str] = []
    try:
        for delta in _deltas(chunks):
            pieces += reply.take(delta)
            if reply.ended:
                break
        pieces += reply.end()
        failure = None if reply.spoke else nothing_said(OPTIONS, reply.reason, thought=reply.thought)
    except ServerSaidError as error:
        failure = server_said(OPTIONS, str(error))
    except BrokenDeltaError as error:
        failure = ModelError(ModelErrorKind.BROKEN, f"not a reply ({error})")
    return _result(pieces, failure)


def _deltas(chunks: Iterable[bytes]) -> Iterator[Delta]:
    decoder = ReplyDecoder()
    for chunk in chunks:
        decoder.feed(chunk)
        while (delta := decoder.next()) is not None:
            yield delta
    decoder.finish()
    while (delta := decoder.next()) is not None:
        yield delta


def _result(pieces: list[str], failure: ModelError | None) -> Read:
    return Read(tuple(pieces), stands(pieces).strip(), failure.kind if failure else None, str(failure or ""))


def check(stream: Stream, came: Read) -> None:
    assert came.text == stream.text
    assert came.kind is stream.error
    for words in stream.says:
        assert words in came.told
    passed = "".join(came.pieces)
    for thought in stream.thoughts:
        assert thought not in passed
    if not stream.retracts:
        assert passed.strip() == stream.text


def test_there_are_enough_of_them() -> None:
    assert len(STREAMS) >= 60
    assert len({stream.name for stream in STREAMS}) == len(STREAMS)
    assert {stream.api for stream in STREAMS} == set(ModelApi)


@every_stream
def test_a_stream_is_whole_under_every_cut(stream: Stream) -> None:
    check(stream, read(stream, [stream.body]))
    check(stream, read(stream, (stream.body[place : place + 1] for place in range(len(stream.body)))))
    for place in range(1, len(stream.body)):
        check(stream, read(stream, (stream.body[:place], stream.body[place:])))


@given(st.sampled_from(STREAMS), st.lists(st.integers(0, 1200), max_size=6))
def test_a_stream_is_whole_in_any_pieces(stream: Stream, cuts: list[int]) -> None:
    edges = [0, *sorted(cuts), len(stream.body)]
    check(stream, read(stream, (stream.body[start:end] for start, end in pairwise(edges))))


@asynccontextmanager
async def asking(stream: Stream, pieces: list[bytes]) -> AsyncIterator[ModelClient]:
    """A client of a server that writes these pieces."""

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
    pieces: list[str] = []
    failure: ModelError | None = None
    async with asking(stream, [piece for piece in (stream.body[:middle], stream.body[middle:]) if piece]) as client:
        try:
            async for piece in client.stream(QUESTION, speakers=stream.speakers):
                pieces.append(piece)  # noqa: PERF401 — what came before the failure counts
        except ModelError as error:
            failure = error
    check(stream, _result(pieces, failure))

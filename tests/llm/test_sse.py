"""Server-sent events are read as the standard says, however the stream is divided, and endless ones are refused."""

from __future__ import annotations

import json
from itertools import pairwise
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.sse import SseEvent, SseOverflowError, SseParser


def parse(stream: bytes) -> list[SseEvent]:
    return SseParser().feed(stream)


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: a\n\n", [SseEvent("message", "a")]),
        (b"data:a\r\rdata: b\r\n\r\n", [SseEvent("message", "a"), SseEvent("message", "b")]),
        (b"data: one\ndata: two\n\n", [SseEvent("message", "one\ntwo")]),
        (b"data:  two spaces\n\n", [SseEvent("message", " two spaces")]),
        (b"event: error\ndata: x\n\ndata: y\n\n", [SseEvent("error", "x"), SseEvent("message", "y")]),
        (b": a comment\nid: 7\nretry: 10\nnonsense\ndata: x\n\n", [SseEvent("message", "x")]),
        (b"data\n\n", [SseEvent("message", "")]),
        (b"event: lonely\n\n", []),
        (b"data: cut off by the end\n", []),
        (b"\xef\xbb\xbfdata: after a byte order mark\n\n", [SseEvent("message", "after a byte order mark")]),
        ("data: a\u2028b\x0bc\n\n".encode(), [SseEvent("message", "a\u2028b\x0bc")]),
        (b"data: \xff\n\n", [SseEvent("message", "\ufffd")]),
    ],
)
def test_events_are_read_as_the_standard_says(stream: bytes, events: list[SseEvent]) -> None:
    assert parse(stream) == events


_LINE = st.one_of(
    st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=8).map("data: {}".format),
    st.sampled_from(["", ":", "data", "event: error", "id: 1", "\ufeffdata: x", "data: 日本👋"]),
)
_STREAM = st.lists(st.tuples(_LINE, st.sampled_from(["\n", "\r", "\r\n"])), max_size=20).map(
    lambda lines: "".join(line + end for line, end in lines).encode()
)


@given(stream=_STREAM, cuts=st.lists(st.integers(0, 400), max_size=12))
def test_the_division_into_pieces_makes_no_difference(stream: bytes, cuts: list[int]) -> None:
    edges = sorted({0, len(stream), *(cut for cut in cuts if cut < len(stream))})
    parser = SseParser()
    events = [event for start, end in pairwise(edges) for event in parser.feed(stream[start:end])]
    assert events == parse(stream)


@given(stream=_STREAM)
def test_reading_byte_by_byte_makes_no_difference(stream: bytes) -> None:
    parser = SseParser()
    assert [event for byte in stream for event in parser.feed(bytes([byte]))] == parse(stream)


@pytest.mark.parametrize("stream", [b"data: " + b"x" * 200, b"data: 1234567\n" * 20])
def test_an_endless_event_is_refused(stream: bytes) -> None:
    parser = SseParser(max_event_chars=100)
    with pytest.raises(SseOverflowError):
        for byte in stream:
            parser.feed(bytes([byte]))


def test_an_event_that_never_ends_is_not_parsed_again_with_each_of_its_lines() -> None:
    # A hostile server could otherwise stop the whole bot with a few hundred kilobytes.
    with patch.object(json, "loads", wraps=json.loads) as loads:
        assert parse(b"data: {\n" * 1000) == []
    assert loads.call_count == 1


def test_one_line_of_json_ends_where_the_next_begins() -> None:
    stream = b'data: {"a": 1}\ndata: {"b": 2}\ndata: [DONE]\n\n'
    events = [SseEvent("message", data) for data in ('{"a": 1}', '{"b": 2}', "[DONE]")]
    assert parse(stream) == events

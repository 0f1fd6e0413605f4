"""Lines of a server's output: their length is bounded, and a line that is too long still tells which request it
answers.
"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.tools.servers.lines import MAX_LINE, LineSplitter, TooLong

LONG = "a" * (MAX_LINE + 10)


@given(st.lists(st.binary(max_size=20), max_size=30))
def test_lines_are_the_same_however_they_are_cut(pieces: list[bytes]) -> None:
    splitter = LineSplitter()
    lines = [line for piece in pieces for line in splitter.feed(piece)]
    assert lines == [line.strip() for line in b"".join(pieces).split(b"\n")[:-1]]


@pytest.mark.parametrize(
    ("line", "request_id"),
    [
        (json.dumps({"jsonrpc": "2.0", "id": 12, "result": LONG}), 12),
        (json.dumps({"id": 12, "result": LONG}), 12),
        (json.dumps({"result": LONG, "jsonrpc": "2.0", "id": 12}), 12),
        (json.dumps({"result": f'"id": 3, {LONG}'}), None),
        (LONG, None),
    ],
)
@pytest.mark.parametrize("size", [1 << 16, 1 << 22])
def test_a_line_that_is_too_long_is_dropped_and_the_next_one_is_read(
    line: str, request_id: int | None, size: int
) -> None:
    splitter = LineSplitter()
    found: list[bytes | TooLong] = []
    text = line.encode() + b"\nnext\n"
    for start in range(0, len(text), size):
        found += splitter.feed(text[start : start + size])
    *early, last = found
    assert last == b"next"
    assert [each.request for each in early if isinstance(each, TooLong)][-1] == request_id


def test_a_line_that_is_too_long_is_reported_before_its_end_if_its_beginning_names_the_request() -> None:
    splitter = LineSplitter()
    begin = b'{"jsonrpc":"2.0","id":7,"result":"' + LONG.encode()
    assert list(splitter.feed(begin)) == [TooLong(7, ended=False)]
    assert list(splitter.feed(LONG.encode())) == []
    assert list(splitter.feed(b'"}\nnext\n')) == [b"next"]


def test_a_line_without_an_end_is_not_kept() -> None:
    splitter = LineSplitter()
    for _ in range(40):
        assert list(splitter.feed(b"a" * (1 << 16))) == []
    assert splitter.dropped > 30 << 16

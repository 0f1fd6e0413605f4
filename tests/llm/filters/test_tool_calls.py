"""Tool calls in a reply's text are taken out, wherever the text is cut. A flood of hostile tags calls nothing."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.filters.tool_calls import ToolCallFilter
from bot.llm.tool_calls import MAX_ARGUMENTS, CallPiece

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=12)
    | st.sampled_from(["</tool_call>", '"</tool_call>\\']),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
NAMES = st.sampled_from(["weather", "clock", "set_volume"])
CALLS = st.lists(st.tuples(NAMES, st.dictionaries(st.text(max_size=6), JSON, max_size=3)), min_size=1, max_size=3)
WORDS = st.text(st.characters(codec="utf-8", exclude_characters="<[`{"), max_size=20)


def passed(text: str, cuts: list[int], *, takes_calls: bool = True) -> tuple[str, list[CallPiece]]:
    reading = ToolCallFilter(takes_calls=takes_calls)
    said, calls = "", list[CallPiece]()
    edges = [0, *sorted(cut % (len(text) + 1) for cut in cuts), len(text)]
    for start, end in pairwise(edges):
        said += "".join(reading.feed(text[start:end]))
        calls += reading.take_calls()
    said += "".join(reading.finish())
    return said, [*calls, *reading.take_calls()]


@given(WORDS, CALLS, st.lists(st.integers(0, 500), max_size=8), st.booleans())
def test_calls_are_read_wherever_the_text_is_cut(
    words: str, made: list[tuple[str, dict[str, Any]]], cuts: list[int], ascii_only: bool
) -> None:
    tagged = [json.dumps({"name": name, "arguments": arguments}, ensure_ascii=ascii_only) for name, arguments in made]
    text = words + "\n".join(f"<tool_call>\n{each}\n</tool_call>" for each in tagged)
    said, calls = passed(text, cuts)
    assert said == words
    assert [(call.name, json.loads(call.arguments)) for call in calls] == made
    hidden, none = passed(text, cuts, takes_calls=False)
    assert hidden.strip() == words.strip()
    assert not none


@given(
    st.text(st.sampled_from('<>{name/tool_calresponse[]TOOL_CALLS"{}:, `\n\\x'), max_size=80),
    st.lists(st.integers(0, 80)),
)
def test_a_reply_is_the_same_wherever_it_is_cut(text: str, cuts: list[int]) -> None:
    for takes_calls in (True, False):
        assert passed(text, cuts, takes_calls=takes_calls) == passed(text, [], takes_calls=takes_calls)


@pytest.mark.parametrize(
    "flood",
    [
        "<tool_call>" * 20_000,
        '<tool_call>{"a": "' + "</tool_call>" * 20_000,
        "<tool_call>" + "[" * 100_000 + "</tool_call>",
        '<tool_call>{"name": "x", "arguments": {"a": "' + "x" * 2 * MAX_ARGUMENTS + '"}}</tool_call>',
        "<tool_call " * 20_000,
    ],
)
def test_a_flood_of_tags_is_hidden_and_calls_nothing(flood: str) -> None:
    reading = ToolCallFilter(takes_calls=True)
    calls = 0
    for start in range(0, len(flood), 1_000):
        assert all("tool_call>" not in said for said in reading.feed(flood[start : start + 1_000]))
        calls += len(reading.take_calls())
    list(reading.finish())
    assert not calls + len(reading.take_calls())


CALL = '{"name": "clock", "arguments": {"place": "Rome"}}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"id": "call_1", "type": "function", "function": {"name": "clock", "arguments": {"place": "Rome"}}}', ""),
        ('{"arguments": {"place": "Rome"}, "name": "clock"}', ""),
        ('{"tool": "clock", "arguments": {"place": "Rome"}}', ""),
        ('{"tool_name": "clock", "parameters": {"place": "Rome"}}', ""),
        (f"Okay. {CALL}", "Okay. "),
        (f"- {CALL}", "- "),
        (f"<TOOL_CALL>{CALL}</TOOL_CALL>", ""),
        (f"<toolcall>{CALL}</toolcall>", ""),
        (f"<tool-call>{CALL}</tool-call>", ""),
    ],
)
def test_calls_that_models_write_in_odd_ways_are_read(text: str, said: str) -> None:
    for size in (1, 3, 1_000):
        words, calls = passed(text, list(range(0, len(text), size)))
        assert words == said
        assert [(call.name, json.loads(call.arguments)) for call in calls] == [("clock", {"place": "Rome"})]


@pytest.mark.parametrize(
    "text",
    [CALL[:20], CALL[:30], '{"name": "clo', '<invoke name="clock"><parameter name="place">Rome</parameter></invoke>'],
)
def test_calls_that_cannot_be_read_are_not_spoken(text: str) -> None:
    assert passed(text, []) == ("", [])


@pytest.mark.parametrize("text", ['{"name": "Bob", "age": 5}', 'He said: {"id": 5}', f"`{CALL}`", "[1, 2]", '{"a": 1'])
def test_json_that_is_no_call_is_a_part_of_the_reply(text: str) -> None:
    assert passed(text, []) == (text, [])

"""Tool calls: assembled from malformed pieces, returned in order, and ignored if the caller runs no tools."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.answer import AnswerBuilder, AnswerPart, ReplyFilter, TextDelta, without_retracted_parts
from bot.llm.client import ModelClient
from bot.llm.deltas import Delta, parse_delta
from bot.llm.errors import ModelError, ModelErrorKind
from bot.llm.messages import ChatMessage, SpeakerNames
from bot.llm.requests import ModelOptions
from bot.llm.thinking import ThinkingHabit
from bot.llm.tool_calls import (
    MAX_ARGUMENTS,
    MAX_CALLS,
    MAX_CHARS,
    MAX_DEPTH,
    CallPiece,
    ToolCall,
    ToolCallAssembler,
)
from tests.llm.answers import texts
from tests.llm.servers import DONE, delta_event, said, serving, streaming

HELLO = (ChatMessage("user", "Ada: hello"),)
DICE = ToolCall("c", "dice", "{}")
CALL = CallPiece(0, "c", "dice", "{}")

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def together(*pieces: CallPiece, whole: bool = True) -> list[ToolCall]:
    assembler = ToolCallAssembler()
    return [*(call for piece in pieces for call in assembler.take([piece])), *assembler.end(whole=whole)]


def calling(*calls: dict[str, Any], finish: str | None = "tool_calls") -> bytes:
    return delta_event(finish, tool_calls=list(calls))


def one_call(name: str = "dice", arguments: object = "{}") -> dict[str, Any]:
    return {"index": 0, "id": "c", "type": "function", "function": {"name": name, "arguments": arguments}}


@given(st.dictionaries(st.text(), JSON, max_size=4), st.lists(st.integers(0, 200), max_size=8), st.booleans())
def test_arguments_that_come_in_any_pieces_are_put_together(
    values: dict[str, Any], cuts: list[int], ascii_only: bool
) -> None:
    text = json.dumps(values, ensure_ascii=ascii_only)
    edges = [0, *sorted(cuts), len(text)]
    pieces = [CallPiece(0, arguments=text[start:end]) for start, end in pairwise(edges)]
    (call,) = together(CallPiece(0, "c", "x"), *pieces)
    assert (call.id, call.name, call.values()) == ("c", "x", values)


@given(st.text(max_size=60))
def test_arguments_are_an_object_or_the_call_is_left_out(text: str) -> None:
    for call in together(CallPiece(0, "c", "x", text)):
        assert isinstance(call.values(), dict)
        call.arguments.encode()


@given(
    st.lists(
        st.builds(
            CallPiece,
            st.none() | st.integers(-1, 2),
            st.sampled_from(["", "a", "b", "\n"]),
            st.sampled_from(["", "x", "y", "a b"]),
            st.sampled_from(["", "{", "}", "{}", '{"a":', "1}", "[", "null"]),
        ),
        max_size=30,
    )
)
def test_no_stream_of_pieces_makes_a_call_that_nobody_could_run(pieces: list[CallPiece]) -> None:
    calls = together(*pieces)
    assert len({call.id for call in calls}) == len(calls)
    for call in calls:
        assert call.id
        assert call.name in ("x", "y", "xy", "yx")
        assert isinstance(call.values(), dict)


def test_a_call_is_complete_with_the_last_brace() -> None:
    assembler = ToolCallAssembler()
    assert assembler.take([CallPiece(0, "c", "dice")]) == []
    assert assembler.take([CallPiece(0, arguments='{"sides": 6')]) == []
    assert assembler.take([CallPiece(0, arguments="}")]) == [ToolCall("c", "dice", '{"sides": 6}')]
    assert assembler.take([CallPiece(0, arguments=" ")]) == []
    assert assembler.end(whole=True) == []


def test_a_name_that_comes_in_pieces_is_joined() -> None:
    (call,) = together(CallPiece(0, "c", "get_"), CallPiece(0, name="weather"), CallPiece(0, arguments="{}"))
    assert call.name == "get_weather"


def test_repeated_ids_are_distinguished() -> None:
    first, second = together(CallPiece(0, "c", "dice", "{}"), CallPiece(1, "c", "clock", "{}"))
    assert (first.id, first.name) == ("c", "dice")
    assert second.name == "clock"
    assert second.id not in ("", "c")


def test_calls_that_are_too_long_too_deep_or_too_many_are_left_out(caplog: pytest.LogCaptureFixture) -> None:
    longest = json.dumps({"a": "x" * (MAX_ARGUMENTS - len('{"a": ""}'))})
    assert len(together(CallPiece(0, "c", "x", longest))) == 1
    assert together(CallPiece(0, "c", "x", longest.replace("x", "xx", 1))) == []
    assert together(CallPiece(0, "c", "x"), *[CallPiece(0, arguments="{" * 1000)] * 300) == []
    deepest = '{"a":' * (MAX_DEPTH - 1) + "{}" + "}" * (MAX_DEPTH - 1)
    assert len(together(CallPiece(0, "c", "x", deepest))) == 1
    assert together(CallPiece(0, "c", "x", f'{{"a":{deepest}}}')) == []
    assert together(CallPiece(0, "c", "x", '{"a":' * 5_000 + "1" + "}" * 5_000)) == []
    assert together(CallPiece(0, "c", "x", '{"a":' + "9" * 5_000 + "}")) == []
    caplog.clear()
    many = together(*(CallPiece(number, str(number), "x", "{}") for number in range(10 * MAX_CALLS)))
    assert [call.id for call in many] == [str(number) for number in range(MAX_CALLS)]
    assert len(caplog.records) == 1, "all calls that are left out are logged in one line"


def test_arguments_that_seem_to_end_again_and_again_cost_little_time() -> None:
    assembler = ToolCallAssembler()
    assembler.take([CallPiece(0, "c", "x", '{"a":"')])
    for _ in range(MAX_ARGUMENTS // 2):
        assert assembler.take([CallPiece(0, arguments="}")]) == []
    assembler.take([CallPiece(0, arguments='"}')])
    assert len(assembler.end(whole=True)) == 1


async def test_an_endless_tool_call_ends_the_answer() -> None:
    endless = [calling({"index": 0, "function": {"arguments": "x" * 10_000}}, finish=None)] * (MAX_CHARS // 5_000)
    async with serving(streaming(said("Hello."), *endless)) as url, ModelClient(ModelOptions(url)) as client:
        parts = [part async for part in client.stream(HELLO)]
    assert parts == [TextDelta("Hello.")]
    assert len(endless) * 10_000 > MAX_CHARS


def test_an_event_of_very_many_calls_is_not_read_whole() -> None:
    delta = parse_delta(json.dumps({"choices": [{"delta": {"tool_calls": [one_call()] * 20_000}}]}))
    assert len(delta.calls) < 1_000


# The order of text and calls.


def answer_of(text: ReplyFilter, *deltas: Delta) -> list[AnswerPart]:
    answer = AnswerBuilder(text)
    return [*(part for delta in deltas for part in answer.take(delta)), *answer.end()]


def order(parts: Sequence[AnswerPart]) -> str:
    return "|".join(part.text if isinstance(part, TextDelta) else part.name for part in parts)


@pytest.mark.parametrize(
    ("held", "rest"),
    [
        ("Is 1 <", "2?"),
        ("Wait\ud83d", "\ude0a."),
        ("See </s", " there"),
        ("Look.\nAd", "am came."),
        ("Say [TH", "E END]"),
    ],
)
def test_a_call_does_not_overtake_withheld_text(held: str, rest: str) -> None:
    call, end = Delta(calls=(CALL,)), Delta(finished=True, reason="tool_calls")
    names = SpeakerNames(("Seiyuu",), ("Ada",))
    assert order(answer_of(ReplyFilter(ThinkingHabit(), names), Delta(held), call, end)).endswith("|dice")
    parts = answer_of(ReplyFilter(ThinkingHabit(), names), Delta(held), call, Delta(rest), end)
    said_before = order(parts).partition("|dice")[0].replace("|", "")
    assert said_before.startswith(held.encode("utf-16", "surrogatepass").decode("utf-16", "ignore"))


def test_a_call_without_withheld_text_comes_at_once() -> None:
    answer = AnswerBuilder(ReplyFilter(ThinkingHabit()))
    assert answer.take(Delta("Let me look.")) == [TextDelta("Let me look.")]
    assert answer.take(Delta(calls=(CALL,))) == [DICE]
    assert answer.take(Delta("There.")) == [TextDelta("There.")]


def test_a_tool_call_does_not_let_a_withheld_thought_through() -> None:
    call, end = Delta(calls=(CALL,)), Delta("</think>Hello.", finished=True, reason="stop")
    assert order(answer_of(ReplyFilter(ThinkingHabit()), Delta("<think>secret"), call, end)) == "dice|Hello."
    withheld = ReplyFilter(ThinkingHabit(), never_retract=True)
    assert order(answer_of(withheld, Delta("secret"), call, end)) == "Hello.|dice"


def test_only_text_is_retracted_and_never_a_call() -> None:
    parts = answer_of(ReplyFilter(ThinkingHabit()), Delta("secret"), Delta(calls=(CALL,)), Delta("</think>Hello."))
    assert parts == [TextDelta("secret"), DICE, TextDelta("", retracts=True), TextDelta("Hello.")]
    assert without_retracted_parts(parts) == [DICE, TextDelta("", retracts=True), TextDelta("Hello.")]


# Calls in replies to callers that do not run tools.


async def test_a_call_beside_words_is_ignored_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bot.llm")
    parts = [said("Let me look."), calling(one_call("weather", '{"place": "Rome"}')), DONE]
    async with serving(streaming(*parts)) as url, ModelClient(ModelOptions(url)) as client:
        assert await texts(client.text(HELLO)) == ["Let me look."]
        assert [part async for part in client.stream(HELLO)] == [
            TextDelta("Let me look."),
            ToolCall("c", "weather", '{"place": "Rome"}'),
        ]
    told = [record.getMessage() for record in caplog.records if "weather" in record.getMessage()]
    assert len(told) == 1, "the call is logged only for a caller that runs no tools"
    assert "Rome" not in told[0]


@pytest.mark.parametrize(
    ("before", "words"),
    [
        ((), "answered without saying anything."),
        (
            (delta_event(reasoning_content="Hm."),),
            "thought about it, but gave no answer.",
        ),
    ],
)
async def test_a_reply_of_calls_alone_says_nothing(before: tuple[bytes, ...], words: str) -> None:
    handler = streaming(*before, calling(one_call()), DONE)
    async with serving(handler) as url, ModelClient(ModelOptions(url)) as client:
        with pytest.raises(ModelError, match=words) as caught:
            await texts(client.text(HELLO))
        assert caught.value.kind is ModelErrorKind.EMPTY
        assert [part async for part in client.stream(HELLO)] == [DICE], (
            "for a caller that runs tools, the call is an answer"
        )


async def test_a_reply_of_broken_calls_alone_is_empty() -> None:
    async with (
        serving(streaming(calling(one_call(arguments="nonsense")), DONE)) as url,
        ModelClient(ModelOptions(url)) as client,
    ):
        with pytest.raises(ModelError) as caught:
            [part async for part in client.stream(HELLO)]
    assert caught.value.kind is ModelErrorKind.EMPTY


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "1.8e308"])
def test_a_number_that_json_can_not_repeat_is_never_passed_on(number: str) -> None:
    """Otherwise servers would refuse each later request, because it contains the call."""
    for arguments in (json.dumps(f'{{"a": {number}}}'), f'{{"a": {number}}}'):
        calls = f'[{{"index": 0, "id": "c", "function": {{"name": "dice", "arguments": {arguments}}}}}]'
        assembler = ToolCallAssembler()
        event_text = f'{{"choices": [{{"delta": {{"tool_calls": {calls}}}}}]}}'
        assert assembler.take(parse_delta(event_text).calls) == []
        assert assembler.end(whole=True) == []

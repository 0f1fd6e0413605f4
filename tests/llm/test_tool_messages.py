"""Messages about tools: calls and results stay in pairs, and are left out for formats without tools."""

from __future__ import annotations

from operator import attrgetter

import pytest

from bot.llm.messages import ChatMessage, total_tokens
from bot.llm.prompts import alternating
from bot.llm.requests import ModelOptions, reply_body
from bot.llm.templates import CHAT_TEMPLATES
from bot.llm.tool_calls import ToolCall
from bot.llm.truncation import LEFT_OUT, fit_messages
from config.engine_sections import ModelApi

tokens_of = attrgetter("tokens")
SYSTEM = ChatMessage("system", "You are Mika.")
QUESTION = ChatMessage("user", "Ann: how warm is it in Rome and Oslo?")
CALLING = ChatMessage(
    "assistant", "", calls=(ToolCall("a", "weather", '{"place":"Rome"}'), ToolCall("b", "weather", '{"place":"Oslo"}'))
)
ROME = ChatMessage("tool", "20 degrees", answers="a")
OSLO = ChatMessage("tool", "5 degrees", answers="b")
ANSWER = ChatMessage("assistant", "20 and 5.")
EXCHANGE = (QUESTION, CALLING, ROME, OSLO)


def test_the_request_contains_the_calls_and_their_results() -> None:
    body = reply_body(ModelOptions("http://server/v1"), [SYSTEM, *EXCHANGE, ANSWER], 100)
    assert body["messages"] == [
        {"role": "system", "content": "You are Mika."},
        {"role": "user", "content": QUESTION.content},
        {
            "role": "assistant",
            "content": "",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "weather", "arguments": '{"place":"Rome"}'}},
                {"id": "b", "type": "function", "function": {"name": "weather", "arguments": '{"place":"Oslo"}'}},
            ],
        },
        {"role": "tool", "content": "20 degrees", "tool_call_id": "a"},
        {"role": "tool", "content": "5 degrees", "tool_call_id": "b"},
        {"role": "assistant", "content": "20 and 5."},
    ]


@pytest.mark.parametrize("name", CHAT_TEMPLATES)
def test_a_prompt_that_is_a_single_text_leaves_tools_out(name: str) -> None:
    template = CHAT_TEMPLATES[name]
    assert template.render([SYSTEM, *EXCHANGE, ANSWER]) == template.render([SYSTEM, QUESTION, ANSWER])
    speaking = ChatMessage("assistant", "One moment.", calls=CALLING.calls)
    assert "One moment." in template.render([SYSTEM, QUESTION, speaking, ROME, OSLO])


def test_every_api_takes_a_conversation_with_tools() -> None:
    for api in ModelApi:
        assert reply_body(ModelOptions("http://server/v1", api), [SYSTEM, *EXCHANGE], 100)


def test_messages_about_tools_are_never_merged() -> None:
    assert alternating([*EXCHANGE, ANSWER]) == [*EXCHANGE, ANSWER]
    assert alternating([ROME, OSLO, ANSWER, *EXCHANGE]) == [*EXCHANGE], "results without their calls are left out"


def test_calls_count_as_tokens() -> None:
    assert CALLING.tokens > ChatMessage("assistant", "").tokens + 10


@pytest.mark.parametrize("budget", range(1, 200, 3))
def test_a_result_is_never_sent_without_its_call(budget: int) -> None:
    earlier = [*EXCHANGE, ANSWER]
    for messages in ([SYSTEM, *earlier, QUESTION], [SYSTEM, *earlier, *EXCHANGE]):
        kept = fit_messages(messages, budget, tokens_of)
        known: set[str] = set()
        for message in kept:
            known |= {call.id for call in message.calls}
            assert message.role != "tool" or message.answers in known
        assert kept[0] == SYSTEM
        assert kept[1].role == "user"


def test_a_result_that_is_too_long_loses_its_middle_and_the_question_stays() -> None:
    long = ChatMessage("tool", "word " * 1_000, answers="a")
    messages = [SYSTEM, QUESTION, CALLING, long, OSLO]
    kept = fit_messages(messages, 400, tokens_of)
    assert [message.role for message in kept] == ["system", "user", "assistant", "tool", "tool"]
    assert LEFT_OUT in kept[3].content
    assert (kept[3].answers, kept[2].calls) == ("a", CALLING.calls)
    assert total_tokens(kept) <= 400

"""Shortening of conversations to a number of tokens."""

from __future__ import annotations

from operator import attrgetter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.context_window import ASSUMED_TOKENS, LEFT_OUT, ContextWindow, fit_messages
from bot.llm.errors import LengthRefusal
from bot.llm.messages import TOKENS_PER_MESSAGE, ChatMessage, estimated_tokens, total_tokens

tokens_of = attrgetter("tokens")
SYSTEM = ChatMessage("system", "You are Mika.")


def talk(count: int, text: str = "word " * 12) -> list[ChatMessage]:
    """A conversation: a system message, messages of user and assistant in turn, and a last one of the user."""
    roles = ["assistant" if place % 2 else "user" for place in range(count)]
    earlier = [ChatMessage("assistant" if role == "assistant" else "user", text) for role in roles]
    return [SYSTEM, *earlier, ChatMessage("user", "Ann: and now?")]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),
        ("abc", 1),
        ("abcdef", 2),
        ("日本", 3),
        ("こんにちは。", 9),
        ("안녕", 3),
        ("ﾊﾝｶｸ", 6),
        ("𠀋𠀋", 3),
        ("abc日本", 4),
    ],
)
def test_tokens_are_estimated(text: str, tokens: int) -> None:
    assert estimated_tokens(text) == tokens


def test_a_conversation_that_fits_stays_as_it_is() -> None:
    messages = talk(6)
    assert fit_messages(messages, total_tokens(messages), tokens_of) == tuple(messages)


def test_the_oldest_messages_go_first_and_the_rest_begins_with_the_user() -> None:
    messages = talk(6)
    kept = fit_messages(messages, total_tokens(messages) - 1, tokens_of)
    assert kept == (SYSTEM, *messages[3:])
    assert [message.role for message in kept] == ["system", "user", "assistant", "user", "assistant", "user"]


def test_the_prompt_is_kept_even_without_room_for_any_history() -> None:
    messages = talk(6)
    assert fit_messages(messages, total_tokens([messages[0], messages[-1]]), tokens_of) == (SYSTEM, messages[-1])


def test_a_message_that_is_too_long_loses_its_middle() -> None:
    long = ChatMessage("user", "Ann: look at this: " + "blah " * 2_000 + "What does it mean?")
    kept = fit_messages([*talk(2)[:-1], long], 300, tokens_of)
    assert kept[0] == SYSTEM
    assert kept[1].content.startswith("Ann: look at this:")
    assert kept[1].content.endswith("What does it mean?")
    assert LEFT_OUT in kept[1].content
    assert 200 < total_tokens(kept) <= 300


def test_a_long_message_in_japanese_loses_its_middle_too() -> None:
    kept = fit_messages([SYSTEM, ChatMessage("user", "アダ: " + "漢字" * 3_000)], 1_000, tokens_of)
    assert 700 < total_tokens(kept) <= 1_000


@given(
    st.lists(st.tuples(st.sampled_from(["user", "assistant"]), st.text(max_size=200)), max_size=12),
    st.integers(0, 800),
)
def test_the_system_prompt_and_the_newest_message_are_always_there(earlier: list[tuple[str, str]], budget: int) -> None:
    messages = [SYSTEM, *(ChatMessage("user" if role == "user" else "assistant", text) for role, text in earlier)]
    messages.append(ChatMessage("user", "Ann: hello there"))
    kept = fit_messages(messages, budget, tokens_of)
    assert kept[0] == SYSTEM
    assert kept[-1] == messages[-1]
    assert list(kept[1:-1]) == messages[len(messages) - len(kept) + 1 : -1]
    if len(kept) > 2 and len(kept) < len(messages):
        assert kept[1].role == "user"
        assert total_tokens(kept) <= budget


def test_room_is_kept_for_the_answer() -> None:
    messages = talk(400)
    fit = ContextWindow(2_000).fit(messages, 500)
    assert fit.max_tokens == 500
    assert 1_400 < total_tokens(fit.messages) <= 1_500


def test_a_long_answer_leaves_half_of_a_small_context_for_the_question() -> None:
    fit = ContextWindow(1_000).fit(talk(400), 32_768)
    assert fit.max_tokens == 500
    assert total_tokens(fit.messages) <= 500


def test_a_size_that_is_only_assumed_shortens_no_answer() -> None:
    fit = ContextWindow(None).fit(talk(400), 32_768)
    assert fit.max_tokens == 32_768
    assert total_tokens(fit.messages) <= ASSUMED_TOKENS // 2


def test_a_size_that_is_only_assumed_cuts_no_message() -> None:
    persona = ChatMessage("system", "あなたは、" * 800)
    question = ChatMessage("user", "Ann: " + "これは何ですか。" * 20)
    assert ContextWindow(None).fit([persona, question], 500).messages == (persona, question)
    # A known size does not cut the message either, if only the system prompt is too long.
    assert ContextWindow(4_096).fit([persona, question], 500).messages == (persona, question)


def test_the_size_set_by_the_operator_takes_precedence_over_the_size_of_the_server() -> None:
    window = ContextWindow(2_000)
    window.learn_size(8_000)
    assert window.size == 2_000
    window = ContextWindow(None)
    window.learn_size(8_000)
    assert window.size == 8_000
    window.learn_size(0)
    assert window.size == 8_000


def test_the_numbers_of_the_server_correct_the_estimate() -> None:
    window = ContextWindow(None)
    messages = talk(200)
    sent = window.fit(messages, 500).messages
    assert window.learn_refusal(LengthRefusal(limit=2_048, prompt=2 * total_tokens(sent)), sent)
    again = window.fit(messages, 500)
    assert window.size == 2_048
    # The server counts twice as many tokens as we do. By its count, the messages fit beside the answer.
    assert 2 * total_tokens(again.messages) <= 2_048 - 500


def test_without_numbers_the_conversation_is_shortened_each_time() -> None:
    window, messages = ContextWindow(None), talk(400)
    lengths = []
    for _ in range(4):
        sent = window.fit(messages, 100).messages
        lengths.append(total_tokens(sent))
        window.learn_refusal(LengthRefusal(), sent)
    assert lengths == sorted(set(lengths), reverse=True)
    assert lengths[-1] < lengths[0] / 3


def test_a_refusal_of_a_few_words_shortens_nothing() -> None:
    window = ContextWindow(4_096)
    assert not window.learn_refusal(LengthRefusal(), [SYSTEM, ChatMessage("user", "Ann: hello")])
    assert window.size == 4_096


def test_the_estimate_counts_the_marks_around_each_message() -> None:
    assert ChatMessage("user", "").tokens == TOKENS_PER_MESSAGE

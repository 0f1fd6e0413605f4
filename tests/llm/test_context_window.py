"""Context windows: what is learned of their size, and the room that an answer gets."""

from __future__ import annotations

import pytest

from bot.llm.context_window import ASSUMED_TOKENS, ContextWindow
from bot.llm.errors import LengthRefusal
from bot.llm.messages import TOKENS_PER_MESSAGE, ChatMessage, estimated_tokens, total_tokens
from tests.llm.long_talk import SYSTEM, talk


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


def test_each_refusal_without_numbers_shortens_the_conversation() -> None:
    window, messages = ContextWindow(None), talk(400)
    lengths = []
    for _ in range(4):
        sent = window.fit(messages, 100).messages
        lengths.append(total_tokens(sent))
        window.learn_refusal(LengthRefusal(), sent)
    assert lengths == sorted(set(lengths), reverse=True)
    assert lengths[-1] < lengths[0] / 3


def test_a_conversation_of_a_few_words_is_not_shortened_after_a_refusal() -> None:
    window = ContextWindow(4_096)
    assert not window.learn_refusal(LengthRefusal(), [SYSTEM, ChatMessage("user", "Ann: hello")])
    assert window.size == 4_096


def test_the_estimate_counts_the_marks_around_each_message() -> None:
    assert ChatMessage("user", "").tokens == TOKENS_PER_MESSAGE

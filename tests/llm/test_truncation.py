"""Conversations are cut to a number of tokens: the oldest messages go first, and the newest one always stays."""

from __future__ import annotations

from operator import attrgetter

from hypothesis import given
from hypothesis import strategies as st

from bot.llm.messages import ChatMessage, total_tokens
from bot.llm.truncation import LEFT_OUT, fit_messages
from tests.llm.long_talk import SYSTEM, talk

tokens_of = attrgetter("tokens")


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

"""Which words of a reply people have heard, and which are still to be spoken."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.voice.dialogue.reply_state import Reply, Segment
from bot.voice.turn import Prompt


def reply_of(*segments: tuple[str, int, bool]) -> Reply:
    reply = Reply("r1", Prompt("Ada", "hello", 0.0))
    reply.add_answer("".join(text for text, _, _ in segments))
    reply.segments = [Segment(text, received, whole) for text, received, whole in segments]
    return reply


@pytest.mark.parametrize(
    ("samples", "heard"),
    [
        (0, ""),
        (50_000, "Well,"),
        (96_000, "Well, hello there."),
        (96_000 + 47_000, "Well, hello there. How are"),
        (96_000 + 48_000, "Well, hello there. How are you?"),
        (10_000_000, "Well, hello there. How are you?"),
    ],
)
def test_heard_text_follows_the_samples_and_ends_at_a_word(samples: int, heard: str) -> None:
    reply = reply_of(("Well, hello there. ", 96_000, True), ("How are you?", 48_000, True))
    # 50,000 of 96,000 samples end in the middle of "hello", 47,000 of 48,000 in the middle of "you".
    assert reply.heard_text(samples) == heard


@pytest.mark.parametrize(
    ("text", "heard"),
    [
        ("こんにちは", "こん"),
        ("はい。そうです", "はい"),
        ("Charlieさんです", ""),
        ("charlie", ""),
        ("はい charlie", "はい"),
    ],
)
def test_only_scripts_without_spaces_are_cut_within_a_word(text: str, heard: str) -> None:
    assert reply_of((text, 50_000, True)).heard_text(20_000) == heard


@given(
    st.lists(
        st.tuples(st.sampled_from(["One", "two.", "はい", "dix-sept"]), st.sampled_from(list(" \n\t\r\u00a0"))),
        min_size=1,
    ),
    st.integers(0, 60_000),
)
@example([("One", "\n"), ("two.", " ")], 25_000)
def test_a_line_break_ends_a_word_as_a_space_does(words: list[tuple[str, str]], samples: int) -> None:
    text = "".join(word + blank for word, blank in words)
    reply = reply_of((text, 50_000, True))
    spaced = reply_of((re.sub(r"\s", " ", text), 50_000, True))
    assert reply.heard_text(samples).split() == spaced.heard_text(samples).split()
    assert reply.unheard_text(samples).split() == spaced.unheard_text(samples).split()


def test_an_incomplete_segment_never_counts_as_heard_completely() -> None:
    reply = reply_of(("One two three four five six seven.", 9_600, False))
    assert reply.heard_text(9_600) == "One"
    reply = reply_of(("One two three four five six seven.", 48_000, False))
    assert reply.heard_text(48_000) == "One two three"


def test_the_unspoken_text_begins_at_the_first_incomplete_segment() -> None:
    reply = reply_of(("First. ", 48_000, True), ("Second, ", 10, False))
    reply.add_answer("third.")
    assert reply.unspoken() == "Second, third."


def test_notices_are_never_part_of_the_answer() -> None:
    reply = Reply("r1", Prompt("Ada", "hello", 0.0))
    reply.add_answer("Let me look.\n")
    reply.add_notice("Still looking.\n")
    reply.add_answer("It rains. Take a coat.")
    reply.segments = [
        Segment("Let me look.\n", 1_000, complete=True),
        Segment("Still looking.\n", 1_000, complete=True),
        Segment("It rains.", 1_000, complete=True),
    ]
    assert reply.heard_text(1_000) == "Let me look."
    assert reply.heard_text(1_500) == "Let me look."
    assert reply.heard_text(3_000) == "Let me look.\nIt rains."
    assert reply.unspoken() == "Take a coat."
    assert reply.answer_received == 2_000

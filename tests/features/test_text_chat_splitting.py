"""Tests of splitting long answers: at natural pauses, with complete code blocks in every message."""

from __future__ import annotations

import random
import re

import pytest

from bot.features.text_chat.splitting import split_answer

CODE = "\n".join(f"    line_{number} = {number}" for number in range(200))


def test_a_short_answer_stays_as_it_is() -> None:
    assert split_answer("  Hello.\n") == ["Hello."]
    assert split_answer(" \n ") == []


@pytest.mark.parametrize(
    ("text", "first_ends"),
    [
        ("word " * 30 + "\n\n" + "Sentence. " * 20, "word"),
        ("word " * 30 + "\n" + "word " * 30, "word"),
        ("word " * 30 + "End. " + "word " * 30, "End."),
        ("字" * 120 + "。" + "字" * 120, "。"),
        ("letters" * 100, "s"),
    ],
)
def test_the_text_is_cut_at_the_best_place(text: str, first_ends: str) -> None:
    messages = split_answer(text, 200)
    assert messages[0].endswith(first_ends)
    assert all(len(message) <= 200 for message in messages)
    assert "".join("".join(messages).split()) == "".join(text.split())


def test_a_code_block_is_closed_and_opened_again_with_its_language_and_keeps_its_indentation() -> None:
    messages = split_answer(f"Look:\n```python\n{CODE}\n```\nThat is all.")
    assert len(messages) > 1
    assert messages[0].endswith("\n```")
    assert all(message.startswith("```python\n    line_") for message in messages[1:])
    assert messages[-1].endswith("\n```\nThat is all.")
    lines = [line for message in messages for line in message.splitlines() if line.startswith("    line_")]
    assert lines == CODE.splitlines()


def test_a_block_that_is_not_finished_yet_is_shown_closed() -> None:
    assert split_answer("```py\nx = 1") == ["```py\nx = 1\n```"]


def test_no_block_is_left_empty_at_the_end_of_a_message() -> None:
    messages = split_answer("x" * 150 + "\n```python\n" + "y = 1\n" * 30 + "```", 200)
    assert messages[0] == "x" * 150
    assert messages[1].startswith("```python\ny = 1")


def test_messages_keep_the_limit_have_balanced_blocks_and_lose_no_word() -> None:
    dice = random.Random(4)
    for _ in range(300):
        parts = dice.choices(["word ", "Sentence. ", "\n\n", "\n", f"\n```py\n{CODE[:300]}\n```\n", "x" * 90], k=30)
        text = "".join(parts)
        messages = split_answer(text, 300)
        assert all(0 < len(message) <= 300 and message.count("```") % 2 == 0 for message in messages)
        assert _words("".join(messages)) == _words(text)


def test_while_a_text_grows_its_first_messages_stay() -> None:
    text = f"{'Sentence. ' * 30}\n```py\n{CODE[:900]}\n```\n{'word ' * 100}"
    earlier: list[str] = []
    for length in range(0, len(text), 7):
        messages = split_answer(text[:length], 300)
        assert messages[: len(earlier) - 1] == earlier[:-1]
        earlier = messages


def _words(text: str) -> str:
    return re.sub(r"```(py\n)?|\s", "", text)

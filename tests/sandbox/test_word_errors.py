"""The word error rate counts wrong words, but neither case, punctuation nor the spelling of numbers."""

from __future__ import annotations

import pytest

from sandbox.word_errors import NO_WORDS, WordErrors, word_errors


@pytest.mark.parametrize(
    ("said", "heard", "errors", "words"),
    [
        ("Hello there!", "hello, there", 0, 2),
        ("Press 1 to mute.", "Press one to mute.", 0, 4),
        ("It is a well-known song.", "It is a well known song", 0, 6),
        ("Don't stop.", "Don’t stop", 0, 2),
        ("What time is it?", "What time is it? What time is it?", 4, 4),
        ("My dog is called Biscuit.", "My dog is cold biscuit.", 1, 5),
        ("one two three", "", 3, 3),
        ("", "Thank you for watching.", 4, 0),
        ("a b c d", "b c d e", 2, 4),
    ],
)
def test_words_are_compared(said: str, heard: str, errors: int, words: int) -> None:
    assert word_errors(said, heard) == WordErrors(errors, words)


def test_rates_are_weighted_by_the_number_of_words() -> None:
    whole = word_errors("one two three four", "one two three") + word_errors("five", "six")
    assert whole == WordErrors(2, 5)
    assert whole.percent == 40
    assert NO_WORDS.percent == 0

"""The error rates count wrong words or letters, but neither case, punctuation nor the spelling of numbers."""

from __future__ import annotations

import pytest

from sandbox.word_errors import NO_WORDS, WordErrors, letter_errors, word_errors


@pytest.mark.parametrize(
    ("said", "heard", "errors", "words"),
    [
        ("Hello there!", "hello, there", 0, 2),
        ("Press 1 to mute.", "Press one to mute.", 0, 4),
        ("It is a well-known song.", "It is a well known song", 0, 6),
        ("Don't stop.", "Don’t stop", 0, 3),
        ("What time is it?", "What time is it? What time is it?", 4, 4),
        ("My dog is called Biscuit.", "My dog is cold biscuit.", 1, 5),
        ("one two three", "", 3, 3),
        ("", "Thank you for watching.", 4, 0),
        ("a b c d", "b c d e", 2, 4),
    ],
)
def test_words_are_compared(said: str, heard: str, errors: int, words: int) -> None:
    assert word_errors(said, heard) == WordErrors(errors, words)


@pytest.mark.parametrize(
    ("language", "said", "heard", "errors", "words"),
    [
        ("ja", "今朝、りんごを買いました。", "今朝りんごを買いました", 0, 11),
        ("ja", "水が凍ると", "水が通ると", 1, 5),
        ("zh", "你好，今天过得怎么样？", "你好 今天 过得 怎么样", 0, 9),
        ("zh", "天空为什么是蓝色的？", "天空是蓝色的", 3, 9),
    ],
)
def test_japanese_and_chinese_are_compared_by_characters(
    language: str, said: str, heard: str, errors: int, words: int
) -> None:
    assert word_errors(said, heard, language) == WordErrors(errors, words)


@pytest.mark.parametrize(
    ("short", "long"),
    [
        ("There's a bakery, and it's open.", "There is a bakery and it is open."),
        ("That’s what I’m saying.", "That is what I am saying."),
        ("She's been here, she'd gone, who's got it?", "She has been here, she had gone, who has got it?"),
        ("I'd go if you'd like.", "I would go if you would like."),
        ("They're here, we've eaten, I'll go.", "They are here, we have eaten, I will go."),
        ("I don't know, it isn't mine.", "I do not know, it is not mine."),
        ("I can't and I won't.", "I can not and I will not."),
        ("I shouldn't've come.", "I should not have come."),
        ("Let's go.", "Let us go."),
    ],
)
def test_an_english_contraction_counts_as_its_long_form(short: str, long: str) -> None:
    words = len(long.split())
    assert word_errors(long, short) == word_errors(short, long) == WordErrors(0, words)


@pytest.mark.parametrize(
    ("said", "heard", "errors", "words"),
    [
        ("the dog's bone", "the dog is bone", 2, 3),
        ("the dog's bone", "the dogs bone", 1, 3),
        ("let's go", "let is go", 1, 3),
        ("its tail", "it's tail", 2, 2),
        ("we'll go", "well go", 2, 3),
        ("it ain't so", "it is not so", 2, 3),
        ("he can't", "he can", 1, 3),
    ],
)
def test_other_differences_still_count(said: str, heard: str, errors: int, words: int) -> None:
    assert word_errors(said, heard) == WordErrors(errors, words)


def test_only_english_contractions_are_spelled_out() -> None:
    assert word_errors("Hoe gaat't, 's avonds?", "Hoe gaat't 's avonds", "nl") == WordErrors(0, 4)
    assert word_errors("there's", "there is", "de") == WordErrors(2, 1)


@pytest.mark.parametrize(
    ("said", "heard", "errors", "letters"),
    [
        ("text re-writing", "Text rewriting!", 0, 13),
        ("France is", "Francis", 1, 8),
        ("The sky", "this guy", 3, 6),
        ("It's 2.", "It is two", 0, 7),
        ("one two three", "one two", 5, 11),
        ("", "Thanks", 6, 0),
    ],
)
def test_letters_are_compared_without_spaces(said: str, heard: str, errors: int, letters: int) -> None:
    assert letter_errors(said, heard) == WordErrors(errors, letters)


def test_rates_are_weighted_by_the_number_of_words() -> None:
    whole = word_errors("one two three four", "one two three") + word_errors("five", "six")
    assert whole == WordErrors(2, 5)
    assert whole.percent == 40
    assert NO_WORDS.percent == 0

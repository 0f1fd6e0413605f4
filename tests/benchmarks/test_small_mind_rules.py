"""The rules for the answers of a small language model: which answers repeat what a person said."""

from __future__ import annotations

import pytest

from benchmarks.small_mind_rules import repeats


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("What is the capital of France?", "What is the capital of France?"),
        ("what's the capital of France", "What is the capital of France?"),
        ("What is the name of my dog?", "Seiyuu, what is the name of my dog?"),
        ("Do you like dogs?", "My dog is called Rocky. Do you like dogs?"),
        ("What is the capital of France? It is Paris.", "What is the capital of France?"),
    ],
)
def test_an_answer_with_a_sentence_of_a_person_repeats_that_person(answer: str, said: str) -> None:
    assert repeats(answer, ["I am Ada.", said, "What color is the sky?"])


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("The capital of France is Paris.", "What is the capital of France?"),
        ("Your dog is called Rocky.", "My dog is called Rocky."),
        ("The beach tomorrow.", "I am going to the beach tomorrow."),
        ("Good morning! I am fine.", "Good morning!"),
        ("", ""),
    ],
)
def test_parts_of_sentences_and_sentences_of_two_words_do_not_count_as_repeated(answer: str, said: str) -> None:
    assert not repeats(answer, [said])

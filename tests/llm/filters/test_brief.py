"""Brief answers of small models: short, ending with a sentence, without repetitions."""

from __future__ import annotations

import pytest

from bot.llm.filters.brief import MAX_WORDS, BriefFilter
from tts_server.text.segmenter import Segmenter

LONG = "I know a fox who ran over the hills and through the woods with all of his friends to the river near the town"


def through(text: str, piece: int = 3, *, cut_off: bool = False) -> str:
    """The filtered text, if the text arrives in pieces of the given number of characters."""
    brief = BriefFilter()
    said: list[str] = []
    for start in range(0, len(text), piece):
        said += brief.feed(text[start : start + piece])
        if brief.ended:
            return "".join(said)
    if cut_off:
        brief.cut_off()
    return "".join([*said, *brief.finish()])


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("Hello there.", "Hello there."),
        ("Hello! How are you?", "Hello! How are you?"),
        ("Hello!  How are you?", "Hello!  How are you?"),
        ("Hello there. ", "Hello there. "),
        ("Hello there.\nHow are you?", "Hello there."),
        ("Hello there", "Hello there."),
        ("Well, here is a list:", "Well, here is a list."),
        ("It is 3.5 miles.", "It is 3.5 miles."),
        ("It is 1,000 miles,or so.", "It is 1,000 miles,or so."),
        ('She said "no," and left.', 'She said "no," and left.'),
        ("I like tea,", "I like tea,…"),
        ('She said "no." Then she left.', 'She said "no." Then she left.'),
        ("I'm a cat. I'm a cat. I'm a cat.", "I'm a cat. "),
        ("I like tea. You like tea. I like  tea!", "I like tea. You like tea."),
        ("Sure:\n1. Tea\n2. Milk", "Sure."),
        ("Sure. It is\n1. tea", "Sure. "),
        ("\n\n Hello.", "Hello."),
        ("こんにちは。元気ですか。", "こんにちは。元気ですか。"),
        ("", ""),
        ("   ", ""),
    ],
)
@pytest.mark.parametrize("piece", [1, 3, 1000])
def test_each_whole_sentence_is_said_once(written: str, said: str, piece: int) -> None:
    assert through(written, piece) == said


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_once_there_are_enough_words_the_current_sentence_is_the_last_one(piece: int) -> None:
    assert through(f"{LONG}. And then he slept.", piece) == f"{LONG}."


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_a_sentence_beyond_the_limit_is_left_out(piece: int) -> None:
    most = " ".join(f"word{number}" for number in range(38))
    assert through(f"I see eleven big birds. {most}.", piece) == "I see eleven big birds. "


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_a_first_sentence_that_is_too_long_ends_at_a_clause(piece: int) -> None:
    assert through(f"{LONG} where they all swam, and it was cold, and so on", piece) == f"{LONG} where they all swam."


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_a_first_sentence_without_any_clause_trails_off_within_the_limit(piece: int) -> None:
    said = through(" ".join(f"word{number}" for number in range(100)), piece)
    assert said.endswith("word39…")
    assert len(said.split()) == MAX_WORDS


@pytest.mark.parametrize("piece", [1, 7, 1000])
def test_a_phrase_does_not_come_three_times(piece: int) -> None:
    said = through("I am not sure, I am not sure, I am not sure, I am not sure, I am not sure.", piece)
    assert said.count("I am not sure") == 2


def test_an_unfinished_sentence_behind_a_whole_one_is_dropped() -> None:
    assert through("I like tea. It is hot and", cut_off=True) == "I like tea. "
    assert through("I like tea. It is hot and") == "I like tea. It is hot and."
    assert through("I like tea and", cut_off=True) == "I like tea and."


def test_words_are_said_before_the_first_sentence_is_complete() -> None:
    brief = BriefFilter()
    assert "".join(brief.feed("Once upon a time there ")) == "Once upon a time there"
    assert "".join(brief.feed("was a fox")) == " was a"


def test_a_clause_does_not_wait_for_the_word_behind_it() -> None:
    brief = BriefFilter()
    assert "".join(brief.feed("I'm sorry,")) == "I'm sorry,"
    assert "".join(brief.feed(" but 1,")) == " but"
    assert "".join(brief.feed("000 is")) == " 1,000"


@pytest.mark.parametrize("written", ["Ah, the new album. I", 'She said "no." I', "It takes 5! I"])
def test_the_voice_can_begin_the_first_sentence_as_soon_as_the_second_one_begins(written: str) -> None:
    brief, segmenter = BriefFilter(), Segmenter("en")
    begun = [segment for letter in written for said in brief.feed(letter) for segment in segmenter.feed(said)]
    assert begun == [written.removesuffix(" I")]

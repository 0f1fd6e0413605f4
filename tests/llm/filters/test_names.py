"""Names that a model writes before its lines, and lines that it invents for other people: both are left out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.llm.filters.names import NameFilter
from bot.llm.messages import NO_SPEAKERS, SpeakerNames
from tests.llm.filters.cutting import let_through, results

SPEAKERS = SpeakerNames(("Seiyuu", "Sei-chan"), ("Ada", "Ben B.", "Zoë 🌸"))


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("Seiyuu: Hello Ada.\nAda: Hi!\nSeiyuu: How are you?", "Hello Ada."),
        ("Ada: The capital of France is Paris.", "The capital of France is Paris."),
        ("**Seiyuu:** Hello.", "Hello."),
        ("**Seiyuu**: Hello.", "Hello."),
        ("[Seiyuu]: Hello.", "Hello."),
        ('"Seiyuu": Hello.', "Hello."),
        ("sei-chan (softly): Hello.", "Hello."),
        ("Seiyuu：你好", "你好"),
        ("Seiyuu:\nHello.", "Hello."),
        ("\n Seiyuu: Hello.", "Hello."),
        ("Assistant: Hello.", "Hello."),
        ("Hello.\nSeiyuu: How are you?", "Hello.\nHow are you?"),
        ("Hello.\n\nBen B.: No!", "Hello."),
        ("Hello.\n**Ada:** Hi!", "Hello."),
        ("Zoë: Hello.", "Hello."),
        ("Ada: What is the capital of France?\nSeiyuu: Paris.", "Paris."),
        ("Ada: Hi!\nBen B.: Hello!", "Hi!"),
        ("Ada: One.\nTwo.", "One.\nTwo."),
        ("Seiyuu:", ""),
        ("Ada: Hi!\nBen B.: Hello!\nSeiyuu: Hello you two.", "Hello you two."),
        ("Ada: Hi!\nBen B.: Hello!\nWell.\nAda: So?\nSeiyuu: Hello you two.", "Hello you two."),
        ("Seiyuu: Seiyuu: Hello.", "Hello."),
        ("Ada: Seiyuu: Hello.", "Hello."),
        ("@Seiyuu: Hello.", "Hello."),
        ("### Seiyuu: Hello.\n### Ada: Hi!", "Hello."),
        ("[12:30] Seiyuu: Hello.\n[12:31] Ada: Hi!", "Hello."),
        ("<Seiyuu> Hello.\n<Ada> Hi!", "Hello."),
        ("[Seiyuu] Hello.\n[Ben B.] Hi!", "Hello."),
    ],
)
def test_names_and_lines_of_other_people_are_left_out(text: str, spoken: str) -> None:
    assert {result.strip() for result in results(lambda: NameFilter(SPEAKERS), text)} == {spoken}


@pytest.mark.parametrize(
    "text",
    [
        "Ada, hello: how are you?",
        "Adam: a first man.",
        "Note: this is new.",
        "e.g.: this",
        "It is 12:30, Ada.",
        "Ada::method is C++",
        "The scores:\nAda: 3 points\nBen B.: 5 points",
        "One.\n- Ada: 3\n* Ben B.: 5",
        "I said to Ada: go!",
        "Ada",
        "Hello.\nAda",
        "Hello.\n@Ada: come here.\n@Ben B.: you too.",
        "[1] Ada's book",
        "<b>Ada</b> is here",
        "# Ada's day",
    ],
)
def test_ordinary_text_survives(text: str) -> None:
    assert results(lambda: NameFilter(SPEAKERS), text) == {text}


def test_an_answer_under_a_wrong_name_does_not_wait_long_for_the_right_name() -> None:
    names = NameFilter(SPEAKERS)
    said = names.feed("Ada: Paris.\nBen B.: " + "Really? " * 60)
    assert ("".join(said).strip(), names.ended) == ("Paris.", True)


def test_an_answer_under_a_wrong_name_comes_at_once_if_the_model_never_quotes_people() -> None:
    names = NameFilter(SPEAKERS, quotes_people=False)
    assert ["".join(names.feed(piece)) for piece in ("Ada", ":", " Paris", ".", "\nBen B.: Really?")] == [
        "",
        "",
        "Paris",
        ".",
        "\n",
    ]
    assert names.ended


def test_a_list_ends_with_an_empty_line() -> None:
    assert let_through(NameFilter(SPEAKERS), ["The scores:\nAda: 3\n\nAda: Thanks!"]).strip() == "The scores:\nAda: 3"


def test_names_are_ordinary_words_if_nobody_is_known() -> None:
    assert results(lambda: NameFilter(NO_SPEAKERS), "Ada: Hello.\nBen: Hi!") == {"Ada: Hello.\nBen: Hi!"}


def test_a_person_with_the_name_of_the_bot_is_taken_for_the_bot() -> None:
    assert SpeakerNames.of(["Seiyuu"], ["Ada", "seiyuu", "Ada"]) == SpeakerNames(("Seiyuu",), ("Ada",))


def test_words_are_not_held_back() -> None:
    names = NameFilter(SPEAKERS)
    pieces = ["Hello", " there", ".\n", "Al", "l is well", ": yes"]
    assert ["".join(names.feed(piece)) for piece in pieces] == ["Hello", " there", ".\n", "Al", "l is well", ": yes"]


@given(st.lists(st.sampled_from(["Ada", "Seiyuu", ":", "**", " ", "\n", "x", "(a)", "Ben B.", "："]), max_size=16))
def test_the_division_into_pieces_makes_no_difference(pieces: list[str]) -> None:
    whole = "".join(pieces)
    assert let_through(NameFilter(SPEAKERS), pieces) == let_through(NameFilter(SPEAKERS), list(whole))
    assert let_through(NameFilter(SPEAKERS), pieces) == let_through(NameFilter(SPEAKERS), [whole])

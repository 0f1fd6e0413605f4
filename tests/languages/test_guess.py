"""Tests of the guessed language of a segment, alone and within a reply."""

from __future__ import annotations

import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.yaml_files import read_yaml
from languages.guess import LanguageGuesser

_XTTS = ["en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh-cn", "hu", "ko", "ja", "hi"]
_ALL: dict[str, list[str]] = read_yaml(Path(__file__).with_name("clauses.yaml"))
_CLAUSES = [(language, clause) for language, clauses in _ALL.items() if language != "uk" for clause in clauses]
_IN_ANY_LANGUAGE = [
    *(
        "Okay.",
        "Ok",
        "Hm.",
        "Super!",
        "No.",
        "Pizza!",
        "Paris.",
        "GitHub Actions",
        "Angela Merkel",
        "Mhm.",
        "Wow, cool!",
    ),
    *("Hello!", "Windows 11", "John Smith", "Perfect!", "Taxi", "Python", "Barack Obama", "Bitcoin", "Haha!", "Café"),
    *("😀", "12:30", "", "https://example.com/the-weather-is-lovely", "`return the value`", "<@123456>"),
]


@pytest.fixture(scope="module")
def guesser() -> LanguageGuesser:
    guesser = LanguageGuesser(_XTTS)
    guesser.load()
    return guesser


def test_the_languages_of_short_clauses_are_distinguished(guesser: LanguageGuesser) -> None:
    wrong = [(clause, guess) for language, clause in _CLAUSES if (guess := guesser.guess(clause)) != language]
    assert len(wrong) <= len(_CLAUSES) * 0.02, wrong


def test_a_reply_keeps_its_language(guesser: LanguageGuesser) -> None:
    assert [clause for language, clause in _CLAUSES if guesser.guess(clause, language) != language] == []


def test_a_reply_changes_its_language_when_the_evidence_is_strong(guesser: LanguageGuesser) -> None:
    latin = ["en", "de", "fr", "es", "it", "pt", "pl", "tr", "nl", "cs", "hu"]
    pairs = [(before, language, clause) for before in latin for language, clause in _CLAUSES if language != before]
    stuck = [pair for pair in pairs if guesser.guess(pair[2], pair[0]) != pair[1]]
    assert len(stuck) <= len(pairs) * 0.08


@pytest.mark.parametrize("text", _IN_ANY_LANGUAGE)
def test_words_that_exist_in_many_languages_do_not_change_the_language_of_a_reply(
    guesser: LanguageGuesser, text: str
) -> None:
    for before in ("de", "en", "fr", "es", "ja"):
        assert guesser.guess(text, before) == before


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Guten Abend,", "de"),
        ("Vielen Dank!", "de"),
        ("Guten Morgen, Ben.", "de"),
        ("Bonjour Ada,", "fr"),
        ("Buona domanda.", "it"),
        ("Grazie mille!", "it"),
    ],
)
def test_two_words_at_the_beginning_of_a_reply_can_change_its_default_language(
    guesser: LanguageGuesser, text: str, language: str
) -> None:
    assert guesser.guess(text, "en-us", begins=True) == language


@pytest.mark.parametrize(
    "text",
    [
        *("Hello Ada,", "Good morning,", "Good question.", "Of course!", "No problem.", "Oh no!", "Hi Ben,", "My name"),
        *("Hey Cleo!", "Ah, Paris!", "Two minutes.", "A banana.", "Yes, Ada.", "Sorry, no.", "Done, Ben.", "Me too."),
        *("John Smith", "Barack Obama", "Angela Merkel", "GitHub Actions", "Wow, cool!", "Ha ha!", "Ada Lovelace."),
    ],
)
def test_two_english_words_begin_a_reply_in_english(guesser: LanguageGuesser, text: str) -> None:
    assert guesser.guess(text, "en-us", begins=True) == "en"


@pytest.mark.parametrize("text", ["Hm.", "Okay.", "😀", "42", "", "สวัสดี"])
def test_too_short_a_text_has_no_language(guesser: LanguageGuesser, text: str) -> None:
    assert guesser.guess(text) is None


def test_a_guess_is_the_primary_language_of_an_engines_tag(guesser: LanguageGuesser) -> None:
    assert guesser.guess("我想是的", "en-us") == "zh"
    assert guesser.guess("I think so too, my friend", "en-us") == "en"
    assert LanguageGuesser(["cmn", "en-gb"]).guess("我想是的") == "zh"
    assert LanguageGuesser(["nb", "en-us"]).guess("Jeg vet ikke hva du mener med det") == "no"


def test_only_languages_that_the_voice_has_are_guessed() -> None:
    assert LanguageGuesser(["en", "ru"]).guess("Доброго ранку всім") == "ru"
    assert LanguageGuesser(["ru", "uk"]).guess("Доброго ранку всім") == "uk"
    assert LanguageGuesser(["ru"]).guess("Good morning", "ru") == "ru"
    assert LanguageGuesser([]).guess("Good morning") is None


def test_a_guess_takes_less_than_a_millisecond(guesser: LanguageGuesser) -> None:
    times = []
    for _language, clause in _CLAUSES:
        start = time.thread_time()
        guesser.guess(clause, "en")
        times.append(time.thread_time() - start)
    assert statistics.median(times) < 0.001


def test_several_threads_may_guess_at_once() -> None:
    guesser = LanguageGuesser(_XTTS)
    with ThreadPoolExecutor(8) as threads:
        guesses = list(threads.map(guesser.guess, [clause for _, clause in _CLAUSES] * 3))
    assert guesses == [guesser.guess(clause) for _, clause in _CLAUSES] * 3


@given(st.text(max_size=300), st.sampled_from([None, "en", "de", "cmn", ""]))
def test_the_language_of_any_text_can_be_guessed(text: str, before: str | None) -> None:
    guess = LanguageGuesser(["en", "de", "ru", "cmn"]).guess(text, before)
    assert guess in {"en", "de", "ru", "zh", None, before}

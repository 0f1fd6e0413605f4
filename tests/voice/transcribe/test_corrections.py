"""Tests of the operator's corrections of transcripts."""

from __future__ import annotations

from pathlib import Path

from bot.voice.transcribe.corrections import Corrections


def test_whole_words_are_replaced_regardless_of_case() -> None:
    corrections = Corrections({"say you": "Seiyuu", "jason": "Jaison"})
    assert corrections.apply("Say you, what did Jason's son say? Yours!") == "Seiyuu, what did Jaison's son say? Yours!"


def test_letters_whose_case_is_special_are_replaced_too() -> None:
    corrections = Corrections({"Weiß": "Weisz", "ili": "Ily"})
    assert corrections.apply("Weiß, weiß, İLİ, ılı and ili") == "Weisz, Weisz, Ily, Ily and Ily"


def test_each_spelling_of_a_word_is_replaced() -> None:
    corrections = Corrections({"Weiß": "Weisz", "weiss": "Weisz"})
    assert corrections.apply("Weiß and WEISS") == "Weisz and Weisz"


def test_the_longer_of_two_entries_is_used() -> None:
    assert Corrections({"say": "X", "say you": "Seiyuu"}).apply("say you, say it") == "Seiyuu, X it"


def test_without_corrections_nothing_changes() -> None:
    assert Corrections().apply("as it is") == "as it is"


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "corrections.yaml"
    file.write_text('"say you": Seiyuu\n', encoding="utf-8")
    assert Corrections.read(file).apply("say you!") == "Seiyuu!"

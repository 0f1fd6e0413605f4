"""The operator's corrections: whole words, any case, and clear words when the file is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.voice.transcribe.corrections import Corrections, CorrectionsError


def test_whole_words_are_replaced_whatever_their_case() -> None:
    corrections = Corrections({"say you": "Seiyuu", "jason": "Jaison"})
    assert corrections.apply("Say you, what did Jason's son say? Yours!") == "Seiyuu, what did Jaison's son say? Yours!"


def test_the_longer_of_two_is_meant() -> None:
    assert Corrections({"say": "X", "say you": "Seiyuu"}).apply("say you, say it") == "Seiyuu, X it"


def test_no_corrections_change_nothing() -> None:
    assert Corrections().apply("as it is") == "as it is"


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "corrections.yaml"
    file.write_text('"say you": Seiyuu\n', encoding="utf-8")
    assert Corrections.read(file).apply("say you!") == "Seiyuu!"


@pytest.mark.parametrize("text", ["- a\n- b\n", "yes: no\n", "a: [1]\n", "a: b: c\n", '"": x\n'])
def test_a_wrong_file_is_named_with_its_fault(tmp_path: Path, text: str) -> None:
    file = tmp_path / "corrections.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(CorrectionsError, match=r"corrections\.yaml"):
        Corrections.read(file)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(CorrectionsError, match=r"nowhere\.yaml"):
        Corrections.read(tmp_path / "nowhere.yaml")

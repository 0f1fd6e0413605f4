"""Tests of the operator's file of pronunciations: it is read, and an unusable file is refused with a clear text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.pronunciations import Pronunciations, PronunciationsError


def test_without_a_file_nothing_changes() -> None:
    assert Pronunciations().apply("SQL") == "SQL"


@given(st.dictionaries(st.text(min_size=1).filter(str.strip), st.text(), max_size=5), st.text())
def test_any_words_can_be_replaced_in_any_text(pairs: dict[str, str], text: str) -> None:
    Pronunciations(pairs).apply(text)


def test_a_file_is_read(tmp_path: Path) -> None:
    file = tmp_path / "said.yaml"
    file.write_text("\ufeff# names\nNguyen: win\n\"24/7\": around the clock\n'GIF': jif\n", encoding="utf-8")
    assert Pronunciations.read(file).apply("Nguyen, 24/7") == "win, around the clock"
    file.write_text("# nothing yet\n")
    assert Pronunciations.read(file).apply("Nguyen") == "Nguyen"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SQL: sequel\nno: nope\n", "line 2: both sides of the colon must be text; put numbers"),
        ("SQL: sequel\n\nSQL2: 5\n", "line 3: both sides"),
        ("a: b\nc:\n  d: e\n", "line 2: both sides"),
        ("a: b\nA: c\n", "line 2: 'A' is in line 1 already"),
        ("- SQL\n- sequel\n", 'line 1: write lines like "SQL: sequel"'),
        ("SQL sequel\n", 'line 1: write lines like "SQL: sequel"'),
        ("a: b\n'': c\n", "line 2: there is no word before the colon"),
        ("a: b\nc: d: e\n", "line 2: this is not YAML"),
        ("a: b\n'c: d\n", "line 3"),
        ("a: !!python/object:os.system x\n", "line 1: both sides"),
        ("a: \x00\n", "can't be read"),
        ("[" * 5000, "can't be read"),
    ],
)
def test_a_file_that_can_not_be_used_is_refused_with_the_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "said.yaml"
    file.write_text(text)
    with pytest.raises(PronunciationsError) as refused:
        Pronunciations.read(file)
    assert str(refused.value).startswith(str(file))
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_file_that_can_not_be_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("Zoë: b".encode("latin-1"))
    (tmp_path / "large.yaml").write_bytes(b" " * (2 << 20))
    for name, said in (
        ("missing.yaml", "there is no such file"),
        ("latin.yaml", "not UTF-8"),
        ("large.yaml", "larger"),
        (".", "it is a folder"),
    ):
        with pytest.raises(PronunciationsError, match=said):
            Pronunciations.read(tmp_path / name)

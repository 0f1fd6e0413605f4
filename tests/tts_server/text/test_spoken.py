"""Numbers, dates, units, abbreviations, pauses and missing diacritics, as spoken in each language."""

from __future__ import annotations

from pathlib import Path

import pytest

from config.yaml_files import read_yaml
from languages.tags import primary_language
from tts_server.text.normalize import normalize

_TABLE = read_yaml(Path(__file__).with_name("spoken.yaml"))
_ROWS = [(language, row["written"], row["heard"]) for language, rows in _TABLE.items() for row in rows]


@pytest.mark.parametrize(("language", "written", "heard"), _ROWS)
def test_text_is_prepared_for_speech(language: str, written: str, heard: str) -> None:
    assert normalize(written, language) == heard


@pytest.mark.parametrize(("language", "_written", "heard"), _ROWS)
def test_preparing_a_text_twice_changes_nothing(language: str, _written: str, heard: str) -> None:
    # Text may be normalized twice: by a speech server behind another, or by an engine.
    assert normalize(heard, language) == heard


def test_no_digit_is_left_in_hindi_because_xtts_would_fail() -> None:
    heard = normalize("v2.7 24/7 mp3 1,2,3 2026-13-41 007 5m 12:99 ½", "hi")
    assert not any("0" <= char <= "9" for char in heard)


def test_the_text_before_a_segment_tells_whether_a_sentence_begins() -> None:
    assert normalize(" конечно да", "ru", before="Он,") == "конечно да"
    assert normalize(" Конечно да", "ru", before="Он.") == "Конечно, да"


def test_blanks_in_code_do_not_become_pauses() -> None:
    assert normalize("`a  b` and  c", "en") == "a b and c"


def test_tags_of_the_same_language_share_its_file() -> None:
    assert primary_language("cmn") == primary_language("zh-CN") == "zh"
    assert normalize("[a](https://b.example) 😀 `x` & y", "zh_TW") == normalize(
        "[a](https://b.example) 😀 `x` & y", "cmn"
    )

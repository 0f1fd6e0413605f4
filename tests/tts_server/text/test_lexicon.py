"""The languages' files: all are valid, and the error for an invalid one names the file and the key."""

from __future__ import annotations

from pathlib import Path

import pytest
from num2words import CONVERTER_CLASSES, num2words

from tts_server.text.lexicon import LexiconError, covered_languages, lexicon_for, read_lexicon, shared_lexicon
from tts_server.text.lexicon_schema import Lexicon, Phrases
from tts_server.text.number_words import NumberWords

_XTTS = ["en", "es", "fr", "de", "it", "pt", "pl", "tr", "ru", "nl", "cs", "ar", "zh-cn", "hu", "ko", "ja", "hi"]
_SAMPLES = (0, 1, 7, 21, 100, 101, 1995, 2026, 12345, 999999, 1000000, 123456789, 10**12, 10**15 - 1)


@pytest.mark.parametrize("language", sorted(covered_languages()))
def test_every_file_can_be_used(language: str) -> None:
    lexicon = lexicon_for(language)
    assert lexicon.phrases.link.format("a") != lexicon.phrases.link
    for template in (lexicon.numbers.money,) if lexicon.numbers else ():
        assert "1" in template.format(whole="1", part="2")


def test_every_language_of_xtts_has_a_file_of_its_own() -> None:
    assert {language.partition("-")[0] for language in _XTTS} <= covered_languages()


def test_other_languages_get_english_phrases_and_their_own_numbers() -> None:
    assert lexicon_for("sv").phrases == lexicon_for("en").phrases
    assert lexicon_for("sv-SE").numbers is not None
    assert lexicon_for("xx").numbers is None


@pytest.mark.parametrize(
    ("written", "fault"),
    [
        ("phrases: {link: a, dott: b}", "phrases."),
        ("phrases: 5", "phrases"),
        ("abbreviations: {no: number}", "abbreviations"),
        ("numbers: {plural: sometimes}", "numbers.plural: Value error, is none of: invariable"),
        ("numbers: {dates: {months: [January]}}", "numbers.dates.months"),
        ("numbers: {units: {x: {km: [a]}}}", "numbers.units"),
        ("- a\n- b", "the file"),
        ("a: [", "can't be read"),
    ],
)
def test_the_error_for_a_broken_file_names_the_file_and_the_key(tmp_path: Path, written: str, fault: str) -> None:
    file = tmp_path / "tlh.yaml"
    phrases = {name: "x" for name, field in Phrases.model_fields.items() if field.is_required()}
    whole = written if "phrases" in written or ":" not in written else f"phrases: {phrases}\n{written}"
    file.write_text(whole, encoding="utf-8")
    with pytest.raises(LexiconError) as refused:
        read_lexicon(file, Lexicon)
    assert str(refused.value).startswith("tlh.yaml")
    assert fault in str(refused.value)


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("a.yaml", "b.yaml"):
        with pytest.raises(LexiconError, match=name):
            read_lexicon(tmp_path / name, Lexicon)


_SPOKEN = sorted(set(CONVERTER_CLASSES) - {"zh"} - set(shared_lexicon().figures_left))


@pytest.mark.parametrize("language", _SPOKEN)
def test_number_words_are_those_of_num2words(language: str) -> None:
    # Our converters leave out the names of huge numbers, which must not change any other number.
    numbers = lexicon_for("sv").numbers
    assert numbers is not None
    words = NumberWords(language, numbers)
    for number in _SAMPLES:
        try:
            theirs = num2words(number, lang=language).replace(",", "").strip()
        except (NotImplementedError, TypeError, OverflowError):
            continue
        assert words.cardinal(str(number)) == theirs

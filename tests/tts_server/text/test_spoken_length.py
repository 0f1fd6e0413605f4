"""Spoken length: a portion of text is short when spoken, whatever letters the text is written in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.espeak import DEFAULT_RATE, load_espeak
from tts_server.text.spoken_length import spoken_length, spoken_start

MOST = 330
MAX_SECONDS = 45
ODD_TEXTS = {
    "hieroglyphs": "𓀀𓂀 ᚠᚢᚦ ꙮ " * 60,
    "unspaced": "𓀀𓂀" * 150,
    "Amharic": "ሰላም ልዑል " * 60,
    "Thai": "สวัสดีชาวโลก" * 40,
    "ligatures": "ﷺ" * 100,
    "digits": "9" * 4096,
    "control characters": "\x07\x1b[31m\x00" * 200,
    "capitals": "XQZJW RTGHK " * 60,
    "symbols": "#=%@~ " * 200,
    "accents": "a" + "\u0301" * 2000,
    "scripts": "Hello мир 世界 مرحبا שלום γειά " * 20,
}


@pytest.mark.parametrize(("voice", "language"), [("gmw/en-US", "en-us"), ("gmw/de", "de"), ("sem/ar", "ar")])
@pytest.mark.parametrize("name", ODD_TEXTS)
def test_a_portion_of_odd_letters_is_short(name: str, voice: str, language: str) -> None:
    espeak = load_espeak()
    portion = spoken_start(ODD_TEXTS[name], language, MOST)
    assert len(espeak.say(portion, voice, DEFAULT_RATE, 50)) / espeak.sample_rate <= MAX_SECONDS


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("And so the people of the town went home again that evening. " * 5, "en"),
        ("Тогда мы все вместе пошли домой через старый город. " * 6, "ru"),
        ("Тогда мы все вместе пошли домой через старый город. " * 6, ""),
        ("今天天气很好。" * 14, "zh"),
    ],
)
def test_an_ordinary_text_in_the_script_of_the_voice_is_one_portion(text: str, language: str) -> None:
    assert spoken_start(text, language, MOST) == text


def test_a_portion_ends_after_a_clause_or_a_word() -> None:
    assert spoken_start("One two, three four five", "en", 18) == "One two, "
    assert spoken_start("One two three four five", "en", 18) == "One two three "
    assert spoken_start("Onetwothree", "en", 5) == "Onet"


@given(st.text(max_size=60), st.integers(1, 60))
def test_the_joined_portions_are_the_text(text: str, most: int) -> None:
    rest, portions = text, list[str]()
    while rest:
        portion = spoken_start(rest, "en", most)
        assert portion
        assert len(portion) == 1 or spoken_length(portion.rstrip(), "en") <= most
        portions.append(portion)
        rest = rest[len(portion) :]
    assert "".join(portions) == text


@given(st.text(st.characters(max_codepoint=127), max_size=40))
def test_a_text_in_ascii_is_counted_like_any_other_text(text: str) -> None:
    assert spoken_length(f"{text}é", "en") == spoken_length(text, "en") + 1

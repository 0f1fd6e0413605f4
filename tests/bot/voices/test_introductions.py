"""Tests of the introductions with which voices are previewed."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bot.speech_server.voices import ServerVoice
from bot.voices.introductions import INTRODUCTIONS_FILE, IntroductionsError, load_introductions


def _voice(key: str, name: str, language: str) -> ServerVoice:
    return ServerVoice(
        id=key, name=name, language=language, made_here=False, engine="", similarity=None, seconds=None, recordings=0
    )


@pytest.mark.parametrize(
    ("voice", "said"),
    [
        (_voice("de", "German", "de"), "Hallo! So klinge ich."),
        (_voice("fr-fr", "French (France)", "fr-fr"), "Bonjour ! Voilà comment je parle."),
        (_voice("cmn", "Chinese (Mandarin, latin as English)", "cmn"), "你好！这就是我的声音。"),
        (_voice("an", "Aragonese", "an"), "Hello! This is how I sound."),
        (_voice("de-1", "German", "de"), "Hallo! So klinge ich."),
        (_voice("robin", "Robin", "de"), "Hallo! Ich bin Robin, und so klinge ich."),
        (_voice("piper-joe", "Joe", "en-US"), "Hello! I am Joe, and this is how I sound."),
    ],
)
def test_a_voice_says_its_name_where_it_has_one_of_its_own(voice: ServerVoice, said: str) -> None:
    assert load_introductions().of(voice) == said


def test_each_language_has_both_sentences() -> None:
    texts = yaml.safe_load(INTRODUCTIONS_FILE.read_text(encoding="utf-8"))
    assert texts["named"].keys() == texts["nameless"].keys()
    assert all("{name}" in text for text in texts["named"].values())
    assert not any("{" in text for text in texts["nameless"].values())


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        ("named: {en: Hello}", "nameless"),
        ("named: {de: Hallo}\nnameless: {en: Hello}", "named: the language 'en' is missing"),
        ("named: [", "it is not YAML from line 1 on"),
        ("- Hello", "its content"),
        ("named: {en: 2026-99-99}\nnameless: {en: Hello}", "its content"),
        ("[" * 10_000, "it is not YAML"),
    ],
)
def test_a_file_that_can_not_be_used_says_why(tmp_path: Path, content: str, fault: str) -> None:
    path = tmp_path / "introductions.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(IntroductionsError) as raised:
        load_introductions(path)
    assert str(raised.value).startswith(f"{path} can't be used: {fault}")

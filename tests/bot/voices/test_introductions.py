"""Tests of the introductions with which voices are previewed."""

from __future__ import annotations

import pytest
import yaml

from bot.speech_server.voices import ServerVoice
from bot.voices.introductions import INTRODUCTIONS_FILE, load_introductions


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
def test_a_voice_says_its_name_if_it_has_one_of_its_own(voice: ServerVoice, said: str) -> None:
    assert load_introductions().of(voice) == said


def test_each_language_has_both_sentences() -> None:
    texts = yaml.safe_load(INTRODUCTIONS_FILE.read_text(encoding="utf-8"))
    assert texts["named"].keys() == texts["nameless"].keys()
    assert all("{name}" in text for text in texts["named"].values())
    assert not any("{" in text for text in texts["nameless"].values())

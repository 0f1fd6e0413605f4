"""The list of XTTS's voices: the voice and the language that a request gets."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tts_server.profile_list import ProfileList
from tts_server.engines.xtts.voice_list import VoiceList
from tts_server.voices.profile import UnknownVoiceError, VoiceProfile

LANGUAGES = ("en", "de", "zh-cn", "ar")
ADA = VoiceProfile("ada", "Ada", "en-gb", (), "1")
JORG = VoiceProfile("jorg", "Jörg", "de", (), "2")
BUILT_IN = ("Claribel Dervla", "Ana Florence")


@pytest.fixture
def speakers(tmp_path: Path) -> VoiceList:
    speakers = VoiceList(ProfileList(ADA, JORG), tmp_path, LANGUAGES)
    speakers.update(BUILT_IN, LANGUAGES)
    return speakers


def test_cloned_voices_are_listed_first(speakers: VoiceList) -> None:
    assert [voice.id for voice in speakers.voices()] == ["ada", "jorg", "claribel-dervla", "ana-florence"]


@pytest.mark.parametrize("name", ["ana-florence", "Ana Florence"])
def test_a_voice_is_found_by_its_id_or_its_name(speakers: VoiceList, name: str) -> None:
    assert speakers.resolve(name, None).name == "Ana Florence"


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [("en-US", "en"), ("de_CH", "de"), ("zh", "zh-cn"), ("zh-TW", "zh-cn"), ("cmn", "zh-cn"), ("arb", "ar")],
)
def test_any_voice_speaks_the_requested_language(speakers: VoiceList, asked: str, spoken: str) -> None:
    assert speakers.resolve("jorg", asked).language == spoken


def test_a_voice_speaks_its_own_language_if_none_is_requested(speakers: VoiceList) -> None:
    assert [speakers.resolve(name, None).language for name in ("ada", "jorg")] == ["en", "de"]


def test_a_voice_whose_language_the_model_lacks_speaks_english(tmp_path: Path) -> None:
    speakers = VoiceList(ProfileList(VoiceProfile("siiri", "Siiri", "fi", (), "3")), tmp_path, LANGUAGES)
    assert speakers.resolve(None, None).language == "en"


def test_an_unknown_language_is_refused_with_a_list_of_the_known_ones(speakers: VoiceList) -> None:
    with pytest.raises(UnknownVoiceError, match="doesn't speak the language 'fi'; it speaks ar, de, en, zh-cn"):
        speakers.resolve("ada", "fi")


def test_an_unknown_voice_is_refused(speakers: VoiceList) -> None:
    with pytest.raises(UnknownVoiceError, match="no voice 'nobody'"):
        speakers.resolve("nobody", "en")


def test_without_a_requested_voice_the_first_native_voice_of_the_language_speaks(speakers: VoiceList) -> None:
    assert speakers.resolve(None, "de-AT").id == "jorg"
    assert speakers.resolve(None, "ar").id == "ada"


def test_the_voice_in_the_settings_takes_precedence(tmp_path: Path) -> None:
    speakers = VoiceList(ProfileList(ADA, JORG), tmp_path, LANGUAGES, default="Jörg")
    assert speakers.resolve(None, "en").id == "jorg"


def test_the_built_in_voices_are_known_again_after_a_restart(speakers: VoiceList, tmp_path: Path) -> None:
    again = VoiceList(ProfileList(), tmp_path, LANGUAGES)
    assert [voice.name for voice in again.voices()] == list(BUILT_IN)
    assert again.built_in_name("ana-florence") == "Ana Florence"


@pytest.mark.parametrize("content", ["", "{", "7", '{"a": 1}', '[1, null, ""]', "\x00\xff", "[" * 100_000])
def test_a_damaged_list_of_names_is_ignored(tmp_path: Path, content: str) -> None:
    (tmp_path / "built_in_speakers.json").write_text(content, encoding="latin-1")
    assert VoiceList(ProfileList(), tmp_path, LANGUAGES).voices() == []


def test_before_the_first_loading_there_is_a_voice_to_speak_with(tmp_path: Path) -> None:
    speakers = VoiceList(ProfileList(), tmp_path, LANGUAGES)
    voice = speakers.resolve(None, "de")
    assert voice.language == "de"
    speakers.update(BUILT_IN, LANGUAGES)
    assert speakers.built_in_name(voice.id) == "Claribel Dervla"

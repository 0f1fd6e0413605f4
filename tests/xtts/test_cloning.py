"""A voice is learned from recordings, stored, learned again when they change, and deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audio.encoders import write_audio_file
from audio.samples import Samples
from tests.tts_server.profile_list import ProfileList
from tests.tts_server.voices.sounds import seconds_of_speech
from tests.xtts.conftest import MakeEngine
from tests.xtts.speaking import hear, skip_without_libraries
from tts_server.engines.base import EngineError
from tts_server.engines.xtts.engine import XttsEngine
from tts_server.engines.xtts.latents import Latents
from tts_server.engines.xtts.libraries import import_loading
from tts_server.voices.decoding import RATE
from tts_server.voices.profile import VoiceProfile

skip_without_libraries()


@pytest.fixture
def ada(tmp_path: Path) -> VoiceProfile:
    recordings = (tmp_path / "1.flac", tmp_path / "2.flac")
    write_audio_file(recordings[0], seconds_of_speech(7), RATE, "flac")
    write_audio_file(recordings[1], seconds_of_speech(6)[::-1], RATE, "flac")
    return VoiceProfile("ada", "Ada", "en", recordings, "a1")


@pytest.fixture
def profiles(ada: VoiceProfile) -> ProfileList:
    return ProfileList(ada)


@pytest.fixture
def engine(weights: Path, profiles: ProfileList, make_engine: MakeEngine) -> XttsEngine:
    return make_engine(weights, profiles)


@pytest.fixture
def lessons(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One number for each time that the model learns a voice: the number of recordings from which it learns."""
    import_loading()
    from tts_server.engines.xtts.model import XttsModel

    heard: list[int] = []
    learn = XttsModel.learn

    def counting(self: XttsModel, recordings: Sequence[Samples], *rest: Any) -> Latents:
        heard.append(len(recordings))
        return learn(self, recordings, *rest)

    monkeypatch.setattr(XttsModel, "learn", counting)
    return heard


def test_learning_loads_the_model_and_reports_how_similar_the_clone_sounds(
    engine: XttsEngine, ada: VoiceProfile, lessons: list[int]
) -> None:
    likeness = engine.learn(ada)
    assert engine.loaded
    assert -1 <= likeness <= 1
    assert lessons == [2]


def test_xtts_speaks_with_the_voice_and_learns_it_only_once(
    engine: XttsEngine, weights: Path, profiles: ProfileList, make_engine: MakeEngine, lessons: list[int]
) -> None:
    engine.load(lambda progress: None)
    assert [voice.id for voice in engine.voices()] == ["ada", "high-side", "low-side"]
    assert hear(engine, voice="Ada").size
    assert hear(engine, voice="ada").size
    again = make_engine(weights, profiles)
    again.load(lambda progress: None)
    assert hear(again, voice="ada").size
    assert lessons == [2]


def test_two_voices_sound_different(engine: XttsEngine, profiles: ProfileList, ada: VoiceProfile) -> None:
    engine.load(lambda progress: None)
    profiles.profiles.append(replace(ada, id="ben", name="Ben", recordings=ada.recordings[1:], digest="b1"))
    sounds = [hear(engine, voice=name) for name in ("ada", "ben")]
    # With random weights there is only noise, and the two may differ in length. So their means are compared.
    assert abs(float(sounds[0].mean() - sounds[1].mean())) > 0


def test_a_voice_is_learned_again_when_its_recordings_have_changed(
    engine: XttsEngine, profiles: ProfileList, ada: VoiceProfile, lessons: list[int]
) -> None:
    engine.load(lambda progress: None)
    hear(engine, voice="ada")
    profiles.profiles = [replace(ada, recordings=ada.recordings[:1], digest="a2")]
    hear(engine, voice="ada")
    assert lessons == [2, 1]


def test_a_voice_is_learned_again_when_gpt_cond_len_changes(engine: XttsEngine, lessons: list[int]) -> None:
    engine.load(lambda progress: None)
    hear(engine, voice="ada")
    hear(engine, voice="ada", gpt_cond_len=6, gpt_cond_chunk_len=6)
    # The engine lowers gpt_cond_chunk_len to gpt_cond_len, so this asks for the same as before.
    hear(engine, voice="ada", gpt_cond_len=6, gpt_cond_chunk_len=30)
    assert lessons == [2, 2]


def test_a_voice_with_a_damaged_latents_file_is_learned_again(
    engine: XttsEngine, tmp_path: Path, lessons: list[int]
) -> None:
    engine.load(lambda progress: None)
    hear(engine, voice="ada")
    (file,) = (tmp_path / "cache" / "ada").iterdir()
    file.write_bytes(b"not at all what it was")
    engine.unload()
    engine.load(lambda progress: None)
    assert hear(engine, voice="ada").size
    assert lessons == [2, 2]


@pytest.mark.parametrize("loaded", [True, False])
def test_a_forgotten_voice_leaves_nothing_behind(
    engine: XttsEngine, profiles: ProfileList, tmp_path: Path, loaded: bool
) -> None:
    engine.load(lambda progress: None)
    voice = engine.resolve("ada", None)
    hear(engine, voice="ada")
    if not loaded:
        engine.unload()
    profiles.profiles = []
    engine.forget("ada")
    assert not (tmp_path / "cache" / "ada").exists()
    engine.load(lambda progress: None)
    assert voice.name not in [other.name for other in engine.voices()]


def test_a_voice_that_was_deleted_while_its_text_waited_is_reported(engine: XttsEngine, profiles: ProfileList) -> None:
    engine.load(lambda progress: None)
    voice = engine.resolve("ada", None)
    profiles.profiles = []
    with pytest.raises(EngineError, match="the voice 'Ada' is gone"):
        hear(engine, voice=voice)


def test_unreadable_recordings_are_reported(engine: XttsEngine, ada: VoiceProfile, profiles: ProfileList) -> None:
    ada.recordings[0].write_bytes(b"fLaC, or so it says")
    with pytest.raises(EngineError, match="a recording of the voice 'Ada' can't be read"):
        engine.learn(ada)
    ada.recordings[1].unlink()
    profiles.profiles = [replace(ada, recordings=ada.recordings[1:], digest="a3")]
    with pytest.raises(EngineError, match="a recording of the voice 'Ada' can't be read"):
        hear(engine, voice="ada")

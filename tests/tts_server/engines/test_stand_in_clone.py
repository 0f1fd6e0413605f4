"""The stand-in engine clones voices: its tone has the pitch of the recordings."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
import soxr

from audio.encoders import write_audio_file
from audio.samples import Samples
from sandbox.speech import ADA, BEN, GuestVoice, speech
from tests.tones import pitch
from tests.tts_server.profile_list import ProfileList
from tts_server.engines.base import CloningEngine, EngineError
from tts_server.engines.stand_in import TONE_HZ, Pitch, StandInEngine
from tts_server.voices.decoding import RATE
from tts_server.voices.profile import UnknownVoiceError, VoiceProfile
from wire.parameters import SpeechParameters

SENTENCE = "The quick brown fox jumps over the lazy dog, and then it sleeps in the sun."


def save_flac(path: Path, sound: Samples) -> Path:
    write_audio_file(path, sound, RATE, "flac")
    return path


def profile(folder: Path, name: str, voice: GuestVoice, digest: str = "1") -> VoiceProfile:
    sound = soxr.resample(speech(SENTENCE, voice), 48_000, RATE)
    return VoiceProfile(name.lower(), name, "en", (save_flac(folder / f"{name}-{digest}.flac", sound),), digest)


def heard(engine: StandInEngine, voice: str | None) -> float:
    """Return the loudest frequency of the engine's speech, in Hz."""
    chunks = engine.synthesize(SENTENCE, engine.resolve(voice, None), SpeechParameters(), threading.Event())
    sound = np.concatenate(list(chunks))
    return pitch(sound, engine.sample_rate)


@pytest.mark.parametrize("hertz", [70.0, 110.0, 219.0, 380.0])
def test_the_pitch_of_a_tone_in_noise_is_found_even_with_stronger_overtones(hertz: float) -> None:
    times = np.arange(RATE) / RATE
    sound = sum(np.sin(2 * np.pi * hertz * part * times) / 4 * min(part, 3) for part in range(1, 6))
    sound = sound + np.random.default_rng(0).normal(0, 0.1, len(times))
    assert Pitch.of(sound.astype(np.float32), RATE).hz == pytest.approx(hertz, rel=0.01)


def test_noise_and_silence_have_no_pitch() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    for sound in (noise, np.zeros(RATE, np.float32), np.zeros(0, np.float32)):
        with pytest.raises(EngineError, match="no voice with a pitch"):
            Pitch.of(sound, RATE)


def test_each_cloned_voice_has_its_own_pitch_and_the_engines_own_voice_stays(tmp_path: Path) -> None:
    ada, ben = profile(tmp_path, "Ada", ADA), profile(tmp_path, "Ben", BEN)
    engine = StandInEngine(0.0, 0.0, profiles=ProfileList(ada, ben))
    assert isinstance(engine, CloningEngine)
    assert 0.0 < engine.learn(ada) <= 1.0
    assert [voice.name for voice in engine.voices()] == ["A tone", "Ada", "Ben"]
    assert heard(engine, None) == pytest.approx(TONE_HZ, rel=0.02)
    assert 180 < heard(engine, "ada") < 240
    assert 80 < heard(engine, "ben") < 120, "also a voice that was not learned in this process"


def test_a_voice_with_changed_recordings_is_learned_again_and_a_deleted_one_is_reported(tmp_path: Path) -> None:
    profiles = ProfileList(profile(tmp_path, "Robin", ADA))
    engine = StandInEngine(0.0, 0.0, profiles=profiles)
    engine.learn(profiles.profiles[0])
    profiles.profiles[0] = profile(tmp_path, "Robin", BEN, digest="2")
    assert heard(engine, "robin") < 120
    voice = engine.resolve("robin", None)
    profiles.profiles.clear()
    engine.forget("robin")
    with pytest.raises(UnknownVoiceError):
        engine.resolve("robin", None)
    with pytest.raises(EngineError, match="'Robin' is gone"):
        list(engine.synthesize("Hello.", voice, SpeechParameters(), threading.Event()))


def test_a_file_that_is_not_a_recording_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.flac").write_bytes(b"fLaC and nothing more")
    engine = StandInEngine(0.0, 0.0, profiles=ProfileList())
    for recordings in ((tmp_path / "broken.flac",), (tmp_path / "gone.flac",), ()):
        with pytest.raises(EngineError, match="recording"):
            engine.learn(VoiceProfile("robin", "Robin", "en", recordings, "1"))

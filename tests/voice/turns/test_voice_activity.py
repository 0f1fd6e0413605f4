"""Silero's network tells espeak-ng's speech from noise and music. The error names a file that is missing or damaged."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from audio.samples import Sound16
from benchmarks.end_of_turn_noise import keyboard, music, noise
from bot.voice.turns.voice_activity import WINDOW_SAMPLES, Silero, SileroUnusable
from tests.voice.turns.spoken import say


@pytest.fixture(scope="module")
def silero() -> Silero:
    return Silero()


def probabilities(silero: Silero, sound: Sound16) -> list[float]:
    probability = silero.make_stream()
    whole = len(sound) - len(sound) % WINDOW_SAMPLES
    return [probability(window) for window in sound[:whole].reshape(-1, WINDOW_SAMPLES)]


def test_speech_and_the_silence_around_it_are_detected(silero: Silero) -> None:
    found = probabilities(silero, np.pad(say("What is the weather like today?"), (8000, 8000)))
    assert max(found[:14]) < 0.3
    assert np.mean(np.array(found[18:-20]) > 0.5) > 0.8
    assert max(found[-10:]) < 0.3


def test_the_stream_of_one_person_does_not_change_the_results_of_another(silero: Silero) -> None:
    speech = say("What is the weather like today?")
    alone = probabilities(silero, speech)
    one, other = silero.make_stream(), silero.make_stream()
    together = []
    for at in range(0, len(speech) - WINDOW_SAMPLES + 1, WINDOW_SAMPLES):
        together.append(one(speech[at : at + WINDOW_SAMPLES]))
        other(noise(0.032, 0.1, 1.0, at))
    assert together == alone


def test_peeking_at_a_window_does_not_change_later_results(silero: Silero) -> None:
    speech = say("What is the weather like today?")
    alone, stream = probabilities(silero, speech), silero.make_stream()
    found = []
    for at in range(0, len(speech) - WINDOW_SAMPLES + 1, WINDOW_SAMPLES):
        window = speech[at : at + WINDOW_SAMPLES]
        stream.peek(noise(0.032, 0.1, 1.0, at))
        ahead = stream.peek(window)
        found.append(stream(window))
        assert ahead == found[-1]
    assert found == alone


@pytest.mark.parametrize("sound", [noise(10, 0.1, 1.0, 1), music(10, 0.1, 1), keyboard(10, 0.3, 1)])
def test_noise_music_and_typing_are_no_speech(silero: Silero, sound: Sound16) -> None:
    assert max(probabilities(silero, sound)) < 0.5


def test_the_voice_activity_model_needs_neither_torch_nor_faster_whisper_in_the_process() -> None:
    code = (
        "import sys; from bot.voice.turns.turns import load_turn_policy; load_turn_policy(); "
        "sys.exit(bool({'torch', 'faster_whisper', 'discord', 'ctranslate2'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_error_names_the_file_of_a_missing_network(tmp_path: Path) -> None:
    with pytest.raises(SileroUnusable, match="nowhere"):
        Silero(tmp_path / "nowhere.onnx")


@pytest.mark.parametrize("content", [b"", b"no network", bytes(1000)])
def test_the_error_names_the_file_of_a_damaged_network(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "silero.onnx"
    path.write_bytes(content)
    with pytest.raises(SileroUnusable, match=r"silero\.onnx can't be loaded: it is damaged"):
        Silero(path)

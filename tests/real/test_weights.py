"""The real weights: they are complete, their packages are not installed, and the detector tells speech from noise."""

from __future__ import annotations

import importlib.metadata
import importlib.util

import numpy as np

from benchmarks.end_of_turn_noise import keyboard, music, noise
from bot.models.catalogue import load_catalogue
from bot.models.model_store import Condition
from bot.own_weights import OwnWeights
from bot.voice.turns.settings import SILERO_VAD_PACKAGE_SETTINGS
from bot.voice.turns.voice_activity import WINDOW_SAMPLES, Silero
from tests.voice.turns.spoken import say


def test_recogniser_model_and_voice_are_real(weights: OwnWeights) -> None:
    assert weights.stt is not None
    assert weights.llm is not None
    assert weights.voice is not None
    assert set(weights.conditions.values()) == {Condition.COMPLETE}
    assert weights.notices == ()


def test_the_packages_of_the_weights_cannot_be_imported() -> None:
    catalogue = load_catalogue()
    modules = {
        part.member.partition("/")[0]
        for model in catalogue.models.values()
        for file in model.files
        for part in file.parts
        if part.package in catalogue.packages
    }
    assert len(modules) == len(catalogue.packages)
    assert [module for module in modules if importlib.util.find_spec(module)] == []
    installed = {found.metadata["Name"].lower().replace("_", "-") for found in importlib.metadata.distributions()}
    assert installed & set(catalogue.packages) == set()


def test_the_speech_detector_of_the_package_distinguishes_speech_from_noise(weights: OwnWeights) -> None:
    def voiced(sound: np.ndarray) -> np.ndarray:
        probability, whole = Silero(weights.speech_detector).make_stream(), len(sound) - len(sound) % WINDOW_SAMPLES
        windows = sound[:whole].astype(np.float32).reshape(-1, WINDOW_SAMPLES)
        return np.array([probability(window) for window in windows]) >= SILERO_VAD_PACKAGE_SETTINGS.voiced_probability

    assert weights.speech_detector is not None
    speech = voiced(np.pad(say("What is the weather like today?"), (8000, 8000)))
    assert not speech[:14].any()
    assert speech[18:-20].mean() > 0.8
    assert not speech[-8:].any()
    for sound in (noise(10, 0.1, 1.0, 1), music(10, 0.1, 1), keyboard(10, 0.3, 1)):
        assert not voiced(sound).any()

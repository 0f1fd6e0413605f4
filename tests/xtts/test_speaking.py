"""Speaking: each text becomes sound, piece by piece, or one clear error; the next text is not affected."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.random_xtts import HIGH, LOW, TINY, TOKENS_PER_SECOND, make_random_xtts
from config.speech_settings import Precision
from tests.xtts.conftest import TOKENS, MakeEngine
from tests.xtts.speaking import TEXT, hear, skip_without_libraries
from tts_server.engines.base import CloningEngine, EngineError, OutOfMemoryError, SpeechEngine
from tts_server.engines.xtts.engine import XttsEngine
from wire.parameters import SpeechParameters

skip_without_libraries()

SECONDS = TOKENS / TOKENS_PER_SECOND


def network(engine: XttsEngine) -> Any:
    """Return coqui-tts's model inside the engine, for tests that damage it."""
    assert engine._model is not None
    return engine._model._xtts


@contextmanager
def spoilt(parameter: Any, value: float) -> Iterator[None]:
    """Overwrite one parameter of the model within the block."""
    before = parameter.detach().clone()
    parameter.data.fill_(value)
    try:
        yield
    finally:
        parameter.data.copy_(before)


def test_each_voice_has_its_own_sound(engine: XttsEngine) -> None:
    assert hear(engine, voice=HIGH).min() > 0
    assert hear(engine, voice=LOW).max() < 0


def test_the_sound_is_as_long_as_the_model_makes_it(engine: XttsEngine) -> None:
    assert hear(engine).size / engine.sample_rate == pytest.approx(SECONDS, abs=0.1)


@pytest.mark.parametrize("speed", [0.5, 2.0])
def test_speed_makes_the_sound_shorter_or_longer(engine: XttsEngine, speed: float) -> None:
    assert hear(engine, speed=speed).size / engine.sample_rate == pytest.approx(SECONDS / speed, abs=0.15)


def test_the_sound_comes_in_pieces_and_the_first_one_is_short(weights: Path, engine: XttsEngine) -> None:
    pieces = list(engine.synthesize(TEXT, engine.resolve(None, None), SpeechParameters(), threading.Event()))
    assert len(pieces) >= 2
    assert 0.05 < pieces[0].size / engine.sample_rate < 0.3
    assert all(piece.dtype == np.float32 and np.abs(piece).max() <= 1 for piece in pieces)


def test_the_parameters_reach_the_model(engine: XttsEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}
    gpt = network(engine).gpt
    get_generator = gpt.get_generator

    def spy(**arguments: Any) -> Any:
        given.update(arguments)
        return get_generator(**arguments)

    monkeypatch.setattr(gpt, "get_generator", spy)
    hear(engine, temperature=0.3, repetition_penalty=4, top_k=7, top_p=0.6)
    assert [given[name] for name in ("temperature", "repetition_penalty", "top_k", "top_p")] == [0.3, 4.0, 7, 0.6]
    hear(engine)
    assert given["temperature"] == network(engine).config.temperature


@pytest.mark.parametrize("precision", [Precision.BRAIN, Precision.HALF])
def test_half_precision_works_too(weights: Path, make_engine: MakeEngine, precision: Precision) -> None:
    engine = make_engine(weights, precision=precision)
    engine.load(lambda progress: None)
    assert hear(engine, voice=LOW).max() < 0


@pytest.mark.parametrize("text", ["", "   ", "🙂🎉", "☃ ♥"])
def test_a_text_without_words_is_reported(engine: XttsEngine, text: str) -> None:
    with pytest.raises(EngineError, match=r"nothing in .* that can be spoken"):
        hear(engine, text)
    assert hear(engine).size


def test_a_text_that_is_too_long_is_reported(engine: XttsEngine) -> None:
    with pytest.raises(EngineError, match="10000 characters are too many"):
        hear(engine, "hello you " * 1000)
    assert hear(engine).size


def test_a_language_whose_library_is_missing_is_reported(engine: XttsEngine, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(text: str, lang: str) -> None:
        raise ImportError("Chinese requires: pypinyin")

    monkeypatch.setattr(network(engine).tokenizer, "encode", missing)
    with pytest.raises(EngineError, match=r"needs one more library to speak 'en': Chinese requires: pypinyin"):
        hear(engine)


def test_invalid_numbers_in_the_language_model_raise_an_error_instead_of_noise(engine: XttsEngine) -> None:
    with spoilt(network(engine).gpt.final_norm.weight, np.nan), pytest.raises(EngineError, match="NaN"):
        hear(engine)
    assert hear(engine, voice=HIGH).min() > 0


def test_invalid_numbers_in_the_vocoder_raise_an_error_instead_of_noise(engine: XttsEngine) -> None:
    decoder = network(engine).hifigan_decoder.waveform_decoder
    with spoilt(decoder.conv_post.weight, np.nan), pytest.raises(EngineError, match="NaN"):
        hear(engine)
    assert hear(engine, voice=HIGH).min() > 0


def test_running_out_of_memory_while_speaking_is_reported_and_the_next_text_is_spoken(
    engine: XttsEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    def full(*arguments: object, **named: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    with monkeypatch.context() as patch:
        patch.setattr(network(engine).hifigan_decoder.waveform_decoder, "forward", full)
        with pytest.raises(OutOfMemoryError, match="has run out of memory"):
            hear(engine)
    assert hear(engine).size


def test_a_model_that_does_not_stop_is_cut_off(tmp_path: Path, make_engine: MakeEngine) -> None:
    make_random_xtts(tmp_path / "babbling", TINY, tokens=600)
    engine = make_engine(tmp_path / "babbling")
    engine.load(lambda progress: None)
    assert 3 < hear(engine, "hi").size / engine.sample_rate < 8


def test_two_simultaneous_texts_take_turns_and_are_not_mixed(engine: XttsEngine) -> None:
    heard: dict[str, list[float]] = {HIGH: [], LOW: []}

    def speak(voice: str) -> None:
        for _ in range(3):
            sound = hear(engine, voice=voice)
            heard[voice] += [float(sound.min()), float(sound.max())]

    threads = [threading.Thread(target=speak, args=(voice,)) for voice in heard]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(heard[HIGH]) == len(heard[LOW]) == 6
    assert min(heard[HIGH]) > 0 > max(heard[LOW])


def test_a_slow_listener_does_not_block_the_model_for_others(engine: XttsEngine) -> None:
    slow = engine.synthesize(TEXT, engine.resolve(HIGH, None), SpeechParameters(), threading.Event())
    first = next(slow)
    began = time.monotonic()
    assert hear(engine, voice=LOW).max() < 0
    assert time.monotonic() - began < 30
    assert np.concatenate([first, *slow]).size / engine.sample_rate == pytest.approx(SECONDS, abs=0.1)


def test_xtts_has_the_interface_of_an_engine(engine: XttsEngine) -> None:
    plug: SpeechEngine = engine
    assert isinstance(plug, CloningEngine)

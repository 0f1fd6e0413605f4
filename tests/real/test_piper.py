"""Piper with its real voice: its words are understood, it stops soon, and the pieces of its sound fit together."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import soxr

from audio.samples import HEARING_RATE, Samples
from benchmarks.tts_native import STORY
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.transcriber import TranscriptionRequest, Urgency
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from config.settings import Settings
from config.speech_settings import SpeechSettings
from sandbox.word_errors import NO_WORDS, word_errors
from tests.tts_server.engines.speaking import PLAIN, speak
from tts_server.engines.factory import create_engines
from tts_server.engines.piper.engine import PiperEngine
from tts_server.engines.piper.factory import create_piper
from tts_server.voices.profile import NoProfiles
from wire.parameters import SpeechParameters

WEIGHTS = Path(os.environ.get("SEIYUU_WEIGHTS") or Settings.read(_env_file=None).cache_dir / "weights")
SENTENCES = (
    "The train leaves at nine from the old station.",
    "I would love to hear more about your garden.",
    "If it rains tomorrow, we can take the bus instead.",
    "She bought three apples and a loaf of bread.",
    "Could you please turn down the music a little?",
    "The museum is closed on Mondays during the winter.",
    "My brother plays the guitar better than anyone I know.",
    "There is a small bakery just around the corner.",
    "Remember to bring your passport and an umbrella.",
    "That was the best film I have seen this year!",
)
pytestmark = pytest.mark.real
MAX_ERROR_PERCENT = 4.0
"""Maximum word error rate. 2.1 % was measured, the mean of 100 rounds."""
ROUNDS = 10
"""The voice's noise makes each round different: the standard deviation of a round is 1.2 %, of ten rounds 0.4 %.

The noise is the same on each run of the tests. But another processor computes with other rounding errors, so Whisper
may understand other words there.
"""
SEED = 3


@pytest.fixture(scope="module")
def joe() -> Iterator[PiperEngine]:
    # Networks that are loaded from now on draw the same random numbers on each run.
    onnxruntime.set_seed(SEED)
    with closing(create_piper(WEIGHTS / "piper-joe", {}, None)) as engine:
        yield engine


async def test_the_words_of_piper_are_understood(joe: PiperEngine) -> None:
    ears = WhisperTranscriber(WhisperOptions(str(WEIGHTS / "whisper-base"), "cpu", 1, "en", "int8"), Corrections())
    errors, recognised = NO_WORDS, []
    try:
        for sentence in SENTENCES * ROUNDS:
            sound = await asyncio.to_thread(speak, joe, sentence)
            heard = np.asarray(soxr.resample(sound, joe.sample_rate, HEARING_RATE), np.float32)
            transcript = await ears.transcribe(TranscriptionRequest(heard, Urgency.FINAL))
            errors += word_errors(sentence, transcript.text)
            recognised.append(transcript.text)
    finally:
        await ears.close()
    assert errors.percent <= MAX_ERROR_PERCENT, recognised


def test_a_divided_network_makes_pieces_that_equal_the_whole_sound(joe: PiperEngine) -> None:
    """The sound that is made in pieces equals the sound that the undivided network makes at once."""
    ((_, speaking),) = joe._loaded.items()
    assert len(speaking._network.stages) == 2
    # Without random noise, because each of the two networks would generate its own.
    plain = replace(speaking._network_input(speaking._sentences(STORY)[0], None, 1.0), scales=(0.0, 1.0, 0.0))
    pieces = list(speaking._network.speak(plain, onnxruntime.RunOptions()))
    whole = onnxruntime.InferenceSession(str(speaking._file.model), providers=["CPUExecutionProvider"])
    assert len(pieces) > 2
    np.testing.assert_allclose(np.concatenate(pieces), whole.run(None, plain.tensors())[0].reshape(-1), atol=1e-4)


class ShortPieces:
    """Divides each clause into pieces of 8 frames, so that it has many seams, which are the same on each machine."""

    def __init__(self, frames: int, *_: object) -> None:
        self._frames = frames

    def __iter__(self) -> Iterator[tuple[int, int]]:
        return iter([(begin, min(begin + 8, self._frames)) for begin in range(0, self._frames, 8)])

    def piece_ready(self) -> bool:
        return True


# While the voice is loaded, a probe with noise of its own finds how much context a piece needs. With the noise of these
# seeds, the probe once found too little.
@pytest.mark.parametrize("seed", [1, 2])
def test_no_seam_is_heard_with_random_noise_either(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    onnxruntime.set_seed(seed)
    with closing(create_piper(WEIGHTS / "piper-joe", {}, None)) as joe:
        ((_, speaking),) = joe._loaded.items()
        network, options = speaking._network, onnxruntime.RunOptions()
        monkeypatch.setattr("tts_server.engines.piper.network.PiecePlan", ShortPieces)
        for sentence in SENTENCES:
            said = speaking._network_input(speaking._sentences(sentence)[0], None, 1.0)
            outline = network._run_first(network._first, said, options)
            whole = dict(outline)
            for stage in network.stages:
                whole[stage.output_name] = stage.run_all(whole)
            pieces = list(network._in_pieces(outline, options))
            assert len(pieces) > 10
            np.testing.assert_allclose(np.concatenate(pieces), whole[stage.output_name].reshape(-1), atol=1e-4)


def test_piper_is_as_loud_as_espeak(joe: PiperEngine) -> None:
    *_, espeak = create_engines(SpeechSettings.read(tts_engine="stand-in", tts_fallback=("espeak",)), NoProfiles())
    with closing(espeak):
        level = {engine.name: _level(speak(engine, SENTENCES[0])) for engine in (joe, espeak)}
    assert 0.5 < level["piper"] / level["espeak-ng"] < 2


def _level(sound: Samples) -> float:
    return float(np.sqrt(np.mean(sound[np.abs(sound) > 0.01] ** 2)))


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_the_length_of_the_speech_follows_the_speed(joe: PiperEngine, speed: float) -> None:
    usual, changed = (len(speak(joe, STORY, parameters)) for parameters in (PLAIN, SpeechParameters(speed=speed)))
    assert changed / usual == pytest.approx(1 / speed, rel=0.15)


def test_after_a_stop_no_sound_follows_and_the_engine_is_soon_idle(joe: PiperEngine) -> None:
    times_until_idle = []
    for number in range(40):
        stop = threading.Event()
        pieces = joe.synthesize(STORY, joe.resolve(None, None), PLAIN, stop)
        for _ in range(number % 4):
            assert len(next(pieces))
        time.sleep(0.005 * (number % 7))
        stop.set()
        stopped = time.process_time()
        assert list(pieces) == []
        joe.wait()
        times_until_idle.append(time.process_time() - stopped)
    # Processor time of all threads together, in seconds. Other work on this machine does not count in it.
    assert max(times_until_idle) < 0.15


def test_piper_and_espeak_can_speak_by_turns(joe: PiperEngine) -> None:
    espeak = create_engines(SpeechSettings.read(tts_engine="espeak", tts_fallback=()), NoProfiles())[0]
    with closing(espeak):
        for _ in range(5):
            assert len(speak(joe, SENTENCES[0])) / joe.sample_rate == pytest.approx(2.5, rel=0.3)
            german = SpeechParameters(voice="de")
            assert len(speak(espeak, "Guten Morgen, wie geht es dir?", german)) > espeak.sample_rate

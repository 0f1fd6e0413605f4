"""Kokoro with its real weights: its words are understood, it can be stopped, and it keeps the chosen speed.

The weights are not among those that ``make test-real`` fetches. ``make test-kokoro`` downloads them and runs these
tests.
"""

from __future__ import annotations

import asyncio
import random
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing

import numpy as np
import pytest
import soxr

from audio.samples import HEARING_RATE
from benchmarks.tts_native import STORY
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.transcriber import TranscriptionRequest, Urgency
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from sandbox.word_errors import NO_WORDS, word_errors
from tests.real.test_piper import SENTENCES, WEIGHTS
from tests.tts_server.engines.speaking import PLAIN, speak
from tts_server.engines.kokoro.engine import KokoroEngine
from tts_server.engines.kokoro.factory import create_kokoro
from wire.parameters import SpeechParameters

FOLDER = WEIGHTS / "kokoro"
if not (FOLDER / "kokoro.onnx").exists():
    reason = "Kokoro's weights (90 MB) are not on this machine: `make test-kokoro` downloads them and runs these tests"
    pytest.skip(reason, allow_module_level=True)
Hear = Callable[[str, SpeechParameters, str], Awaitable[str]]
IN_OTHER_LANGUAGES = {
    "es": ("El tren sale a las nueve de la vieja estación.", "Mañana por la tarde vamos a la playa con los niños."),
    "fr": ("Le train part de la vieille gare tous les matins.", "Nous allons au marché avec nos amis ce matin."),
    "it": ("Il treno parte dalla vecchia stazione ogni mattina.", "Domani andiamo al mercato con i nostri amici."),
    "pt": ("O trem sai da velha estação todas as manhãs.", "Amanhã vamos ao mercado com os nossos amigos."),
}


@pytest.fixture(scope="module")
def kokoro() -> Iterator[KokoroEngine]:
    with closing(create_kokoro(FOLDER, {}, None)) as engine:
        yield engine


@pytest.fixture
async def words_of(kokoro: KokoroEngine) -> AsyncIterator[Hear]:
    """A function that speaks a text and returns what Whisper understands in a language."""
    ears: dict[str, WhisperTranscriber] = {}

    async def heard(text: str, parameters: SpeechParameters, language: str) -> str:
        if language not in ears:
            options = WhisperOptions(str(WEIGHTS / "whisper-base"), "cpu", 1, language, "int8")
            ears[language] = WhisperTranscriber(options, Corrections())
        sound = await asyncio.to_thread(speak, kokoro, text, parameters)
        samples = np.asarray(soxr.resample(sound, kokoro.sample_rate, HEARING_RATE), np.float32)
        return (await ears[language].transcribe(TranscriptionRequest(samples, Urgency.FINAL))).text

    yield heard
    for each in ears.values():
        await each.close()


@pytest.mark.parametrize("speaker", ["af_heart", "am_michael", "bf_emma"])
async def test_the_english_of_kokoro_is_understood(words_of: Hear, speaker: str) -> None:
    errors, told = NO_WORDS, []
    for sentence in SENTENCES:
        told.append(await words_of(sentence, SpeechParameters(voice=speaker), "en"))
        errors += word_errors(sentence, told[-1])
    assert errors.percent <= 5, told


@pytest.mark.parametrize("language", list(IN_OTHER_LANGUAGES))
async def test_the_other_languages_of_kokoro_are_understood(words_of: Hear, language: str) -> None:
    """Whisper base itself makes errors in these languages, so a fifth of the words may be wrong.

    In Portuguese it may be two fifths: Whisper base hears ``e esta são`` for ``estação``.
    """
    errors, told = NO_WORDS, []
    for sentence in IN_OTHER_LANGUAGES[language]:
        told.append(await words_of(sentence, SpeechParameters(language=language), language))
        errors += word_errors(sentence, told[-1])
    assert errors.percent <= (40 if language == "pt" else 20), told


def test_hindi_is_spoken(kokoro: KokoroEngine) -> None:
    sound = speak(kokoro, "नमस्ते, आप कैसे हैं?", SpeechParameters(language="hi"))
    assert 1 < len(sound) / kokoro.sample_rate < 4


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_the_length_of_the_speech_follows_the_speed(kokoro: KokoroEngine, speed: float) -> None:
    usual, changed = (len(speak(kokoro, STORY, parameters)) for parameters in (PLAIN, SpeechParameters(speed=speed)))
    assert changed / usual == pytest.approx(1 / speed, rel=0.2)


def test_after_a_stop_no_sound_follows_and_the_engine_is_soon_idle(kokoro: KokoroEngine) -> None:
    rng, free = random.Random(5), []
    for _ in range(20):
        stop = threading.Event()
        pieces = kokoro.synthesize(STORY, kokoro.resolve(None, None), PLAIN, stop)
        timer = threading.Timer(rng.random(), stop.set)
        timer.start()
        assert [len(piece) for piece in pieces if stop.is_set()] == []
        timer.join()
        stopped = time.process_time()
        kokoro.wait()
        free.append(time.process_time() - stopped)
    # Processor time of all threads together, in seconds. Other work on this machine does not count in it.
    assert max(free) < 0.3


def test_speech_begins_at_once(kokoro: KokoroEngine) -> None:
    """The voice model makes silence before the first word. It is cut off, so that nobody has to wait for it."""
    sound = speak(kokoro, SENTENCES[0])
    loud = np.flatnonzero(np.abs(sound) > 0.1 * np.abs(sound).max())
    assert loud[0] / kokoro.sample_rate < 0.15

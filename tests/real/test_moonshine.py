"""Moonshine with its real weights: the guests' English is understood, and words in mere noise are not trusted.

``make test-real`` fetches its weights only where npm is installed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import soxr

from audio.samples import HEARING_RATE, Sound16
from bot.models.needs import QUICK_ENGLISH
from bot.own_weights import OwnWeights
from bot.voice.transcribe.english_first import TRUSTED, EnglishFirst
from bot.voice.transcribe.worker import ThisMachine
from sandbox.guest_lines import recorded_lines
from sandbox.speech_sounds import breath, cough, keyboard, music, noise
from sandbox.voice.opus import SAMPLE_RATE, Sound
from sandbox.word_errors import NO_WORDS, word_errors
from tests.real.test_piper import WEIGHTS

FOLDER = WEIGHTS / QUICK_ENGLISH
if not (FOLDER / "manifest.json").exists():
    reason = "Moonshine's weights (73 MB) are not on this machine: `python -m bot models download moonshine-base`"
    pytest.skip(reason, allow_module_level=True)
HOT_WORDS = "Seiyuu, Ada, Ben, Cleo, Dan."


def at_hearing_rate(sound: Sound) -> Sound16:
    return np.asarray(soxr.resample(sound, SAMPLE_RATE, HEARING_RATE), np.float32)


@pytest.fixture(scope="module")
def ears(weights: OwnWeights) -> Iterator[EnglishFirst]:
    machine = ThisMachine()
    whisper = machine.load(str(weights.stt), "cpu", 0, "int8", 1, None)
    yield EnglishFirst(machine.load_english(FOLDER, 1), whisper)


def test_guests_are_understood_also_after_interim_transcripts(ears: EnglishFirst) -> None:
    errors, quick, lines = NO_WORDS, 0, recorded_lines().values()
    for line in lines:
        sound = at_hearing_rate(line.read())
        for end in range(HEARING_RATE, len(sound), HEARING_RATE):
            ears.transcribe(sound[:end], HOT_WORDS, "en", once=True)
        found = ears.transcribe(sound, HOT_WORDS, "en")
        quick += found.by_english
        errors += word_errors(line.text, " ".join(segment.text for segment in found.segments), "en")
    assert errors.percent <= 5
    assert quick >= len(lines) // 2


def test_the_bots_name_is_heard_where_it_was_said_and_only_there(ears: EnglishFirst) -> None:
    for line in recorded_lines().values():
        found = ears.english.transcribe(at_hearing_rate(line.read()), "Seiyuu")
        assert found.called == line.text.startswith("Seiyuu"), found.text
        assert found.text.startswith("Seiyuu") == found.called


@pytest.mark.parametrize("make", [noise, keyboard, breath, music], ids=lambda make: make.__name__)
def test_no_words_in_noise_or_music_are_trusted(ears: EnglishFirst, make: Callable[[float, int], Sound]) -> None:
    for seed in range(5):
        found = ears.english.transcribe(at_hearing_rate(make(3.0, seed)), "Seiyuu")
        assert found.text == "" or found.log_probability < TRUSTED


def test_no_words_in_coughs_are_trusted(ears: EnglishFirst) -> None:
    for seed in range(5):
        found = ears.english.transcribe(at_hearing_rate(cough(seed)), "Seiyuu")
        assert found.text == "" or found.log_probability < TRUSTED

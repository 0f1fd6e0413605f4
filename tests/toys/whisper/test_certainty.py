"""Tests of how certain the toy Whisper is of what the sandbox's guests say. The bot drops a text that is too
uncertain.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soxr
from faster_whisper import WhisperModel
from faster_whisper.feature_extractor import FeatureExtractor

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.hallucinations import SURE_MAX_NO_SPEECH, HallucinationFilter
from bot.voice.transcribe.recogniser import RETRY_LOG_PROBABILITY, Recogniser
from bot.voice.transcribe.whisper_model import ShortContextWhisper
from config.project import ROOT, child_environment
from sandbox.speech import GUEST_VOICES, speech
from sandbox.voice.opus import SAMPLE_RATE
from toys.whisper import making
from toys.whisper.certainty import MAX_NO_SPEECH, MIN_LOG_PROBABILITY, Certainty, certainty
from toys.whisper.classifier import COMPONENTS, HIDDEN, Classifier
from toys.whisper.encoder import WIDTH, Matrix, make_encoder
from toys.whisper.material import NO_PHRASE
from toys.whisper.model_files import write_model
from toys.whisper.phrases import FITTED_VOICES, GUESTS, HEARD_PHRASES

pytestmark = pytest.mark.timeout(300)


def spoken(text: str, guest: str) -> Sound16:
    heard = soxr.resample(speech(text, GUEST_VOICES[guest]), SAMPLE_RATE, HEARING_RATE).astype(np.float32)
    return np.pad(heard, (4_000, 4_000))


# One guest of four says each phrase; in the slow tests, all guests do.
@pytest.mark.parametrize("every", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_the_bot_is_sure_of_every_phrase_of_every_guest(toy_ears: Path, every: int) -> None:
    model = ShortContextWhisper(str(toy_ears), device="cpu", compute_type="float32", cpu_threads=1)
    recogniser, hallucinations = Recogniser(model, "en", "float32"), HallucinationFilter()
    doubted = []
    for turn, guest in enumerate(GUEST_VOICES):
        for phrase in HEARD_PHRASES[turn % every :: every]:
            sound = spoken(phrase.text, guest)
            segments = recogniser.transcribe(sound, "Seiyuu, Ada", once=True).segments
            kept = hallucinations.filter(segments, sound, ("Seiyuu", "Ada"))
            if kept != phrase.text or not all(segment.sure for segment in segments):
                doubted.append((guest, phrase.text, kept, segments))
    assert doubted == []


def test_the_limits_are_those_of_the_bot_or_stricter() -> None:
    assert MAX_NO_SPEECH <= SURE_MAX_NO_SPEECH
    assert MIN_LOG_PROBABILITY / 2 > RETRY_LOG_PROBABILITY


def test_the_guests_come_first_among_the_fitted_voices() -> None:
    assert [voice.name for voice in FITTED_VOICES[:GUESTS]] == [voice.name for voice in GUEST_VOICES.values()]


def test_the_computed_certainty_is_that_of_faster_whisper(tmp_path: Path) -> None:
    classifier = random_classifier()
    write_model(tmp_path, make_encoder(), classifier)
    whisper = WhisperModel(str(tmp_path), device="cpu", compute_type="float32", cpu_threads=1)
    sound = spoken(HEARD_PHRASES[0].text, "Ada")
    segments, _ = whisper.transcribe(sound, language="en", beam_size=1, temperature=0.0, without_timestamps=True)
    (segment,) = segments
    long_context, _ = make_encoder().summaries(FeatureExtractor()(sound))
    ours = certainty(classifier, long_context[None], np.array([0]))
    assert segment.text.strip() == HEARD_PHRASES[0].text
    assert ours.log_probability[0] < -0.1
    assert segment.avg_logprob == pytest.approx(ours.log_probability[0] / 2, abs=2e-3)
    assert segment.no_speech_prob == pytest.approx(ours.no_speech[0], abs=2e-3)


def random_classifier() -> Classifier:
    """An untrained classifier that prefers the first phrase a little."""
    random = np.random.default_rng(0)

    def weights(rows: int, columns: int) -> Matrix:
        return random.normal(0, columns**-0.5, (rows, columns)).astype(np.float32)

    preferred = np.zeros(NO_PHRASE + 1, np.float32)
    preferred[0] = 2.0
    nothing = np.zeros(COMPONENTS, np.float32)
    return Classifier(
        weights(COMPONENTS, WIDTH),
        nothing,
        weights(HIDDEN, WIDTH),
        np.zeros(HIDDEN, np.float32),
        weights(NO_PHRASE + 1, HIDDEN),
        preferred,
    )


class Fits:
    """Stands in for the training. The toy is certain of phrase 1 only after some attempts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, enough: int) -> None:
        self.targets: list[list[int]] = []
        self._enough = enough
        monkeypatch.setattr(making, "fit", self._fit)
        monkeypatch.setattr(making, "certainty", self._certainty)

    def until_certain(self) -> None:
        targets, others = np.array([0, 1, 2]), np.array([0, 1, 1])
        making.fit_until_certain(np.zeros((3, WIDTH), np.float32), targets, others[:, None], others, lambda _: None)

    def _fit(self, _summaries: Matrix, targets: npt.NDArray[np.int64], *_: object) -> None:
        self.targets.append(targets.tolist())

    def _certainty(self, _classifier: object, _others: Matrix, said: npt.NDArray[np.int64]) -> Certainty:
        doubted = (said == 1) & (len(self.targets) < self._enough)
        return Certainty(np.zeros(len(said), np.float32), doubted.astype(np.float32))


def test_a_toy_that_is_unsure_of_a_phrase_is_fitted_again_with_more_examples_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fits = Fits(monkeypatch, enough=3)
    fits.until_certain()
    assert fits.targets == [[0, 1, 2], [0, 1, 2, 1], [0, 1, 2, 1, 1, 1]]


def test_a_toy_that_stays_unsure_is_an_error_that_names_the_phrase(monkeypatch: pytest.MonkeyPatch) -> None:
    fits = Fits(monkeypatch, enough=making.ATTEMPTS + 1)
    with pytest.raises(SystemExit, match="not certain of: " + HEARD_PHRASES[1].text.replace("?", r"\?")):
        fits.until_certain()
    assert len(fits.targets) == making.ATTEMPTS


@pytest.mark.slow
def test_a_phrase_has_the_same_examples_on_any_number_of_processors(tmp_path: Path) -> None:
    render = (
        "import os, sys; from pathlib import Path; from toys.whisper import making; "
        "making.render(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))"
    )
    last = len(HEARD_PHRASES) - 1
    for name, first, step in (("alone", last, 1), ("after another", last - 3, 3)):
        (tmp_path / name).mkdir()
        subprocess.run(
            (sys.executable, "-c", render, str(tmp_path / name), str(first), str(step)),
            env=child_environment({"OPENBLAS_NUM_THREADS": "1"}),
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            check=True,
        )
    alone, after = (np.load(tmp_path / name / f"{last}.npz") for name in ("alone", "after another"))
    assert all(np.array_equal(alone[part], after[part]) for part in alone.files)

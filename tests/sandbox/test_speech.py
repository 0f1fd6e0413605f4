"""The speech of guests can be recognised and is always the same, and their other sounds depend on a seed alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from audio.level import rms
from config.project import ROOT
from sandbox.recogniser import SentenceRecogniser
from sandbox.speech import GUEST_VOICES, GuestVoice, RepeatableEspeak, SpeechError, _Synthesiser, speech
from sandbox.speech_sounds import cough, keyboard, music, noise
from sandbox.voice.opus import SAMPLE_RATE, Sound
from tests.process_state import state_of
from tests.timing import wait_until

SENTENCES = ("The garden looks beautiful this morning.", "Tell me a story about a radio.", "I had pizza for lunch.")


@pytest.mark.parametrize("guest", GUEST_VOICES)
def test_the_words_of_a_guest_can_be_recognised(guest: str) -> None:
    recogniser = SentenceRecogniser(SENTENCES)
    for text in SENTENCES:
        assert recogniser.closest(speech(text, GUEST_VOICES[guest]), SAMPLE_RATE, SENTENCES).text == text


def test_speech_is_levelled_and_has_no_silence_around_it() -> None:
    sound = speech("Hello there!", GUEST_VOICES["Ada"])
    assert sound.dtype == np.float32
    assert rms(sound) == pytest.approx(0.1, rel=0.01)
    edge = SAMPLE_RATE // 50
    assert min(np.abs(sound[:edge]).max(), np.abs(sound[-edge:]).max()) > 0.001
    assert 0.4 < len(sound) / SAMPLE_RATE < 1.2


def test_the_same_words_are_always_the_same_sound() -> None:
    voice = GUEST_VOICES["Ben"]
    first = speech("Tell me a joke!", voice)
    speech.cache_clear()
    speech("Something else in between.", voice)
    assert np.array_equal(speech("Tell me a joke!", voice), first)


def test_a_repeatable_espeak_does_not_depend_on_what_was_said_before() -> None:
    espeak = RepeatableEspeak()
    first = espeak.say("Tell me a joke!", "en-us+f3", 165, 55)
    assert 0.4 < len(first) / espeak.sample_rate < 2.0
    espeak.say("Something else in between.", "de+m2", 150, 40)
    assert np.array_equal(espeak.say("Tell me a joke!", "en-us+f3", 165, 55), first)


def test_the_next_run_of_the_program_says_the_words_with_the_same_sound() -> None:
    said = []
    for _ in range(2):
        # Unchanged, espeak-ng seeds the noise in Ada's voice with the second in which its process starts.
        second = int(time.time())
        while int(time.time()) == second:
            time.sleep(0.02)
        synthesiser = _Synthesiser()
        said.append(synthesiser.say("Thank you!", GUEST_VOICES["Ada"]))
        synthesiser.close()
    assert said[0] == said[1]


def test_each_guest_sounds_like_nobody_else() -> None:
    sounds = [speech("How are you?", voice) for voice in GUEST_VOICES.values()]
    spectra = np.array([np.abs(np.fft.rfft(sound, SAMPLE_RATE * 2))[: 2 * 4_000] for sound in sounds])
    spectra /= np.linalg.norm(spectra, axis=1, keepdims=True)
    alike = spectra @ spectra.T
    assert alike[~np.eye(len(alike), dtype=bool)].max() < 0.9


def test_mhm_is_not_spelt_out() -> None:
    assert len(speech("Mhm.", GUEST_VOICES["Ada"])) < 0.9 * SAMPLE_RATE


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


async def test_a_speaker_that_is_stopped_as_it_writes_goes_on_and_loses_nothing() -> None:
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    program = (sys.executable, "-m", "sandbox.speech_synthesiser")
    with subprocess.Popen(  # noqa: ASYNC220
        program, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pipesize=4096
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        request = {"text": "A garden.", "voice": "en-us", "rate": 160, "pitch": 50}
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.close()
        first = process.stdout.read(1)
        speaker = _child(process.pid)
        # The pipe is full, so the speaker sleeps in the middle of its answer.
        await wait_until(lambda: state_of(speaker) == "S")
        os.kill(speaker, signal.SIGSTOP)
        await wait_until(lambda: state_of(speaker) == "T")
        os.kill(speaker, signal.SIGCONT)
        header, _, pcm = (first + process.stdout.read()).partition(b"\n")
    assert len(pcm) == json.loads(header)["bytes"]


@pytest.mark.parametrize(
    ("text", "voice"),
    [("Hello.", GuestVoice("no-such-voice", 160, 50)), ("", GUEST_VOICES["Ada"]), ("...", GUEST_VOICES["Ada"])],
)
def test_a_text_that_cannot_be_spoken_raises_an_error(text: str, voice: GuestVoice) -> None:
    with pytest.raises(SpeechError):
        speech(text, voice)


@pytest.mark.parametrize(
    "make",
    [cough, lambda seed: keyboard(2, seed), lambda seed: music(2, seed), lambda seed: noise(2, seed)],
    ids=["cough", "keyboard", "music", "noise"],
)
def test_the_seed_determines_the_sound(make: Callable[[int], Sound]) -> None:
    assert np.array_equal(make(1), make(1))
    assert not np.array_equal(make(1), make(2))
    assert make(1).dtype == np.float32
    assert np.abs(make(1)).max() <= 1


def test_a_cough_begins_suddenly_and_dies_away() -> None:
    sound = cough(3)
    envelope = np.array([rms(part) for part in sound.reshape(-1, SAMPLE_RATE // 100)])
    loudest = int(envelope.argmax())
    assert envelope[: loudest + 4].max() > 4 * envelope[loudest + 12 : loudest + 25].mean()
    assert 0.5 < len(sound) / SAMPLE_RATE < 1

"""faster-whisper in its process: it hears, survives being killed, gives its memory back, says what is missing."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest

from bot.voice.heard import Sound16
from bot.voice.opus import load_opus
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.toy_whisper.sentences import SENTENCES
from bot.voice.transcribe.toy_whisper.speech import VOICES, noises, render, through_discord
from bot.voice.transcribe.toy_whisper.whisper_weights import toy_whisper
from bot.voice.transcribe.transcriber import TranscriptionError, TranscriptionRequest, Urgency
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from tts_server.engines import espeak_library


@pytest.fixture(scope="session")
def weights(cache_dir: Path) -> Path:
    return toy_whisper(cache_dir, lambda *_: None)


@pytest.fixture
async def transcriber(weights: Path) -> AsyncIterator[WhisperTranscriber]:
    options = WhisperOptions(str(weights), "cpu", 1, "en", "float32")
    transcriber = WhisperTranscriber(options, Corrections(), rest_seconds=0.2)
    yield transcriber
    await transcriber.close()


def spoken(text: str, voice: int = 0, pace: float = 1.02) -> Sound16:
    load_opus()
    sound = through_discord(render(espeak_library.load(), text, VOICES[voice], pace))
    return np.pad(sound, (4_000, 4_000))


def workers() -> list[psutil.Process]:
    children = psutil.Process().children(recursive=True)
    return [child for child in children if any("transcribe.worker" in part for part in child.cmdline())]


def final(sound: Sound16) -> TranscriptionRequest:
    return TranscriptionRequest(sound, Urgency.FINAL, ("Seiyuu", "Ada"))


async def test_it_hears_what_is_said_in_a_niced_process_of_its_own(transcriber: WhisperTranscriber) -> None:
    await transcriber.warm_up()
    (worker,) = workers()
    assert worker.nice() >= 10
    assert (await transcriber.transcribe(final(spoken("What time is it?")))).text == "What time is it?"
    assert "cpu, float32" in transcriber.describe()


async def test_it_hears_sentences_it_was_not_fitted_on_in_these_takes(transcriber: WhisperTranscriber) -> None:
    chosen = SENTENCES[::5]
    heard = [(await transcriber.transcribe(final(spoken(text, n % 3)))).text for n, text in enumerate(chosen)]
    assert sum(text == said for text, said in zip(heard, chosen, strict=True)) >= len(chosen) - 1


async def test_silence_and_noise_say_next_to_nothing(transcriber: WhisperTranscriber) -> None:
    assert (await transcriber.transcribe(final(np.zeros(32_000, np.float32)))).text == ""
    sounds = [sound for sound, _ in zip(noises(np.random.default_rng(5)), range(12), strict=False)]
    heard = [(await transcriber.transcribe(final(sound))).text for sound in sounds]
    assert sum(text != "" for text in heard) <= 4


async def test_broken_sound_is_no_harm(transcriber: WhisperTranscriber) -> None:
    sound = np.full(16_000, np.nan, np.float32)
    sound[::3] = np.inf
    assert (await transcriber.transcribe(final(sound))).text == ""


async def test_a_killed_process_is_started_again_and_the_turn_is_not_lost(transcriber: WhisperTranscriber) -> None:
    await transcriber.warm_up()
    asking = asyncio.create_task(transcriber.transcribe(final(spoken("Tell me a story."))))
    await asyncio.sleep(0)
    os.kill(workers()[0].pid, signal.SIGKILL)
    assert (await asking).text == "Tell me a story."


async def test_memory_is_given_back_after_a_rest_and_it_wakes_again(transcriber: WhisperTranscriber) -> None:
    await transcriber.warm_up()
    await transcriber.rest()
    async with asyncio.timeout(10):
        while workers():
            await asyncio.sleep(0.05)
    assert (await transcriber.transcribe(final(spoken("Thank you!")))).text == "Thank you!"


async def test_a_model_that_is_missing_is_said_quickly_and_not_downloaded() -> None:
    transcriber = WhisperTranscriber(WhisperOptions("no-such-model"), Corrections())
    began = time.monotonic()
    with pytest.raises(TranscriptionError, match="STT_MODEL"):
        await transcriber.warm_up()
    assert time.monotonic() - began < 20
    await transcriber.close()


def test_weights_are_made_once_and_a_broken_folder_is_made_again(weights: Path) -> None:
    before = (weights / "model.bin").stat().st_mtime_ns
    steps: list[float] = []
    assert toy_whisper(weights.parent, lambda done, _: steps.append(done)) == weights
    assert (weights / "model.bin").stat().st_mtime_ns == before
    assert steps == [1.0]

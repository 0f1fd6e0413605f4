"""Tests of the local transcriber. With toy weights it understands people, and replaces processes that die or hang."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import time
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soxr

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.answer_times import MIN_TIME_LIMIT, USUAL_TIME_FACTOR
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.transcriber import TranscriptionError, TranscriptionRequest, Urgency
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from config.project import ROOT
from sandbox.speech import ADA, BEN, GuestVoice, speech
from sandbox.speech_sounds import keyboard, noise
from sandbox.voice.opus import SAMPLE_RATE
from tests.timing import quickest
from tests.voice.transcribe.faulty_machine import PRINTED
from toys.whisper.phrases import HEARD_PHRASES


@pytest.fixture
async def transcriber(toy_ears: Path) -> AsyncIterator[WhisperTranscriber]:
    options = WhisperOptions(str(toy_ears), "cpu", 1, "en", "float32")
    transcriber = WhisperTranscriber(options, Corrections(), release_seconds=0.2)
    yield transcriber
    await transcriber.close()


def spoken(text: str, voice: GuestVoice = ADA) -> Sound16:
    sound = soxr.resample(speech(text, voice), SAMPLE_RATE, HEARING_RATE).astype(np.float32)
    return np.pad(sound, HEARING_RATE // 4)  # silence before and after it


def workers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children(recursive=True) if is_worker(child)]


def is_worker(process: psutil.Process) -> bool:
    try:
        return any("transcribe.worker" in part for part in process.cmdline())
    except psutil.NoSuchProcess:
        return False


def final(sound: Sound16) -> TranscriptionRequest:
    return TranscriptionRequest(sound, Urgency.FINAL, ("Seiyuu", "Ada"))


async def test_speech_is_transcribed_in_a_process_of_the_same_priority(transcriber: WhisperTranscriber) -> None:
    await transcriber.warm_up()
    (worker,) = workers()
    assert worker.nice() == psutil.Process().nice()
    assert (await transcriber.transcribe(final(spoken("What time is it?")))).text == "What time is it?"
    assert "cpu, float32" in transcriber.describe()


async def test_two_people_are_understood(transcriber: WhisperTranscriber) -> None:
    chosen = [phrase.text for phrase in HEARD_PHRASES[::6]]
    heard = [
        (await transcriber.transcribe(final(spoken(text, (ADA, BEN)[n % 2])))).text for n, text in enumerate(chosen)
    ]
    assert sum(text == said for text, said in zip(heard, chosen, strict=True)) >= len(chosen) - 1


async def test_silence_and_noise_have_no_words(transcriber: WhisperTranscriber) -> None:
    for sound in (np.zeros(96_000, np.float32), noise(2.0, 1), keyboard(2.0, 1)):
        heard = soxr.resample(sound, SAMPLE_RATE, HEARING_RATE).astype(np.float32)
        assert (await transcriber.transcribe(final(heard))).text == ""


async def test_sound_with_nan_and_infinity_has_no_words(transcriber: WhisperTranscriber) -> None:
    sound = np.full(16_000, np.nan, np.float32)
    sound[::3] = np.inf
    assert (await transcriber.transcribe(final(sound))).text == ""


async def test_a_killed_process_is_started_again_and_the_turn_is_transcribed(transcriber: WhisperTranscriber) -> None:
    await transcriber.warm_up()
    asking = asyncio.create_task(transcriber.transcribe(final(spoken("Tell me a story."))))
    await asyncio.sleep(0)
    os.kill(workers()[0].pid, signal.SIGKILL)
    assert (await asking).text == "Tell me a story."


async def test_a_hanging_process_is_noticed_soon_and_the_turn_is_transcribed(transcriber: WhisperTranscriber) -> None:
    await transcriber.warm_up()
    limit = 10.0  # for the start of a process, far more than it takes on a busy machine

    async def replacing() -> float:
        """Seconds from the time limit of a hanging process to the text of its successor."""
        usual = (await transcriber.transcribe(final(spoken("What time is it?")))).delay
        (hung,) = workers()
        hung.suspend()
        transcript = await transcriber.transcribe(final(spoken("Tell me a story.")))
        assert transcript.text == "Tell me a story."
        assert not hung.is_running()
        return transcript.delay - max(MIN_TIME_LIMIT, USUAL_TIME_FACTOR * usual)

    assert await quickest(replacing, limit) < limit


async def test_no_turn_is_lost_if_the_process_hangs_with_requests_in_the_queue(transcriber: WhisperTranscriber) -> None:
    await transcriber.warm_up()
    asking = [asyncio.create_task(transcriber.transcribe(final(spoken(text)))) for text in ("Thank you!", "Stop.")]
    await asyncio.sleep(0.01)
    workers()[0].suspend()
    assert [(await task).text for task in asking] == ["Thank you!", "Stop."]


@pytest.mark.slow
async def test_a_slow_recogniser_that_is_stopped_in_mid_answer_is_replaced_within_15_seconds(
    toy_ears: Path, tmp_path: Path
) -> None:
    """The recogniser's usual answers take so long that the time limit of an answer is much longer than 15 s.

    While it loads, it recognises a second of silence (16,000 samples). It is stopped at the first other sound.
    """
    slow = tmp_path / "worker.py"
    slow.write_text(
        "import pathlib, sys, time\n"
        "from bot.voice.transcribe import worker\n"
        f"began = pathlib.Path({str(tmp_path / 'began')!r})\n"
        "load, answer = worker._load, worker.Recogniser.transcribe\n"
        "def slow_to_load(*given):\n"
        "    recogniser, loaded = load(*given)\n"
        "    return recogniser, {**loaded, 'seconds': 6.0}\n"
        "def stops_once(*given, **options):\n"
        "    if len(given[1]) != 16_000 and not began.exists():\n"
        "        began.touch()\n"
        "        import os, signal\n"
        "        os.kill(os.getpid(), signal.SIGSTOP)\n"
        "    return answer(*given, **options)\n"
        "worker._load, worker.Recogniser.transcribe = slow_to_load, stops_once\n"
        "sys.exit(worker.main(worker.ThisMachine()))\n"
    )
    options = WhisperOptions(str(toy_ears), "cpu", 1, "en", "float32")
    transcriber = WhisperTranscriber(options, Corrections(), program=(str(slow),))
    await transcriber.warm_up()
    transcript = await transcriber.transcribe(final(spoken("Tell me a story.")))
    await transcriber.close()
    assert (tmp_path / "began").exists()
    assert transcript.text == "Tell me a story."
    assert transcript.delay < 15.0


async def test_a_process_that_hangs_while_it_loads_is_replaced_within_15_seconds(
    toy_ears: Path, tmp_path: Path
) -> None:
    hangs_once = tmp_path / "worker.py"
    hangs_once.write_text(
        "import pathlib, runpy, time\n"
        f"began = pathlib.Path({str(tmp_path / 'began')!r})\n"
        "if not began.exists():\n"
        "    began.touch()\n"
        "    time.sleep(600)\n"
        "runpy.run_module('bot.voice.transcribe.worker', run_name='__main__')\n"
    )
    options = WhisperOptions(str(toy_ears), "cpu", 1, "en", "float32")

    async def replacing() -> float:
        (tmp_path / "began").unlink(missing_ok=True)
        transcriber = WhisperTranscriber(options, Corrections(), program=(str(hangs_once),))
        began = time.monotonic()
        await transcriber.warm_up()
        replaced = time.monotonic()
        assert (await transcriber.transcribe(final(spoken("Stop.")))).text == "Stop."
        await transcriber.close()
        return replaced - began

    assert await quickest(replacing, 15.0) < 15.0


async def test_release_memory_does_nothing_after_close(toy_ears: Path) -> None:
    transcriber = WhisperTranscriber(WhisperOptions(str(toy_ears), "cpu", 1, "en", "float32"), Corrections())
    await transcriber.release_memory()
    await transcriber.close()
    await transcriber.release_memory()
    assert [task.get_name() for task in asyncio.all_tasks() if "release of memory" in task.get_name()] == []


async def test_a_worker_ends_with_the_process_that_started_it_even_while_it_is_busy(toy_ears: Path) -> None:
    """The parent is killed, so nobody closes the worker's streams or ends the worker."""
    parent = (
        "import subprocess, sys, time\n"
        "worker = subprocess.Popen([sys.executable, '-c', 'import bot.voice.transcribe.worker as w, time; "
        "w.serve = lambda *a: (print(1, file=sys.stderr), time.sleep(600)); import sys; w.main(None)'],"
        " stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)\n"
        "worker.stderr.readline()\n"
        "print(worker.pid, flush=True)\n"
        "time.sleep(600)\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", parent, cwd=ROOT, stdout=PIPE)
    assert process.stdout is not None
    worker = psutil.Process(int(await process.stdout.readline()))
    process.kill()
    await process.wait()
    _, alive = await asyncio.to_thread(psutil.wait_procs, [worker], 10.0)
    assert alive == []


async def test_after_release_memory_the_process_ends_and_is_started_again(
    transcriber: WhisperTranscriber,
) -> None:
    await transcriber.warm_up()
    await transcriber.release_memory()
    async with asyncio.timeout(30):
        while workers():
            await asyncio.sleep(0.05)
    assert (await transcriber.transcribe(final(spoken("Thank you!")))).text == "Thank you!"


async def test_a_missing_model_is_reported_quickly_and_not_downloaded() -> None:
    transcriber = WhisperTranscriber(WhisperOptions("no-such-model"), Corrections())
    began = time.monotonic()
    with pytest.raises(TranscriptionError, match="STT_MODEL"):
        await transcriber.warm_up()
    assert time.monotonic() - began < 20
    await transcriber.close()


async def test_words_of_somebody_who_still_speaks_get_no_second_attempt() -> None:
    program = ("-m", "tests.voice.transcribe.faulty_machine", "improbable text")
    transcriber = WhisperTranscriber(WhisperOptions("some-model", "cpu"), Corrections(), program=program)
    sound = np.full(32_000, 0.1, np.float32)
    try:
        texts = [
            (await transcriber.transcribe(TranscriptionRequest(sound, urgency))).text
            for urgency in (Urgency.ONLY_IF_IDLE, Urgency.ONLY_IF_IDLE, Urgency.FINAL)
        ]
    finally:
        await transcriber.close()
    # The faulty model's text ends with the number of attempts so far.
    first, second, final = (int(text.rstrip(".").rpartition(" ")[2]) for text in texts)
    assert (second - first, final - second) == (1, 2), "only the final request gets a second attempt"


@pytest.mark.parametrize(
    ("fault", "text", "described"),
    [
        ("no card", "I am quick.", "(cpu, int8), and Moonshine for English"),
        ("no English", "I run on cpu in int8.", "(cpu, int8). ⚠️ The model for English in {folder} can't be used"),
    ],
)
async def test_english_is_recognised_by_the_quick_model_if_it_can_be_used(
    tmp_path: Path, fault: str, text: str, described: str
) -> None:
    program = ("-m", "tests.voice.transcribe.faulty_machine", fault)
    options = WhisperOptions("some-model", "cpu", english=tmp_path)
    transcriber = WhisperTranscriber(options, Corrections(), program=program)
    try:
        transcript = await transcriber.transcribe(final(np.full(32_000, 0.1, np.float32)))
    finally:
        await transcriber.close()
    assert (transcript.text, transcript.language) == (text, "en")
    assert transcriber.describe() == f"faster-whisper some-model {described.format(folder=tmp_path)}"


async def test_whisper_recognises_english_too_on_a_graphics_card(tmp_path: Path) -> None:
    program = ("-m", "tests.voice.transcribe.faulty_machine", "none")
    options = WhisperOptions("some-model", "cuda", english=tmp_path)
    transcriber = WhisperTranscriber(options, Corrections(), program=program)
    try:
        transcript = await transcriber.transcribe(final(np.full(32_000, 0.1, np.float32)))
    finally:
        await transcriber.close()
    assert transcript.text == "I run on cuda:0 in float16."


async def test_sound_is_recognised_with_a_log_in_json_and_only_log_lines_are_on_standard_error(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LOG_FORMAT", "json")
    program = ("-m", "tests.voice.transcribe.faulty_machine", "prints")
    transcriber = WhisperTranscriber(WhisperOptions("some-model", "cpu"), Corrections(), program=program)
    try:
        transcript = await transcriber.transcribe(final(np.full(32_000, 0.1, np.float32)))
    finally:
        await transcriber.close()
    assert transcript.text == "I run on cpu in int8."
    lines = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    assert [line["message"] for line in lines].count(PRINTED) == 2, (
        "once for the second of silence at loading, and once for the sound"
    )

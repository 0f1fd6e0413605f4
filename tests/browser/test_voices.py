"""The view of the voices: they are heard, chosen, made from the microphone or a file, and deleted."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from playwright.async_api import Browser, BrowserContext, FilePayload, Page, expect

from audio.samples import Samples
from bot.http.page import Page as PageFiles
from tests.bot.http.api.api_stage import ApiStage, api_stage
from tests.browser import voice_pictures
from tests.browser.conftest import LIMIT, errors_of
from tests.browser.picture_command import SCHEMES, SIZES, Scheme
from tests.browser.recording import Recording
from tests.browser.test_looks import axe_source, findings
from tests.e2e.program import program
from tests.e2e.test_page import page_of
from tests.timing import wait_until
from tests.tts_server.stand_in_engines import CountingEngine
from tests.tts_server.voices.sounds import good_files, seconds_of_speech
from tts_server.engines.base import Voice
from tts_server.engines.stand_in import Pitch, StandInEngine
from tts_server.voices.decoding import RATE
from wire.parameters import SpeechParameters
from wire.presets import COMMON_FILE, Presets

pytestmark = pytest.mark.browser
RECORDED = 60_000
"""Longest wait for a recording of 10 s, or for the voice that is learned from it, in milliseconds."""
STARTED = 60_000
"""Longest wait for the start of a call, in milliseconds."""


class RememberingEngine(StandInEngine):
    """Remembers with which voices and speeds it spoke."""

    spoken: ClassVar[list[tuple[str, float | None]]] = []

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        self.spoken.append((voice.id, parameters.speed))
        return super().synthesize(text, voice, parameters, stop)


def spoke(voice: str, speed: float | None) -> bool:
    """Whether the engine has spoken last with this voice and this speed."""
    return RememberingEngine.spoken[-1:] == [(voice, speed)]


@asynccontextmanager
async def voices_view(context: BrowserContext, stage: ApiStage) -> AsyncIterator[Page]:
    """The view, open. A test fails if the view has reported an error."""
    page = await context.new_page()
    page.set_default_timeout(LIMIT)
    errors = errors_of(page)
    await page.goto(f"{stage.web.server.url}#voices")
    await expect(page.get_by_test_id("chosen-voice")).not_to_be_empty()
    yield page
    # The browser writes each answer with an error status to the console, too.
    assert [error for error in errors if "Failed to load resource" not in error] == []


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[ApiStage]:
    RememberingEngine.spoken.clear()
    presets = Presets.read(COMMON_FILE)
    async with api_stage(tmp_path, engine=RememberingEngine, page=PageFiles.load(), presets=presets) as stage:
        yield stage


@pytest.fixture
async def page(context: BrowserContext, stage: ApiStage) -> AsyncIterator[Page]:
    async with voices_view(context, stage) as page:
        yield page


PLAY = """([samples, rate]) => {
  const {context, destination} = testMicrophone;
  const buffer = new AudioBuffer({ length: samples.length, sampleRate: rate });
  buffer.copyToChannel(Float32Array.from(samples), 0);
  const source = new AudioBufferSourceNode(context, { buffer, loop: true });
  source.connect(destination);
  source.start();
}"""
"""Plays sound into the microphone again and again."""


LISTEN = """() => {
  const {context, output} = seiyuu;
  const listener = context.createScriptProcessor(4096, 1, 1);
  globalThis.testRecording = [];
  listener.onaudioprocess = ({inputBuffer}) => testRecording.push(inputBuffer.getChannelData(0).slice());
  output.connect(listener).connect(context.destination);
  globalThis.testListener = listener;
  return context.sampleRate;
}"""
"""Records what the page plays. This script is not fetched from the server, since a real one serves no scripts for
tests.
"""


async def say_into_microphone(page: Page) -> None:
    speech = np.round(seconds_of_speech(7), 4)
    await page.evaluate(PLAY, [speech.tolist(), RATE])


async def record(page: Page, name: str = "Robin") -> None:
    """Record ten seconds. The person is asked before."""
    await page.get_by_test_id("new-voice").fill(name)
    await page.get_by_test_id("record").click()
    question = page.get_by_test_id("ask")
    await expect(question).to_contain_text(
        f"May I record 10 seconds of your voice, so that I can speak with it as {name}?"
    )
    await expect(question).to_contain_text("The people who run me keep the recording until that voice is deleted.")
    await page.get_by_test_id("ask-yes").click()
    await expect(page.get_by_test_id("recorder-status")).to_contain_text("Get ready")
    await wait_until(lambda: page.evaluate("testMicrophone.destination !== undefined"))
    await say_into_microphone(page)
    await expect(page.get_by_test_id("recorder-status")).to_contain_text("Recorded", timeout=RECORDED)


async def test_a_voice_is_recorded_heard_saved_chosen_and_deleted(page: Page, stage: ApiStage) -> None:
    await record(page)
    assert await page.evaluate("testMicrophone.tracks.every((track) => track.readyState === 'ended')")
    await page.get_by_test_id("hear").click()
    await expect(page.get_by_test_id("hear")).to_have_text("Stop")
    await page.get_by_test_id("hear").click()
    await expect(page.get_by_test_id("hear")).to_have_text("Listen")
    await page.get_by_test_id("save-voice").click()
    await expect(page.get_by_test_id("recorder-status")).not_to_contain_text("learning", timeout=RECORDED)
    assert await page.get_by_test_id("recorder-problem").text_content() == ""
    await expect(page.get_by_test_id("recorder-status")).to_contain_text(
        "I can speak as Robin now. Its similarity to the recording is "
    )
    assert "voices/robin/1.flac" in stage.voices.written()
    await page.get_by_test_id("use-new").click()
    await expect(page.get_by_test_id("chosen-voice")).to_have_text("Robin")
    await page.get_by_test_id("listen").click()
    await wait_until(lambda: RememberingEngine.spoken[-1:] == [("robin", None)])
    await page.get_by_test_id("voice-robin").get_by_test_id("delete").click()
    await expect(page.get_by_test_id("ask")).to_contain_text("Delete Robin and its recordings for good?")
    await page.get_by_test_id("ask-no").click()
    await expect(page.get_by_test_id("voice-robin")).to_be_visible()
    await page.get_by_test_id("voice-robin").get_by_test_id("delete").click()
    await page.get_by_test_id("ask-yes").click()
    await expect(page.get_by_test_id("voice-robin")).to_be_hidden()
    await expect(page.get_by_test_id("chosen-voice")).to_have_text("A tone")
    assert stage.voices.written() == ["api.sqlite3", "api.sqlite3-shm", "api.sqlite3-wal", "voices"]


async def test_without_a_yes_nothing_is_recorded(page: Page) -> None:
    await page.get_by_test_id("record").click()
    await expect(page.get_by_test_id("recorder-problem")).to_have_text("Give the voice a name first.")
    await page.get_by_test_id("new-voice").fill("Robin")
    await page.get_by_test_id("record").click()
    await page.keyboard.press("Escape")
    await expect(page.get_by_test_id("recorder-status")).to_have_text("Not recorded: you said no.")
    assert await page.evaluate("testMicrophone.asked.length") == 0


async def test_a_recording_is_not_kept_if_the_person_leaves_the_view_before_its_end(page: Page) -> None:
    await page.get_by_test_id("new-voice").fill("Robin")
    await page.get_by_test_id("record").click()
    await page.get_by_test_id("ask-yes").click()
    await wait_until(lambda: page.evaluate("testMicrophone.tracks.length > 0"))
    await page.evaluate("location.hash = '#talk'")
    await wait_until(lambda: page.evaluate("testMicrophone.tracks.every((track) => track.readyState === 'ended')"))
    await page.evaluate("location.hash = '#voices'")
    await expect(page.get_by_test_id("recorder-status")).to_have_text("Stopped. I kept nothing.")


async def test_a_preset_changes_what_the_engine_gets(page: Page, stage: ApiStage) -> None:
    await expect(page.get_by_test_id("preset-usual")).to_be_checked()
    for preset, speed in (("energetic", 1.1), ("calm", 0.9), ("usual", None)):
        await page.get_by_test_id(f"preset-{preset}").check()
        await page.get_by_test_id("listen").click()
        await wait_until(partial(spoke, "tone", speed))
        await expect(page.get_by_test_id("listen")).to_have_text("Listen")
    await page.get_by_test_id("preset-energetic").check()
    await expect(page.get_by_test_id("voices-status")).to_contain_text("Stored")
    await page.reload()
    await expect(page.get_by_test_id("preset-energetic")).to_be_checked()
    await expect(page.get_by_test_id("slider-speed")).to_have_value("1.1")


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_axe_finds_no_barrier(browser: Browser, axe: Path, tmp_path: Path, scheme: Scheme) -> None:
    source = await axe_source(axe)
    width, height = SIZES["phone" if scheme == "dark" else "wide"]
    context = await browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
    presets = Presets.read(COMMON_FILE)
    async with api_stage(tmp_path, engine=StandInEngine, page=PageFiles.load(), presets=presets) as stage:
        page = await context.new_page()
        for state in (voice_pictures.chosen, voice_pictures.deleting, voice_pictures.away):
            await state(page, stage)
            assert await findings(page, source) == [], state.__name__
            assert await page.evaluate("document.documentElement.scrollWidth") <= width
            await page.goto("about:blank")
    await context.close()


async def test_sliders_change_what_reaches_the_speech_server(page: Page, stage: ApiStage) -> None:
    await page.get_by_test_id("slider-speed").fill("1.5")
    await page.get_by_test_id("slider-pitch_shift").fill("-2")
    await expect(page.get_by_test_id("voices-status")).to_contain_text("Stored")
    await page.get_by_test_id("listen").click()
    await wait_until(lambda: RememberingEngine.spoken[-1:] == [("tone", 1.5)])
    await page.reload()
    await expect(page.get_by_test_id("slider-speed")).to_have_value("1.5")
    await expect(page.get_by_test_id("slider-pitch_shift")).to_have_attribute("aria-valuetext", "2 semitones lower")
    await page.get_by_test_id("voice-place").select_option("1")
    await expect(page.get_by_test_id("slider-speed")).to_have_value("1")
    await page.get_by_test_id("slider-speed").fill("0.5")
    await expect(page.get_by_test_id("voices-status")).to_contain_text("Stored")
    await page.get_by_test_id("voice-place").select_option("browser")
    await page.get_by_test_id("reset").click()
    await expect(page.get_by_test_id("reset")).to_be_disabled()
    answer = await stage.web.ask("/api/voices")
    assert [place["manner"] for place in answer.json["places"]] == [{}, {"speed": 0.5}]


async def test_a_file_becomes_a_voice(page: Page) -> None:
    file = page.get_by_test_id("voice-file")
    await file.set_input_files({"name": "big.wav", "mimeType": "audio/wav", "buffer": bytes(26 * 1024**2)})
    await expect(page.get_by_test_id("recorder-problem")).to_have_text("That file is too large: 25 MB is the limit.")
    await file.set_input_files({"name": "broken.wav", "mimeType": "audio/wav", "buffer": b"nonsense"})
    await page.get_by_test_id("save-voice").click()
    await page.get_by_test_id("ask-yes").click()
    await expect(page.get_by_test_id("recorder-problem")).to_contain_text("not a recording format that I know")
    await page.get_by_test_id("discard").click()
    await file.set_input_files({"name": "Ada.mp3", "mimeType": "audio/mpeg", "buffer": good_files()["mp3"]})
    await page.get_by_test_id("new-voice").fill("Ada")
    await page.get_by_test_id("save-voice").click()
    await expect(page.get_by_test_id("ask")).to_contain_text("Does the person in this recording agree")
    await page.get_by_test_id("ask-yes").click()
    await expect(page.get_by_test_id("voice-ada")).to_contain_text("made here")


async def test_an_engine_that_can_not_clone_keeps_the_recording(context: BrowserContext, tmp_path: Path) -> None:
    async with (
        api_stage(tmp_path, engine=lambda *_, **__: CountingEngine(), page=PageFiles.load()) as stage,
        voices_view(context, stage) as page,
    ):
        await expect(page.get_by_test_id("advice")).to_contain_text("TTS_ENGINE=xtts")
        file: FilePayload = {"name": "Ada.wav", "mimeType": "audio/wav", "buffer": good_files()["wav"]}
        await page.get_by_test_id("voice-file").set_input_files(file)
        await page.get_by_test_id("save-voice").click()
        await page.get_by_test_id("ask-yes").click()
        await expect(page.get_by_test_id("recorder-status")).to_have_text("The recording of Ada is kept.")
        await expect(page.get_by_test_id("voice-ada")).to_contain_text("counting can't speak with it")
        await expect(page.get_by_test_id("voice-ada").get_by_test_id("use")).to_have_count(0)


async def test_during_a_call_a_preview_says_why_it_waits(context: BrowserContext, stage: ApiStage) -> None:
    page = await context.new_page()
    await page.goto(f"{stage.web.server.url}#voices")
    await stage.gate.hold("a call")
    await page.get_by_test_id("voice-tone").get_by_test_id("preview").click()
    await expect(page.get_by_test_id("voices-problem")).to_contain_text("A call is on")


async def test_a_voice_recorded_on_the_page_speaks_the_next_answer(
    context: BrowserContext, tmp_path: Path, cache_dir: Path
) -> None:
    settings = {"TTS_ENGINE": "stand-in", "TTS_FALLBACK": "stand-in", "CACHE_DIR": str(cache_dir)}
    async with program("talk", folder=tmp_path, **settings) as process:
        page = await context.new_page()
        await page.goto(await page_of(process))
        await page.evaluate("location.hash = '#voices'")
        await expect(page.get_by_test_id("voice-tone")).to_be_visible(timeout=STARTED)
        await record(page)
        await page.get_by_test_id("save-voice").click()
        await page.get_by_test_id("use-new").click(timeout=STARTED)
        await expect(page.get_by_test_id("chosen-voice")).to_have_text("Robin")
        await page.evaluate("location.hash = '#talk'")
        await page.get_by_test_id("talk").click()
        await expect(page.get_by_test_id("talk")).to_contain_text("Listening", timeout=STARTED)
        heard = Recording(page, int(await page.evaluate(LISTEN)))
        await page.get_by_test_id("text").fill("How are you?")
        await page.get_by_test_id("send").click()
        await expect(page.get_by_test_id("captions")).to_contain_text("fine", timeout=STARTED)
        await expect(page.get_by_test_id("talk")).to_contain_text("Listening", timeout=STARTED)
        spoken = Pitch.of(await heard.sound(), heard.rate)
        recorded = Pitch.of(seconds_of_speech(10), RATE)
        assert spoken.hz == pytest.approx(recorded.hz, rel=0.1)
        assert spoken.hz != pytest.approx(220, rel=0.1), "that would be the usual voice"

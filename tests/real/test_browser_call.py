"""A call in a real Chromium with real weights: the page plays and shows the words of the bot's answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soxr

from audio.samples import HEARING_RATE, Samples
from benchmarks.browser.call import CHROMIUM, BrowserCall
from bot.own_weights import OwnWeights
from bot.voice.events import ReplyEnded, UtteranceHeard
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.transcriber import TranscriptionRequest, Urgency
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from bot.voice.turn import Outcome
from sandbox.guest_lines import recorded_lines
from sandbox.speech_sounds import cough
from sandbox.word_errors import NO_WORDS, word_errors

REAL = {"PROFILE": "embedded", "WEIGHTS": "real", "STT_LANGUAGE": "en"}
MAX_ERRORS = 10.0
"""The largest word error rate of what the page played, in percent."""
CUT_OFF = 3
"""Maximum number of wrong words in a story that is cut off, possibly within a word."""
STORIES = 4
"""Maximum number of stories that the model is asked for. A small model's story may be over after one sentence."""
Answer = tuple[str, Samples]
"""The text of an answer as far as it was heard, and the sound that the page played."""


class Ada:
    """The person at the page. She speaks into the microphone, and hears what the page plays."""

    def __init__(self, call: BrowserCall) -> None:
        self._call = call
        self._lines = recorded_lines()

    async def asks(self, name: str) -> Answer:
        """Say a line, and hear the answer to it to its end."""
        await self.says(name)
        await self._call.said()
        return await self.hears_answer()

    async def says(self, name: str) -> None:
        """Begin to say a line. What was heard before is forgotten."""
        await self.forgets()
        await self._call.say(self._lines[name].read())

    async def hears_answer(self) -> Answer:
        """Hear an answer to its end.

        If a line has a pause, the bot may answer its first part. Then the rest of the line interrupts that answer.
        """
        while (ended := await self._call.reply_ended()).trace.outcome is Outcome.INTERRUPTED:
            await self.forgets()
        assert ended.trace.outcome is Outcome.SPOKEN
        await self._call.silence()
        return ended.heard, self._call.played.since(0)

    async def forgets(self) -> None:
        await self._call.played.collect()
        self._call.played.forget()

    async def interrupts_story(self) -> Answer:
        """Ask for a story, cough into it, and then speak into it. Returns what was heard of it."""
        for _ in range(STORIES):
            if await self.coughs_into_story():
                break
        else:
            pytest.fail(f"all stories were too short to interrupt: {self.ended()}")
        await self._call.say(self._lines["interruption"].read())
        story = await self._call.reply_ended()
        assert story.trace.outcome is Outcome.INTERRUPTED
        await self._call.played.collect()
        return story.heard, self._call.played.since(0)

    async def coughs_into_story(self) -> bool:
        """Ask for a story, and cough when it is heard. Returns whether the story goes on for some seconds."""
        call = self._call
        await self.says("story")
        await call.said()
        await call.heard(0.5)
        turns, ended = self.turns(), self.ended()
        await call.say(cough(1))
        await call.said()
        await call.heard(3.0)
        assert self.turns() == turns, "a cough is no turn"
        if self.ended() == ended:
            return True
        assert (await call.reply_ended()).trace.outcome is Outcome.SPOKEN, "a cough is no interruption"
        return False

    def turns(self) -> list[str]:
        """The words that the bot has heard."""
        return [event.text for event in self._call.events if isinstance(event, UtteranceHeard)]

    def ended(self) -> list[str]:
        """The answers that are over."""
        return [event.heard for event in self._call.events if isinstance(event, ReplyEnded)]


@pytest.mark.timeout(400)
async def test_the_page_plays_and_shows_the_same_words_despite_a_cough_and_an_interruption(
    weights: OwnWeights, tmp_path: Path
) -> None:
    if not any(map(shutil.which, CHROMIUM)):
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    assert weights.stt is not None and weights.llm is not None and weights.voice is not None
    async with BrowserCall(tmp_path, REAL) as call:
        ada = Ada(call)
        # A story at the beginning is a long one.
        story = await ada.interrupts_story()
        await ada.forgets()
        # What is heard from now on is the answer to the interruption, and no more of the story.
        answers = [await ada.hears_answer(), await ada.asks("capital"), await ada.asks("hello")]
        captions = await call.page.get_by_test_id("captions").locator("p").all_text_contents()
        reply = await call.page.get_by_test_id("reply").text_content()
        turns, rate = ada.turns(), call.played.rate
        assert call.errors == []

    assert [line for line in captions if line.startswith("You: ")] == [f"You: {turn}" for turn in turns]
    assert set(captions) >= {f"Seiyuu: {text}" for text, _ in answers}
    assert reply == answers[-1][0]
    (interrupted,) = [line for line in captions if line.endswith("(interrupted)")]
    assert interrupted.startswith(f"Seiyuu: {story[0].split()[0]}")

    heard = await _recognised(str(weights.stt), [sound for _, sound in (story, *answers)], rate)
    texts = [*zip((text for text, _ in (story, *answers)), heard, strict=True)]
    assert word_errors(*texts[0]).errors <= CUT_OFF, texts[0]
    errors = sum((word_errors(*each) for each in texts[1:]), NO_WORDS)
    assert errors.percent <= MAX_ERRORS, texts


async def _recognised(model: str, sounds: list[Samples], rate: int) -> list[str]:
    ears = WhisperTranscriber(WhisperOptions(model, "cpu", language="en"), Corrections())
    try:
        requests = [
            TranscriptionRequest(np.asarray(soxr.resample(sound, rate, HEARING_RATE)), Urgency.FINAL, ("Ada",))
            for sound in sounds
        ]
        return [(await ears.transcribe(request)).text for request in requests]
    finally:
        await ears.close()

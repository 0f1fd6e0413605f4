"""A call in a real Chromium with real weights: the page plays and shows the words of the bot's answers."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import soxr

from audio.samples import HEARING_RATE, Samples
from benchmarks.browser.call import CHROMIUM, PageCall
from bot.own_weights import OwnWeights
from bot.voice.events import ReplyEnded, UtteranceHeard
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.transcriber import TranscriptionRequest, Urgency
from bot.voice.transcribe.whisper import WhisperOptions, WhisperTranscriber
from bot.voice.turn import Outcome
from sandbox.guest_lines import recorded_lines
from sandbox.speech_sounds import cough
from sandbox.word_errors import NO_WORDS, letter_errors

REAL = {"PROFILE": "embedded", "WEIGHTS": "real", "STT_LANGUAGE": "en"}
MAX_WRONG_LETTERS_PERCENT = 8.0
"""The largest percentage of wrong letters in the sound that the page played.

Letters are counted, since a recogniser may join two words: "the rivers a" for "the river is a" has one wrong letter.
"""
MAX_WRONG_LETTERS_IF_CUT_OFF = 12
"""Maximum number of wrong letters in a story that is cut off, possibly within a word: three words of four letters."""
MAX_STORIES = 4
"""Maximum number of stories that the model is asked for. A small model's story may be over after one sentence."""
Answer = tuple[str, Samples]
"""The text of an answer as far as it was heard, and the sound that the page played."""


class Ada:
    """The person at the page. She speaks into the microphone, and hears what the page plays."""

    def __init__(self, call: PageCall) -> None:
        self._call = call
        self._lines = recorded_lines()

    async def asks(self, name: str) -> Answer:
        """Say a line, and hear the whole answer."""
        await self.says(name)
        await self._call.said()
        return await self.hears_answer()

    async def says(self, name: str) -> None:
        """Forget the sound that was heard so far, and begin to say a line."""
        await self.forgets()
        await self._call.say(self._lines[name].read())

    async def hears_answer(self) -> Answer:
        """Hear an answer until it is over.

        If a line has a pause, the bot may answer its first part. Then the rest of the line interrupts that answer.
        """
        while (ended := await self._call.reply_ended()).trace.outcome is Outcome.INTERRUPTED:
            await self.forgets()
        assert ended.trace.outcome is Outcome.SPOKEN
        await self._call.silence()
        return ended.heard, self._call.played.since(0)

    async def forgets(self) -> None:
        """Forget the sound that was heard so far."""
        await self._call.played.collect()
        self._call.played.forget()

    async def interrupts_story(self) -> Answer:
        """Ask for a story, cough during the story, and then interrupt it. Returns the part that was heard."""
        for _ in range(MAX_STORIES):
            if await self.coughs_during_story():
                break
        else:
            pytest.fail(f"all stories were too short to interrupt: {self.finished_answers()}")
        await self._call.say(self._lines["interruption"].read())
        story = await self._call.reply_ended()
        assert story.trace.outcome is Outcome.INTERRUPTED
        await self._call.played.collect()
        return story.heard, self._call.played.since(0)

    async def coughs_during_story(self) -> bool:
        """Ask for a story, and cough while the bot tells it. Returns whether the story goes on for some seconds."""
        call = self._call
        await self.says("story")
        await call.said()
        await call.heard(0.5)
        utterances, answers = self.utterances(), self.finished_answers()
        await call.say(cough(1))
        await call.said()
        await call.heard(3.0)
        assert self.utterances() == utterances, "a cough is no utterance"
        if self.finished_answers() == answers:
            return True
        assert (await call.reply_ended()).trace.outcome is Outcome.SPOKEN, "a cough is no interruption"
        return False

    def utterances(self) -> list[str]:
        """The words that the bot has heard."""
        return [event.text for event in self._call.events if isinstance(event, UtteranceHeard)]

    def finished_answers(self) -> list[str]:
        """The answers that are over."""
        return [event.heard for event in self._call.events if isinstance(event, ReplyEnded)]


@pytest.mark.timeout(400)
async def test_the_page_plays_and_shows_the_same_words_despite_a_cough_and_an_interruption(
    weights: OwnWeights, tmp_path: Path
) -> None:
    if not any(map(shutil.which, CHROMIUM)):
        pytest.skip("needs Chromium (Debian: apt install chromium)")
    assert weights.stt is not None and weights.llm is not None and weights.voice is not None
    async with PageCall(tmp_path, REAL) as call:
        ada = Ada(call)
        # The story comes first, because the model tells a longer story at the beginning of a call.
        story = await ada.interrupts_story()
        await ada.forgets()
        # The story is over, so the next sound is the answer to the interruption.
        answers = [await ada.hears_answer(), await ada.asks("capital"), await ada.asks("hello")]
        captions = await call.page.get_by_test_id("captions").locator("p").all_text_contents()
        reply = await call.page.get_by_test_id("reply").text_content()
        utterances, rate = ada.utterances(), call.played.rate
        assert call.errors == []

    assert [line for line in captions if line.startswith("You: ")] == [f"You: {utterance}" for utterance in utterances]
    assert set(captions) >= {f"Seiyuu: {text}" for text, _ in answers}
    assert reply == answers[-1][0]
    (interrupted,) = [line for line in captions if line.endswith("(interrupted)")]
    assert interrupted.startswith(f"Seiyuu: {story[0].split()[0]}")

    heard = await _recognised(str(weights.stt), [sound for _, sound in (story, *answers)], rate)
    texts = [*zip((text for text, _ in (story, *answers)), heard, strict=True)]
    assert letter_errors(*texts[0]).errors <= MAX_WRONG_LETTERS_IF_CUT_OFF, texts[0]
    errors = sum((letter_errors(*each) for each in texts[1:]), NO_WORDS)
    assert errors.percent <= MAX_WRONG_LETTERS_PERCENT, texts


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

"""The quick model for English is believed only where it is sure of its words, and otherwise Whisper is asked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.english_first import EnglishFirst, EnglishTranscript
from bot.voice.transcribe.hallucinations import TranscriptSegment
from bot.voice.transcribe.recogniser import RecognitionResult

SOUND = np.full(HEARING_RATE, 0.1, np.float32)
HINT = "Seiyuu, Ada, Ben."


@dataclass
class English:
    """A model that gives this transcript. It keeps the sounds, and the names that it is told to look for."""

    text: str = "What time is it?"
    log_probability: float = -0.05
    cut_off: bool = False
    called: bool = False
    heard: list[Sound16] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def transcribe(self, sound: Sound16, name: str = "") -> EnglishTranscript:
        self.heard.append(sound)
        self.names.append(name)
        return EnglishTranscript(self.text, self.log_probability, self.cut_off, self.called)


class Whisper:
    """A recogniser whose transcript is always the same. It keeps the arguments of each request.

    Args:
        loop: whether it ends in a loop when it is asked for one attempt only (``once``).
    """

    compute_type = "int8"

    def __init__(self, loop: bool = False) -> None:
        self._loop = loop
        self.asked: list[tuple[str | None, bool]] = []

    def transcribe(
        self,
        sound: Sound16,
        hot_words: str | None = None,
        usual: str | None = None,
        *,
        once: bool = False,
        word_times: bool = False,
    ) -> RecognitionResult:
        self.asked.append((usual, once))
        if once and self._loop:
            return RecognitionResult([TranscriptSegment("Stop it now. Stop it now.")], "en", None)
        return RecognitionResult([TranscriptSegment("Whisper's words.")], "de", 0.9)


def words(english: English, sound: Sound16 = SOUND, **asked: Any) -> str:
    found = EnglishFirst(english, Whisper()).transcribe(sound, **asked)
    assert found.by_english == (found.language == "en")
    return " ".join(segment.text for segment in found.segments)


@pytest.mark.parametrize("usual", [None, "en"])
def test_sure_words_are_kept(usual: str | None) -> None:
    assert words(English(), hot_words=HINT, usual=usual) == "What time is it?"


@pytest.mark.parametrize(
    "english",
    [
        pytest.param(English(log_probability=-0.3), id="unsure"),
        pytest.param(English(text=""), id="nothing"),
        pytest.param(English(cut_off=True), id="cut off"),
        pytest.param(English("Why is the sky blue? Why is the sky blue?"), id="twice"),
        pytest.param(English("Say you, what time is it?"), id="the bot's name"),
        pytest.param(English("What do you think say you owe?"), id="its name at the end"),
    ],
)
def test_doubtful_words_are_left_to_whisper(english: English) -> None:
    assert words(english, hot_words=HINT, usual="en") == "Whisper's words."


def test_a_name_may_be_wrong_while_its_speaker_goes_on() -> None:
    assert words(English("Say you, what"), hot_words=HINT, usual="en", once=True) == "Say you, what"


@pytest.mark.parametrize("text", ["Seiyuu, what time is it?", "Ada said that Ben is late."])
def test_names_that_are_written_as_they_should_be_are_kept(text: str) -> None:
    assert words(English(text), hot_words=HINT) == text


def test_the_bots_name_at_the_beginning_needs_no_whisper() -> None:
    english = English("Seiyuu, they say you won.", called=True)
    assert words(english, hot_words=HINT, usual="en") == "Seiyuu, they say you won."
    assert english.names == ["Seiyuu"]
    assert words(English("Seiyuu, they say you won.", -0.3, called=True), hot_words=HINT) == "Whisper's words."


def test_whoever_speaks_another_language_is_not_heard_in_english() -> None:
    english = English()
    assert words(english, usual="de") == "Whisper's words."
    assert english.heard == []


def test_words_of_somebody_who_still_speaks_may_be_less_sure_if_that_person_speaks_english() -> None:
    going_on = English(log_probability=-0.4)
    assert words(going_on, usual="en", once=True) == "What time is it?"
    assert words(going_on, usual=None, once=True) == "Whisper's words."
    assert words(English(log_probability=-0.25), usual=None, once=True) == "What time is it?"
    assert words(going_on, usual="en") == "Whisper's words."


def test_whisper_is_asked_for_times_of_words_and_for_very_long_sounds() -> None:
    assert words(English(), word_times=True) == "Whisper's words."
    assert words(English(), np.zeros(31 * HEARING_RATE, np.float32)) == "Whisper's words."


def test_hostile_samples_do_not_reach_the_model() -> None:
    english = English()
    words(english, np.array([np.nan, np.inf, -5.0, 0.5], np.float32))
    assert np.isfinite(english.heard[0]).all()
    assert np.abs(english.heard[0]).max() <= 1


def test_the_language_of_somebody_new_is_as_sure_as_the_words() -> None:
    found = EnglishFirst(English(log_probability=-0.1), Whisper()).transcribe(SOUND)
    assert found.language_probability == pytest.approx(np.exp(-0.1))


@pytest.mark.parametrize(
    ("log_probability", "loop", "asked"),
    [
        (-0.05, False, [("en", True)]),
        (-0.25, False, [("en", True)]),
        (-0.25, True, [("en", True), ("en", False)]),
        (-0.6, False, [(None, False)]),
    ],
)
def test_whisper_needs_one_attempt_for_what_is_surely_english_unless_it_ends_in_a_loop(
    log_probability: float, loop: bool, asked: list[tuple[str | None, bool]]
) -> None:
    whisper = Whisper(loop)
    found = EnglishFirst(English("Say you, stop.", log_probability), whisper).transcribe(SOUND, HINT)
    assert whisper.asked == asked
    assert found.segments[0].text == "Whisper's words."

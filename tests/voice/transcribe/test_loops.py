"""Tests of loops in transcripts: those of a stuck recogniser are removed, and people may repeat themselves."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.samples import HEARING_RATE
from bot.voice.transcribe.hallucinations import HallucinationFilter, TranscriptSegment
from bot.voice.transcribe.loops import find_loop

FILTER = HallucinationFilter()
STUCK = (
    "Dallad, Dallad, Dallad, Dallad, D",
    "Dallad, " * 9 + "Dall",
    "Dallad, " * 6,
    "Bitcoin. Bitcoin. Bitcoin. Bitcoin. Bitcoin. Bitcoin.",
    "the the the the the the the the the the the the the",
    "Thank you so. " * 6,
    "I'm going to " * 5,
    "¡Muy bien! " * 6,
    "oder nicht, oder nicht, oder nicht, oder nicht, oder nicht, oder nicht",
    "lalalalalalalalalalalalalalalalalalalalala",
    "H" + "m" * 40,
    "спасибо спасибо спасибо спасибо спасибо спасибо",
    "ありがとう" * 6,
    "谢谢观众" * 6,
    "감사합니다 " * 6,
    "شكرا جزيلا " * 6,
    "धन्यवाद " * 8,
    "ขอบคุณครับ" * 6,
    "ευχαριστώ " * 6,
)
SAID = (
    "No, no, no, no, no, no!",
    "no no no no",
    "Very, very, very good.",
    "Ha ha ha ha ha ha!",
    "Hahahahahaha",
    "Bye, bye, bye, bye.",
    "Yeah, yeah, yeah, yeah, yeah.",
    "Please, please, please, please, please!",
    "Stop, stop, stop, stop, stop!",
    "La la la la la la la la.",
    "One two three four five six seven eight nine ten.",
    "Eins, zwei, drei, vier, fünf, sechs, sieben, acht.",
    "My number is five five five, five five five five.",
    "Zero zero zero zero zero zero seven.",
    "It is 5555 5555.",
    "1, 2, 1, 2, 1, 2, 1, 2.",
    "I don't know, I don't know, I don't know!",
    "Come on, come on, come on, come on!",
    "Again and again and again and again.",
    "Seiyuu! Seiyuu! Seiyuu!",
    "Нет, нет, нет, нет!",
    "哈哈哈哈哈哈",
    "不不不不不",
    "はいはいはいはい",
    "ダメダメダメダメ",
    "네네네네네",
    "لا لا لا لا لا",
    "Ja, ja, ja, ja, ja.",
    "www.seiyuu.example",
    "Left, right, left, right, left, right, left.",
    "Really, really, really red.",
    "No, no, no, no, n",
    "Duran Duran, New York, New York.",
)


def kept(*segments: TranscriptSegment, seconds: float = 3.0) -> str:
    return FILTER.filter(segments, np.full(int(seconds * HEARING_RATE), 0.1, np.float32))


@pytest.mark.parametrize("text", STUCK)
def test_a_loop_is_removed_in_any_language_and_script(text: str) -> None:
    assert kept(TranscriptSegment(text, 0.05, -0.3, 1.9)) == ""
    assert kept(TranscriptSegment(text)) == ""


@pytest.mark.parametrize("text", SAID)
def test_people_may_repeat_themselves(text: str) -> None:
    assert kept(TranscriptSegment(text, 0.05, -0.3, 1.1)) == text
    assert kept(TranscriptSegment(text)) == text


def test_a_loop_may_have_a_segment_for_each_repetition() -> None:
    assert kept(*[TranscriptSegment(" Dallad.", 0.05, -0.3, 0.8)] * 7) == ""


def test_fewer_repetitions_make_a_loop_if_the_recogniser_was_cut_off() -> None:
    text = "Dallad, Dallad, Dallad, Dallad"
    assert kept(TranscriptSegment(text, 0.05, -0.3, 1.4, cut_off=True)) == ""
    assert kept(TranscriptSegment(text, 0.05, -0.3, 1.4)) == text
    # A short word that is repeated very fast can fill the recogniser's limit of tokens, too.
    fast = "No, no, no, no, no, no, no,"
    assert kept(TranscriptSegment(fast, 0.05, -0.3, 1.4, cut_off=True)) == fast


def test_words_before_a_loop_are_kept() -> None:
    said = "Can you tell me when the next train to Cologne leaves from the main station?"
    assert kept(TranscriptSegment(f"{said} Okay? Okay? Okay? Okay? Okay? Okay? Okay? Okay? Okay?")) == said


@given(st.text(max_size=300), st.booleans())
def test_any_text_can_be_searched(text: str, cut_off: bool) -> None:
    loop = find_loop(text, cut_off=cut_off)
    if loop is not None:
        assert 0 <= loop.begin < loop.end <= len(text)
        assert 0 < loop.share <= 1


@given(st.text("abcdeñ語かเ ,", min_size=1, max_size=12).filter(str.isalnum), st.integers(17, 40))
def test_any_unit_that_is_repeated_often_enough_is_a_loop(unit: str, times: int) -> None:
    assert find_loop(f"{unit}, " * times) is not None

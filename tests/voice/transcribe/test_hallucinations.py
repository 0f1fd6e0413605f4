"""Tests of the filter of hallucinations, for recognisers with and without probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.samples import HEARING_RATE, Sound16
from bot.voice.transcribe.hallucinations import HallucinationFilter, TranscriptSegment, loud_seconds

FILTER = HallucinationFilter()
HOT_WORDS = ("Seiyuu", "Seiyu", "Ada", "Ben", "Anna Maria", "小雪")


def sound(seconds: float, around: float = 0.5) -> Sound16:
    """Loud sound of this many seconds, with quiet noise around it."""
    quiet = np.random.default_rng(0).normal(0, 1e-4, int((seconds + around) * HEARING_RATE)).astype(np.float32)
    loud = 0.2 * np.sin(np.arange(int(seconds * HEARING_RATE)) / 7)
    begin = int(around / 2 * HEARING_RATE)
    quiet[begin : begin + len(loud)] += loud.astype(np.float32)
    return quiet


def sure(text: str) -> TranscriptSegment:
    return TranscriptSegment(text, no_speech=0.02, log_probability=-0.3, compression=1.1)


def doubtful(text: str) -> TranscriptSegment:
    return TranscriptSegment(text, no_speech=0.7, log_probability=-0.6, compression=1.1)


def bare(text: str) -> TranscriptSegment:
    """A segment of a recogniser that gives no probabilities."""
    return TranscriptSegment(text)


def kept(*segments: TranscriptSegment, seconds: float = 2.0) -> str:
    return FILTER.filter(segments, sound(seconds), HOT_WORDS)


def test_speech_is_kept_and_joined() -> None:
    assert kept(sure(" What time"), sure(" is it?")) == "What time is it?"


CREDITS = (
    "Subtitles by the Amara.org community",
    "Sous-titres réalisés par la communauté d'Amara.org",
    "Untertitel im Auftrag des ZDF für funk, 2017",
    "Ondertitels ingediend door de Amara.org gemeenschap",
    "Субтитры сделал DimaTorzok",
    "請不吝點贊 訂閱 轉發 打賞支持明鏡與點點欄目",
    "字幕by索兰娅",
)
VIDEOS = (
    "Thank you for watching!",
    "Thanks for watching, and I'll see you in the next video.",
    "Thank you. Thank you for watching!",
    "Please subscribe to my channel.",
    "Vielen Dank fürs Zuschauen!",
    "Merci d'avoir regardé cette vidéo !",
    "¡Gracias por ver el video!",
    "Продолжение следует...",
    "ご視聴ありがとうございました",
    "시청해주셔서 감사합니다.",
    "谢谢观看",
)


@pytest.mark.parametrize("text", CREDITS)
@pytest.mark.parametrize("say", [sure, doubtful, bare])
def test_credits_of_subtitles_are_never_kept(text: str, say: type[TranscriptSegment]) -> None:
    assert kept(say(text), seconds=4.0) == ""


@pytest.mark.parametrize("text", VIDEOS)
@pytest.mark.parametrize("say", [sure, doubtful, bare])
def test_the_last_words_of_a_video_are_not_kept_for_a_cough(text: str, say: type[TranscriptSegment]) -> None:
    assert kept(say(text), seconds=0.4) == ""


@pytest.mark.parametrize("text", VIDEOS)
def test_the_last_words_of_a_video_are_not_kept_for_long_noise_or_if_they_are_doubtful(text: str) -> None:
    assert kept(bare(text), seconds=20.0) == ""
    assert kept(doubtful(text), seconds=2.0) == ""


def test_the_last_words_of_a_video_are_kept_if_the_recogniser_is_sure() -> None:
    assert kept(sure("Thanks for watching!"), seconds=1.3) == "Thanks for watching!"
    assert kept(bare("Thanks for watching!"), seconds=1.3) == ""


@pytest.mark.parametrize("say", [sure, bare])
def test_words_that_only_begin_like_the_last_words_of_a_video_are_kept(say: type[TranscriptSegment]) -> None:
    kids = "Thank you for watching the kids."
    assert kept(say(kids)) == kids


@pytest.mark.parametrize(
    "text", ["Thank you.", "Thanks!", "Danke.", "Merci.", "ありがとうございます", "谢谢", "You?", "Bye."]
)
@pytest.mark.parametrize("say", [sure, bare])
def test_a_real_thank_you_is_kept(text: str, say: type[TranscriptSegment]) -> None:
    assert kept(say(text), seconds=0.7) == text


@pytest.mark.parametrize("text", ["Thank you.", "you", "Bye."])
def test_a_doubtful_or_very_long_thank_you_is_not_kept(text: str) -> None:
    assert kept(doubtful(text), seconds=0.7) == ""
    assert kept(bare(text), seconds=8.0) == ""


def test_real_words_before_the_last_words_of_a_video_are_kept() -> None:
    assert kept(sure("What time is it?"), doubtful(" Thank you for watching!")) == "What time is it?"


@pytest.mark.parametrize(
    "text", ["[BLANK_AUDIO]", "(coughing)", "*sighs*", "♪♪♪", "<|nospeech|>", "...", "【音楽】", " - "]
)
def test_notes_about_the_sound_are_removed(text: str) -> None:
    assert kept(bare(text)) == ""


def test_words_after_a_note_are_kept() -> None:
    assert kept(bare("[coughs] What time is it?")) == "What time is it?"


@pytest.mark.parametrize(
    "text",
    [
        "Seiyuu, Ada, Ben",
        "Seiyuu, Seiyu, Ada, Ben, Anna Maria.",
        "Ada, Ben",
        "Seiyuu, Ada, Be",
        "Seiyuu Ada Ben Seiyuu Ada Ben",
        "Seiyuu、小雪",
        "Seiyuu, Ada and Ben",
        "Seiyuu, Ada und Ben.",
        "Ada & Ben",
    ],
)
def test_a_list_of_the_hot_words_is_not_kept(text: str) -> None:
    assert kept(bare(text), seconds=0.4) == ""


@pytest.mark.parametrize(
    "text", ["Seiyuu", "Seiyuu!", "Seiyuu, Seiyuu!", "Anna Maria?", "Seiyuu, are you there?", "Ada and Ben", "小雪"]
)
@pytest.mark.parametrize("say", [sure, bare])
def test_words_that_call_the_bot_by_name_are_kept(text: str, say: type[TranscriptSegment]) -> None:
    assert kept(say(text), seconds=1.0) == text


def test_a_doubtful_name_is_not_kept() -> None:
    assert kept(doubtful("Seiyuu"), seconds=0.4) == ""


def test_a_loop_is_not_kept() -> None:
    assert kept(TranscriptSegment("la " * 50, 0.1, -0.3, 8.0), seconds=20.0) == ""
    assert kept(bare("I don't know. " * 12), seconds=20.0) == ""
    assert kept(bare("No, no, no, no, no!")) == "No, no, no, no, no!"


@pytest.mark.parametrize("say", [sure, bare])
def test_more_text_than_anybody_could_say_is_not_kept(say: type[TranscriptSegment]) -> None:
    text = "This is a very long sentence that nobody could ever say so fast. " * 6
    assert FILTER.filter([say(text[:64])], sound(0.3, 0), HOT_WORDS) == ""
    assert FILTER.filter([say(text[:400])], sound(0.5), HOT_WORDS) == ""
    assert FILTER.filter([say("这是一个非常长的句子没有人能这么快地说出来")], sound(0.5), HOT_WORDS) == ""


def test_words_of_which_whisper_is_doubtful_are_not_kept() -> None:
    assert kept(TranscriptSegment("What?", 0.8, -1.3, 0.8), seconds=1.0) == ""


def test_the_loud_seconds_of_a_sound_are_counted() -> None:
    assert loud_seconds(sound(0.5, 2.0)) == pytest.approx(0.5, abs=0.05)
    assert loud_seconds(np.zeros(16_000, np.float32)) == 0.0
    assert loud_seconds(np.zeros(3, np.float32)) == 0.0


@given(
    st.text(),
    st.floats(0, 1) | st.none(),
    st.floats(-5, 0) | st.none(),
    st.floats(0, 10) | st.none(),
    st.floats(0, 3),
    st.lists(st.text(max_size=10), max_size=4),
)
def test_any_segment_gives_clean_text(
    text: str, silent: float | None, log: float | None, ratio: float | None, seconds: float, hot_words: list[str]
) -> None:
    noise = np.zeros(int(seconds * HEARING_RATE), np.float32)
    result = FILTER.filter([TranscriptSegment(text, silent, log, ratio)], noise, hot_words)
    assert result == " ".join(result.split())
    assert "\x08" not in result

"""The times of words: measured ones where they fit the text, otherwise estimates."""

from __future__ import annotations

import pytest

from bot.spoken_messages.file_transcriber import timed
from bot.voice.transcribe.transcriber import TimedWord

MEASURED = (TimedWord("Say", 0.2, 0.4), TimedWord("you,", 0.4, 0.9), TimedWord("hello.", 1.0, 9.0))


def spans(
    text: str, measured: tuple[TimedWord, ...] = MEASURED, seconds: float = 2.0
) -> list[tuple[str, float, float]]:
    return [(each.text, each.start, each.end) for each in timed(text, measured, seconds)]


def test_measured_times_end_with_the_sound() -> None:
    assert spans("Say you, hello.") == [("Say", 0.2, 0.4), ("you,", 0.4, 0.9), ("hello.", 1.0, 2.0)]


def test_a_corrected_word_has_the_time_of_the_one_in_its_place() -> None:
    assert spans("Say Yu, hello.")[1] == ("Yu,", 0.4, 0.9)


def test_the_words_of_a_language_without_spaces_stay_apart() -> None:
    measured = (TimedWord("你", 0.0, 0.5), TimedWord("好", 0.5, 1.0))
    assert [word for word, *_ in spans("你好", measured)] == ["你", "好"]


def test_where_words_were_left_out_the_others_share_the_time_by_their_letters() -> None:
    first, second = spans("Seiyuu, hi")
    assert first[:2] == ("Seiyuu,", 0.2)
    assert first[2] == second[1] == pytest.approx(0.2 + 1.8 * 7 / 9)
    assert second[2] == pytest.approx(2.0)


def test_without_measured_times_all_share_the_whole_sound() -> None:
    assert spans("a b", ()) == [("a", 0.0, 1.0), ("b", 1.0, 2.0)]
    assert spans("", ()) == []

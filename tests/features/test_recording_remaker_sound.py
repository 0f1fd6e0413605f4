"""Tests of fitting new sound into a recording: not over the next answer, and not too loud."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.level import rms
from audio.samples import SPEAKING_RATE
from bot.features.recording_remaker.sound import (
    end_limit,
    match_loudness,
    max_samples,
    sample_count,
    split_like,
    trim_end,
)
from bot.recorded_answers import RecordedAnswer, RecordedAnswers, Span
from tests.tones import silence, tone

SECOND = SPEAKING_RATE


def recorded(*answers: RecordedAnswer, seconds: float = 20) -> RecordedAnswers:
    return RecordedAnswers(1, round(seconds * SECOND), answers)


def answer(*seconds: tuple[float, float], interrupted: bool = False) -> RecordedAnswer:
    spans = tuple(Span(round(start * SECOND), round(end * SECOND)) for start, end in seconds)
    return RecordedAnswer(spans, "So it goes.", interrupted)


class TestRoom:
    def test_an_answer_ends_where_the_next_answer_of_any_kind_begins(self) -> None:
        kept = RecordedAnswer((Span(5 * SECOND, 6 * SECOND),))
        assert end_limit(recorded(answer((1, 3)), kept, answer((8, 9))), 0) == 5 * SECOND

    def test_the_last_answer_has_the_rest_of_the_file(self) -> None:
        assert end_limit(recorded(answer((1, 3)), answer((8, 9)), seconds=12), 1) == 12 * SECOND

    def test_an_interrupted_answer_does_not_get_longer(self) -> None:
        assert end_limit(recorded(answer((1, 2), (3, 4), interrupted=True), answer((8, 9))), 0) == 4 * SECOND


class TestSpeedUp:
    def test_a_sound_that_is_no_longer_than_before_is_not_sped_up(self) -> None:
        assert max_samples(2 * SECOND, tone(1.9)) >= len(tone(1.9))

    def test_a_longer_sound_is_sped_up_to_the_old_length(self) -> None:
        assert max_samples(2 * SECOND, tone(2.2)) == 2 * SECOND

    def test_a_sound_is_sped_up_by_at_most_15_percent(self) -> None:
        assert max_samples(2 * SECOND, tone(4)) == pytest.approx(4 * SECOND / 1.15, abs=1)


class TestLoudness:
    @pytest.mark.parametrize("new_level", [0.02, 0.2, 0.9])
    def test_the_new_sound_is_as_loud_as_the_old_one(self, new_level: float) -> None:
        old = np.concatenate([tone(1, level=0.1), silence(3)])
        assert rms(match_loudness(old, tone(2, level=new_level))) == pytest.approx(rms(tone(1, level=0.1)), rel=0.01)

    def test_an_answer_that_was_inaudible_stays_inaudible(self) -> None:
        assert not match_loudness(silence(1), tone(1)).any()

    def test_matching_the_loudness_never_clips(self) -> None:
        peaky = tone(1, level=0.05)
        peaky[100] = 0.9
        assert np.abs(match_loudness(tone(1, level=0.8), peaky)).max() <= 1.0

    def test_silence_stays_silence(self) -> None:
        assert not match_loudness(tone(1), silence(1)).any()


def test_the_silence_behind_an_answer_is_cut_off() -> None:
    sound = np.concatenate([silence(0.1), tone(1), silence(0.4)])
    assert len(trim_end(sound)) / SECOND == pytest.approx(1.1, abs=0.01)
    assert len(trim_end(silence(1))) == 0


class TestPlacing:
    def test_the_new_answer_begins_where_the_old_one_began(self) -> None:
        said = answer((1, 3))
        (piece,) = split_like(tone(2.5), said.spans, 4 * SECOND) or []
        assert (piece.start, piece.end) == (SECOND, round(3.5 * SECOND))

    def test_a_sound_that_would_overlap_the_next_answer_does_not_fit(self) -> None:
        assert split_like(tone(2.5), answer((1, 3)).spans, round(3.4 * SECOND)) is None

    def test_the_new_answer_pauses_between_two_words_near_the_old_pause(self) -> None:
        # The old answer was paused in the middle for one second. The new sound has its pause a little later.
        said = answer((1, 3), (4, 6))
        new = np.concatenate([tone(2.1), silence(0.05), tone(1.75)])
        first, second = split_like(new, said.spans, 10 * SECOND) or []
        assert (first.start, second.start) == (1 * SECOND, 4 * SECOND)
        assert len(first.sound) / SECOND == pytest.approx(2.125, abs=0.03)
        assert np.array_equal(np.concatenate([first.sound, second.sound]), new)

    @pytest.mark.parametrize(
        ("spans", "words", "end", "starts"),
        [
            (((1, 3), (3.1, 5)), (2.5, 2.4), 20, [1]),
            # The gap of 80 ms is no pause in speaking: the machine stood still for a moment.
            (((1, 2), (2.08, 6), (8, 9)), (1.1, 4.3), 20, [1, 8]),
            (((1, 3), (5, 6)), (2.0, 1.1), 6, [1]),
        ],
    )
    def test_a_part_that_is_too_long_for_its_place_takes_up_the_pause_beside_it(
        self, spans: tuple[tuple[float, float], ...], words: tuple[float, float], end: float, starts: list[int]
    ) -> None:
        sound = np.concatenate([tone(words[0]), silence(0.1), tone(words[1])])
        pieces = split_like(sound, answer(*spans).spans, round(end * SECOND)) or []
        assert [piece.start / SECOND for piece in pieces] == starts
        assert np.array_equal(np.concatenate([piece.sound for piece in pieces]), sound)

    def test_a_sound_that_is_too_long_even_without_pauses_does_not_fit(self) -> None:
        assert split_like(tone(5.2), answer((1, 3), (5, 6)).spans, 6 * SECOND) is None

    @given(
        gaps=st.lists(st.tuples(st.integers(0, 30_000), st.integers(1, 60_000)), min_size=1, max_size=5),
        samples=st.integers(1, 200_000),
        room=st.integers(0, 100_000),
    )
    def test_the_parts_make_up_the_whole_sound_and_never_overlap(
        self, gaps: list[tuple[int, int]], samples: int, room: int
    ) -> None:
        spans, at = [], 0
        for gap, length in gaps:
            spans.append(Span(at + gap, at + gap + length))
            at = spans[-1].end
        sound = np.random.default_rng(samples).normal(0, 0.1, samples).astype(np.float32)
        pieces = split_like(sound, spans, at + room)
        assert (pieces is None) == (spans[0].start + samples > at + room)
        if pieces is None:
            return
        assert np.array_equal(np.concatenate([piece.sound for piece in pieces]), sound)
        starts = [piece.start for piece in pieces]
        assert starts[0] == spans[0].start
        assert set(starts) <= {span.start for span in spans}
        assert all(piece.end <= limit for piece, limit in zip(pieces, [*starts[1:], at + room], strict=True))


def test_the_length_of_an_answer_is_the_length_of_its_heard_parts() -> None:
    assert sample_count(answer((1, 3), (4, 4.5))) == round(2.5 * SECOND)

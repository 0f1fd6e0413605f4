"""Tests of the kept turns and the figures of a day: what they show, and that they stay small."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.monitoring.day import DAY, MAX_TURNS
from bot.monitoring.turns import FIGURES, KEPT_TURNS
from bot.voice.events import CallBegan, CallEnded, SpeechStarted, SpeechStopped
from bot.voice.metrics import ReplyTrace, Summary
from bot.voice.turn import Outcome, TurnId
from tests.bot.monitoring.figures import BEGAN, SPOKEN_TURN, Figures


def test_200_turns_are_kept_and_no_more() -> None:
    figures = Figures()
    for _ in range(KEPT_TURNS + 5):
        figures.turn()
    assert [turn.number for turn in figures.log.turns] == list(range(6, KEPT_TURNS + 6))
    assert figures.log.newest == KEPT_TURNS + 5


def test_a_turn_has_the_time_of_each_engine() -> None:
    figures = Figures()
    figures.call("discord")
    figures.turn()
    (turn,) = figures.log.turns
    assert (turn.transport, turn.spoken, turn.at) == ("discord", True, BEGAN + 10)
    assert {name: turn.figure(name) for name in FIGURES} == {
        "first_packet_ms": 605.0,
        "stt_ms": 180.0,
        "first_token_ms": 140.0,
        "tts_ms": 80.0,
    }


def test_a_typed_or_failed_turn_lacks_the_figures_that_it_did_not_reach() -> None:
    figures = Figures()
    figures.turn(ReplyTrace("r1", Outcome.FAILED, 0.2), spoken=False)
    (turn,) = figures.log.turns
    assert not turn.spoken
    assert {turn.figure(name) for name in FIGURES} == {None}
    assert figures.log.summary("stt_ms") is None
    assert figures.log.recent_median("stt_ms") is None


def test_words_that_were_known_before_the_pause_took_no_time() -> None:
    figures = Figures()
    figures.turn(replace(SPOKEN_TURN, transcribed=100.0))
    assert figures.log.turns[0].figure("stt_ms") == 0.0


def test_only_turns_after_a_number_are_listed() -> None:
    figures = Figures()
    for _ in range(3):
        figures.turn()
    assert [turn.number for turn in figures.log.after(1)] == [2, 3]
    assert figures.log.after(3) == ()
    assert len(figures.log.after(9)) == 3, "a page that was open before a restart gets all"


def test_one_slow_turn_among_fast_ones_is_not_the_recent_median() -> None:
    figures = Figures()
    for last in (450.0, 450.0, 5_000.0, 450.0, 450.0):
        figures.turn(replace(SPOKEN_TURN, first_token=last))
    assert figures.log.recent_median("first_token_ms") == 140.0
    assert figures.log.summary("first_token_ms") == Summary(140.0, 4_690.0)


def test_the_log_tells_whether_somebody_speaks_in_a_call_until_the_call_ends() -> None:
    figures, turn = Figures(), TurnId(77, 1)
    figures.call()
    assert figures.log.since("c1") == BEGAN
    ended = CallEnded("x", "command", call="c1")
    seen = []
    for event in (SpeechStarted(turn), SpeechStopped(turn), SpeechStarted(turn), ended):
        figures.log(replace(event, call="c1"))
        seen.append(figures.log.people_speaking("c1"))
    assert seen == [True, False, True, False]
    assert figures.log.since("c1") is None


def test_of_two_calls_each_has_its_own_figures() -> None:
    figures, turn = Figures(), TurnId(77, 1)
    figures.call()
    figures.log(CallBegan("phone", "a secret place", False, call="c2"))
    figures.log(SpeechStarted(turn, call="c1"))
    figures.log(SpeechStopped(turn, call="c2"))
    assert figures.log.people_speaking("c1"), "the turn with the same number in the other call is another one"
    assert not figures.log.people_speaking("c2")
    figures.turn()
    assert figures.log.turns[-1].transport == "browser", "the turn was in c1, not in the call that began last"
    figures.log(CallEnded("x", "command", call="c1"))
    assert (figures.log.since("c1"), figures.log.since("c2")) == (None, BEGAN)


def test_a_day_is_kept_and_at_most_ten_thousand_turns() -> None:
    figures = Figures()
    figures.turn()
    figures.turn(later=DAY - 1)
    assert len(figures.log.day.rows()) == 2
    figures.turn(later=2)
    assert len(figures.log.day.rows()) == 2
    for _ in range(MAX_TURNS + 100):
        figures.turn(later=0.1)
    assert len(figures.log.day) == MAX_TURNS


def test_the_course_of_a_figure_has_a_median_for_each_ten_minutes() -> None:
    figures = Figures(now=BEGAN - BEGAN % 600)
    for ms in (300.0, 400.0, 900.0):
        figures.turn(replace(SPOKEN_TURN, first_packet=ms))
    figures.turn(replace(SPOKEN_TURN, first_packet=200.0), later=1_200.0)
    figures.turn(ReplyTrace("r1", Outcome.FAILED, 0.2))
    day = figures.log.day
    curve = day.curve(day.rows(), "first_packet_ms")
    assert curve.ms == [300.0, 400.0, 900.0, 200.0]
    assert list(zip(curve.medians, curve.p95s, strict=True)) == [(400.0, 900.0), (200.0, 200.0)]
    first = curve.at[0] - curve.at[0] % 600
    assert curve.periods == [first + 300.0, curve.at[-1]], "nothing is drawn in the future"
    with pytest.raises(KeyError):
        day.curve(day.rows(), "words")

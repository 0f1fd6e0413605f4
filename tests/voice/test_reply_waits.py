"""Tests of what a reply waits for before its first packet, and of the bars that show these waits."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.voice.metrics import ReplyTrace
from bot.voice.reply_waits import (
    BLOCKS,
    EARLIEST_END,
    WAITS,
    Wait,
    bars,
    end_waited_for_words,
    median_waits,
    waits_of,
    with_earlier_words,
)
from bot.voice.turn import Outcome

PHONE = 30
"""Maximum length of a line, in characters, that a phone shows without wrapping."""


def trace(waited: float = 0.0, **stages: float) -> ReplyTrace:
    return ReplyTrace("r1", Outcome.SPOKEN, waited, "voice activity", **stages)  # type: ignore[arg-type]


SLOW_WORDS = trace(
    610.0,
    speech_paused=60.0,
    transcribed=600.0,
    turn_ended=280.0,
    first_token=760.0,
    first_clause=800.0,
    first_audio=850.0,
    first_packet=860.0,
)
AHEAD = trace(
    210.0,
    speech_paused=60.0,
    transcribed=200.0,
    first_token=240.0,
    first_clause=290.0,
    turn_ended=300.0,
    first_audio=340.0,
    first_packet=345.0,
)
"""A speculative reply: its words, and the model's first tokens, came before the turn was over."""
TYPED = ReplyTrace(
    "r2", Outcome.SPOKEN, 400.0, first_token=500.0, first_clause=550.0, first_audio=600.0, first_packet=602.0
)


def test_a_reply_that_begins_only_after_its_turn_has_to_wait_for_one_stage_after_another() -> None:
    assert waits_of(SLOW_WORDS) == (
        Wait("turn_ended", 280.0),
        Wait("transcribed", 320.0),
        Wait("waited", 10.0),
        Wait("first_token", 150.0),
        Wait("first_clause", 40.0),
        Wait("first_audio", 50.0),
        Wait("first_packet", 10.0),
    )


def test_a_stage_that_was_over_before_the_end_of_the_turn_is_not_waited_for() -> None:
    assert waits_of(AHEAD) == (Wait("turn_ended", 300.0), Wait("first_audio", 40.0), Wait("first_packet", 5.0))


def test_an_answer_that_is_ready_before_the_turn_ends_waits_only_for_the_end_of_the_turn() -> None:
    early = trace(100.0, transcribed=90.0, first_audio=200.0, turn_ended=300.0, first_packet=300.0)
    assert waits_of(early) == (Wait("turn_ended", 300.0),)


def test_a_typed_message_waits_behind_other_messages() -> None:
    assert waits_of(TYPED)[0] == Wait("waited", 400.0)
    assert sum(wait.ms for wait in waits_of(TYPED)) == 602.0


def test_a_reply_of_which_nothing_was_heard_has_no_waits() -> None:
    assert waits_of(trace(first_token=100.0)) == ()
    assert bars([trace(first_token=100.0)]) == []
    assert bars([]) == []


STAGES = [field.name for field in fields(ReplyTrace) if field.name in WAITS and field.name != "waited"]
TRACES = st.builds(
    lambda waited, stages: trace(waited, **stages),
    st.floats(0, 5_000),
    st.dictionaries(st.sampled_from(STAGES), st.floats(0, 9_000)),
)


@given(TRACES)
def test_the_waits_add_up_to_the_time_of_the_first_packet(given_trace: ReplyTrace) -> None:
    waits = waits_of(given_trace)
    assert sum(wait.ms for wait in waits) == pytest.approx(given_trace.first_packet or 0.0)
    assert all(wait.ms > 0 for wait in waits)


@given(st.lists(TRACES, max_size=6))
def test_all_lines_fit_on_a_phone_and_the_longest_reply_has_the_longest_bar(traces: list[ReplyTrace]) -> None:
    lines = bars(traces)
    assert [line for line in lines if len(line) > PHONE] == []
    drawn = [line for line in lines if line.endswith(" ms")]
    if drawn:
        lengths = [(float(line.split()[-2]), sum(line.count(block) for block in BLOCKS.values())) for line in drawn]
        assert max(lengths)[1] == max(length for _, length in lengths)


def test_the_bars_have_one_line_a_reply_and_a_legend() -> None:
    assert bars([AHEAD, SLOW_WORDS]) == [
        "███████░               345 ms",
        "███████▓▓▓▓▓▓▓▒▒▒▒▄░   860 ms",
        "ms                last  median",
        "█ end of turn      280     290",
        "▓ words            320     160",
        "▀ its turn          10       5",
        "▒ first token      150      75",
        "▄ first clause      40      20",
        "░ first audio       50      45",
        "▁ first packet      10       8",
    ]


def test_replies_to_typed_messages_are_shown_only_where_nobody_has_spoken() -> None:
    assert [line[-6:] for line in bars([AHEAD, TYPED]) if line.endswith(" ms")] == ["345 ms"]
    assert [line[-6:] for line in bars([TYPED]) if line.endswith(" ms")] == ["602 ms"]


def test_the_median_counts_replies_that_did_not_wait() -> None:
    medians = median_waits([waits_of(AHEAD), waits_of(SLOW_WORDS), waits_of(AHEAD)])
    assert (medians["turn_ended"], medians["transcribed"], medians["first_audio"]) == (300.0, 0.0, 40.0)


def test_an_end_of_turn_that_waited_for_the_words_comes_earlier_if_the_words_do() -> None:
    waiting = replace(
        AHEAD, transcribed=520.0, turn_ended=540.0, first_token=620.0, first_audio=700.0, first_packet=705.0
    )
    assert end_waited_for_words(waiting)
    assert with_earlier_words(waiting, 100.0).turn_ended == 440.0
    assert with_earlier_words(waiting, 9_000.0).turn_ended == EARLIEST_END
    without_words = replace(waiting, transcribed=1_300.0, turn_ended=1_060.0)
    assert with_earlier_words(without_words, 100.0).turn_ended == 1_060.0
    assert with_earlier_words(without_words, 300.0).turn_ended == 1_000.0
    for key_let_go_or_words_long_known in (SLOW_WORDS, replace(waiting, transcribed=300.0)):
        assert not end_waited_for_words(key_let_go_or_words_long_known)


def test_if_the_words_came_earlier_all_that_follows_would_be_earlier_but_not_the_end_of_the_turn() -> None:
    assert with_earlier_words(SLOW_WORDS, 210.0).first_packet == 650.0
    assert with_earlier_words(SLOW_WORDS, 9_000.0).first_packet == 320.0, "words are never known before the pause"
    assert with_earlier_words(AHEAD, 100.0).first_packet == 305.0
    assert with_earlier_words(TYPED, 100.0) == TYPED

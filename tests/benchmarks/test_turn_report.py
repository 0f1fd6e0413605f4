"""The figures and targets of the turn-latency benchmark."""

from __future__ import annotations

import dataclasses
import io
import json

import pytest
from rich.console import Console

from benchmarks.command_line import present
from benchmarks.reply_measurement import Measured
from benchmarks.reply_times import ReplyTimes
from benchmarks.turn_busy import Busy
from benchmarks.turn_measurement import PEOPLE, MeasuredTurns
from benchmarks.turn_report import MIN_CONSOLE_WIDTH, TurnResult, turn_report
from benchmarks.turn_times import InterruptionTimes, TurnTimes

MACHINE = {"processor": "a processor", "cores": "2", "python": "3.11", "revision": "abc1234"}
TURN = TurnTimes(
    microphone="voice activity",
    taken_for="voice activity",
    last_voiced=100.0,
    closed=None,
    paused=100.02,
    transcriber_asked=100.021,
    transcribed=100.231,
    model_asked=100.232,
    first_token=100.382,
    clause_written=100.507,
    voice_asked=100.508,
    first_audio=100.708,
    turn_ended=100.2,
    received=tuple(100.709 + 0.02 * number for number in range(50)),
)
PACKETS = ReplyTimes(
    sent=100.0,
    model_asked=100.0,
    first_token=100.1,
    clause_written=100.2,
    clause_tokens=6,
    sentence_written=100.3,
    voice_asked=100.2,
    first_audio=100.4,
    received=TURN.received,
    heard=100.71,
    underruns=0,
)
CONTROL = [100.0 + 0.02 * number for number in range(600)]
"""When packets of the bare clock arrived. The bare clock is a process that does nothing but send packets on time."""


def later(turn: TurnTimes, seconds: float, *, wait: float = 0.0) -> TurnTimes:
    """The same turn with its packets ``seconds`` later, and its end ``wait`` seconds later."""
    received = tuple(at + seconds for at in turn.received)
    return dataclasses.replace(turn, received=received, turn_ended=turn.turn_ended + wait)


def result_of(
    turn: TurnTimes = TURN, *, wait: float = 0.0, silenced: float = 0.1, busy: Busy | None = None
) -> TurnResult:
    """A run with two turns like ``turn`` for each kind of microphone, and an interruption for each.

    After an interruption, the bot is silent within ``silenced`` seconds.
    """
    closed = {"push-to-talk": 100.15 - wait, "voice activity": 100.3, "open": None}
    turns = [
        dataclasses.replace(turn, microphone=kind, taken_for=kind, closed=closed[kind])
        for kind in PEOPLE
        for _ in range(2)
    ]
    interruptions = [InterruptionTimes(kind, 200.0, 200.0 + silenced) for kind in PEOPLE]
    return TurnResult(MACHINE, {"seed": 1}, MeasuredTurns(turns, interruptions, 0), busy)


def missed(result: TurnResult) -> list[str]:
    return [target.text for target in result.targets() if not target.met]


def test_the_stages_follow_one_another_and_make_up_the_whole() -> None:
    stages = (
        *(TURN.sign, TURN.to_transcriber, TURN.transcription, TURN.to_model, TURN.model),
        *(TURN.text_wait, TURN.to_voice, TURN.voice, TURN.to_packet),
    )
    assert sum(stages) == pytest.approx(TURN.total) == pytest.approx(0.709)


def test_the_ratio_is_that_of_the_total_to_the_work_if_the_work_is_longer_than_the_wait() -> None:
    assert TURN.work == pytest.approx(0.21 + 0.15 + 0.125 + 0.2)
    assert TURN.ratio == pytest.approx(0.709 / 0.685)


def test_the_ratio_is_that_of_the_total_to_the_wait_if_the_wait_is_longer_than_the_work() -> None:
    waited = later(TURN, 0.3, wait=0.8)
    assert waited.turn_wait == pytest.approx(1.0)
    assert waited.ratio == pytest.approx(1.009)


def test_a_good_run_meets_every_target() -> None:
    assert missed(result_of()) == []


def test_a_late_first_packet_misses_the_ratio_of_every_kind() -> None:
    found = missed(result_of(later(TURN, 0.02)))
    assert [text.partition(":")[0] for text in found] == list(PEOPLE)
    assert all("1.05" in text for text in found)


def test_a_turn_that_goes_on_after_the_release_of_a_key_ends_too_late() -> None:
    assert missed(result_of(wait=0.08)) == ["push-to-talk: turns end within 60 ms, 95 % within 120 ms"]


def test_one_interruption_that_takes_too_long_is_a_miss() -> None:
    good = result_of()
    slow = InterruptionTimes("open", 300.0, 300.21)
    measured = dataclasses.replace(good.measured, interruptions=[*good.measured.interruptions, slow])
    assert missed(dataclasses.replace(good, measured=measured)) == ["interrupted: silent within 200 ms, always"]


def test_packets_while_transcribing_are_measured_against_the_bare_clock() -> None:
    *others, last = TURN.received
    late = dataclasses.replace(PACKETS, received=(*others, last + 0.05))
    assert missed(result_of(busy=Busy(Measured([PACKETS], CONTROL), 9, 8))) == []
    found = missed(result_of(busy=Busy(Measured([late], CONTROL), 9, 8)))
    assert [text.partition(":")[0] for text in found] == ["late packets"]


def test_json_holds_each_kind_and_one_row_per_turn() -> None:
    result = result_of(busy=Busy(Measured([PACKETS], CONTROL), 9, 8))
    written = json.loads(json.dumps(result.as_json()))
    assert written["milliseconds"]["open"]["total"]["median"] == pytest.approx(709)
    assert written["recognised"] == dict.fromkeys(PEOPLE, 2)
    assert [row["ratio"] for row in written["turns"]] == pytest.approx([1.035] * 6, abs=0.001)
    assert written["interruptions"]["greatest"] == pytest.approx(100)
    assert written["while_transcribing"]["bot_packets"]["packets"] == 50
    assert written["while_transcribing"]["remarks"] == 8


def test_the_printed_report_names_each_kind_and_the_targets_that_were_met_and_missed() -> None:
    shown = io.StringIO()
    present(turn_report(result_of(later(TURN, 0.02))), Console(file=shown, width=MIN_CONSOLE_WIDTH))
    assert all(kind in shown.getvalue() for kind in PEOPLE)
    assert "✘ open: first packet at most 1.05 times the longer of wait and work (median): missed" in shown.getvalue()
    assert "✔ interrupted: silent within 200 ms, always: met" in shown.getvalue()


def test_a_run_without_interruptions_and_packets_can_be_shown() -> None:
    good = result_of()
    bare = dataclasses.replace(good, measured=dataclasses.replace(good.measured, interruptions=[]))
    shown = io.StringIO()
    present(turn_report(bare), Console(file=shown, width=MIN_CONSOLE_WIDTH))
    assert "interrupted" not in shown.getvalue()
    assert bare.as_json()["interruptions"] is None


def test_turns_over_music_are_judged_and_shown_apart() -> None:
    without, over = result_of(), result_of(silenced=0.5)
    measured = dataclasses.replace(without.measured, over_music=over.measured)
    result = dataclasses.replace(without, measured=measured)
    assert missed(result) == ["over music: interrupted: silent within 200 ms, always"]
    written = json.loads(json.dumps(result.as_json()))
    assert written["interruptions"]["median"] == pytest.approx(100)
    assert written["over_music"]["interruptions"]["median"] == pytest.approx(500)
    shown = io.StringIO()
    present(turn_report(result), Console(file=shown, width=MIN_CONSOLE_WIDTH))
    assert "Spoken turns over music" in shown.getvalue()

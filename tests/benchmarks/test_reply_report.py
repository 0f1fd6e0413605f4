"""The figures and targets of the reply-latency benchmark."""

from __future__ import annotations

import dataclasses
import io
import json
from collections.abc import Sequence

import pytest
from rich.console import Console

from benchmarks.command_line import present
from benchmarks.reply_measurement import Measured
from benchmarks.reply_report import ReplyResult, reply_report
from benchmarks.reply_times import ReplyTimes
from benchmarks.statistics import lateness

MACHINE = {"processor": "a processor", "cores": "2", "python": "3.11", "revision": "abc1234"}
TURN = ReplyTimes(
    sent=100.0,
    model_asked=100.002,
    first_token=100.152,
    clause_written=100.277,
    clause_tokens=6,
    sentence_written=100.502,
    voice_asked=100.278,
    first_audio=100.478,
    received=tuple(100.4795 + 0.02 * number for number in range(50)),
    heard=100.4797,
    underruns=0,
)
CONTROL = [100.0 + 0.02 * number for number in range(600)]
"""When packets of the bare clock arrived. The bare clock is a process that does nothing but send packets on time."""


def result_of(*turns: ReplyTimes, control: Sequence[float] = CONTROL, floor: Sequence[ReplyTimes] = ()) -> ReplyResult:
    return ReplyResult(MACHINE, {"rate": 40.0}, Measured(turns, control, floor))


def slower(turn: ReplyTimes, seconds: float) -> ReplyTimes:
    """The same turn with packets that come later."""
    return dataclasses.replace(turn, received=tuple(at + seconds for at in turn.received), heard=turn.heard + seconds)


def missed(result: ReplyResult) -> list[str]:
    return [target.text.partition(":")[0] for target in result.targets() if not target.met]


def test_plumbing_is_the_total_without_model_text_and_voice() -> None:
    assert TURN.plumbing == pytest.approx(0.0045)
    assert TURN.plumbing == pytest.approx(TURN.total - TURN.model - TURN.text_wait - TURN.voice)
    assert (TURN.to_model, TURN.to_voice, TURN.to_packet) == pytest.approx((0.002, 0.001, 0.0015))


def test_the_time_that_the_sandbox_itself_takes_is_not_counted() -> None:
    assert dataclasses.replace(TURN, heard=TURN.heard + 1).total == TURN.total
    assert TURN.relay == pytest.approx(0.0002)


def test_a_good_run_meets_every_target() -> None:
    assert missed(result_of(TURN, TURN)) == []


def test_slow_plumbing_misses_its_targets() -> None:
    assert missed(result_of(TURN, slower(TURN, 0.02))) == ["plumbing", "plumbing"]
    assert missed(result_of(*[TURN] * 15, slower(TURN, 0.02))) == ["plumbing"]


def test_plumbing_is_measured_against_the_bare_floor() -> None:
    # The floor takes 4.5 ms, so the bot may take 5.625 ms. Both turns miss the other target, a median of 5 ms.
    within, beyond = slower(TURN, 0.0011), slower(TURN, 0.0012)
    assert missed(result_of(within, floor=[TURN])) == ["plumbing"]
    result = result_of(beyond, floor=[TURN])
    assert [target.text for target in result.targets() if not target.met] == [
        "plumbing: at most 1.25 x the floor (medians)",
        "plumbing: median at most 5 ms",
    ]
    # If the machine slows both down, it is not the bot's fault.
    assert "plumbing: at most 1.25 x the floor (medians)" not in [
        target.text
        for target in result_of(slower(beyond, 0.02), floor=[slower(TURN, 0.02)]).targets()
        if not target.met
    ]


def test_json_and_the_printed_report_hold_the_times_of_the_bare_floor_and_the_ratio_to_them() -> None:
    result = result_of(TURN, slower(TURN, 0.0045), floor=[TURN, TURN])
    written = json.loads(json.dumps(result.as_json()))
    assert written["plumbing_over_floor"] == pytest.approx({"median": 1.5, "p95": 2.0, "greatest": 2.0})
    assert written["floor_milliseconds"]["plumbing"]["median"] == pytest.approx(4.5)
    assert [row["to_voice"] for row in written["floor_turns"]] == [1.0, 1.0]
    shown = io.StringIO()
    present(reply_report(result), Console(file=shown, width=122))
    (line,) = (line for line in shown.getvalue().splitlines() if "ratio" in line)
    assert [cell.strip() for cell in line.strip("│ ").split("│")][:4] == ["ratio", "1.50", "2.00", "2.00"]
    assert "✘ plumbing: at most 1.25 x the floor (medians): missed" in shown.getvalue()


def test_replies_over_music_are_judged_and_shown_apart() -> None:
    over_music = Measured([slower(TURN, 0.02)], CONTROL, [TURN])
    result = ReplyResult(MACHINE, {"rate": 40.0}, Measured([TURN], CONTROL, [TURN], over_music))
    assert [target.text for target in result.targets() if not target.met] == [
        "over music: plumbing: at most 1.25 x the floor (medians)",
        "over music: plumbing: median at most 5 ms",
        "over music: plumbing: 95 % within 10 ms",
    ]
    written = json.loads(json.dumps(result.as_json()))
    assert written["milliseconds"]["plumbing"]["median"] == pytest.approx(4.5)
    assert written["over_music"]["milliseconds"]["plumbing"]["median"] == pytest.approx(24.5)
    assert written["over_music"]["bot_packets"]["packets"] == 50
    shown = io.StringIO()
    present(reply_report(result), Console(file=shown, width=122))
    assert "Plumbing over music, in ms" in shown.getvalue()
    assert "Packets with voice over music" in shown.getvalue()


def test_a_hole_after_the_first_packet_is_a_miss() -> None:
    first, *others = TURN.received
    turn = dataclasses.replace(TURN, received=(first, *(at + 0.0205 for at in others)))
    assert "no gap at the start of a reply" in missed(result_of(turn))


def test_late_packets_are_measured_against_the_bare_clock() -> None:
    *others, last = TURN.received
    turn = dataclasses.replace(TURN, received=(*others, last + 0.05))
    assert missed(result_of(turn)) == ["late packets"]
    hindered = [at + (0.05 if number % 10 == 5 else 0.0) for number, at in enumerate(CONTROL)]
    assert missed(result_of(turn, control=hindered)) == []


def test_the_bare_clock_is_judged_in_short_streams() -> None:
    # The clock is slow by 0.03 ms a packet: by 45 ms in the end, but by 15 ms within any 10 s.
    drifting = [0.02003 * number for number in range(1500)]
    assert lateness([drifting]).late > 0
    assert result_of(TURN, control=drifting).control_lateness().late == 0


def test_json_holds_the_summary_and_one_row_per_turn() -> None:
    written = json.loads(json.dumps(result_of(TURN, dataclasses.replace(TURN, underruns=3)).as_json()))
    assert written["machine"] == MACHINE
    assert written["milliseconds"]["plumbing"]["median"] == pytest.approx(4.5)
    assert written["milliseconds"]["text_wait"]["p95"] == pytest.approx(125)
    assert written["bot_packets"]["packets"] == 100
    assert written["underruns"] == 3
    assert [row["plumbing"] for row in written["turns"]] == [4.5, 4.5]


def test_the_printed_report_says_which_targets_were_met_and_which_were_missed() -> None:
    shown = io.StringIO()
    present(reply_report(result_of(slower(TURN, 0.02))), Console(file=shown, width=120))
    assert "✘ plumbing: median at most 5 ms: missed" in shown.getvalue()
    assert "✔ no gap at the start of a reply: met" in shown.getvalue()
    assert "499.5" in shown.getvalue()

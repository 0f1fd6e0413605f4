"""The figures and targets of the end-of-turn benchmark."""

from __future__ import annotations

import io

import numpy as np
import pytest
from rich.console import Console

from benchmarks.command_line import present
from benchmarks.end_of_turn_call import SentenceOutcome
from benchmarks.end_of_turn_report import MIN_CONSOLE_WIDTH, EndOfTurnResult, MicrophoneRow, end_of_turn_report
from benchmarks.end_of_turn_sentences import SENTENCES
from benchmarks.end_of_turn_speech import SpokenPart, SpokenSentence
from sandbox.voice.opus import SAMPLE_RATE

MACHINE = {"processor": "abacus", "cores": "2", "python": "3.11", "revision": "abc"}
PROMPT = SentenceOutcome(cut_off=False, wait=0.2, after_release=0.02, onset=0.1, pauses=2)
SLOW = SentenceOutcome(cut_off=False, wait=2.0, after_release=1.8, onset=0.1, pauses=2)
CUT_OFF = SentenceOutcome(cut_off=True, wait=None, after_release=None, onset=0.1, pauses=2)


def make(row: MicrophoneRow, **noise: int) -> EndOfTurnResult:
    return EndOfTurnResult(MACHINE, {"seed": 1.0}, [row], noise, 50.0)


def test_waits_leave_out_the_first_sentences_but_the_number_of_cut_offs_includes_them() -> None:
    row = MicrophoneRow("espeak", "voice activity", False, [[SLOW, SLOW, CUT_OFF, PROMPT, PROMPT]])
    assert row.waits().greatest == pytest.approx(200)
    assert row.cut_off == 1


def test_push_to_talk_is_measured_from_the_release() -> None:
    assert MicrophoneRow("espeak", "push-to-talk", False, [[PROMPT] * 5]).waits().median == pytest.approx(20)


def test_three_cut_off_sentences_are_too_many() -> None:
    people = [[CUT_OFF, PROMPT, PROMPT, PROMPT]] * 3
    assert make(MicrophoneRow("espeak", "open", True, people)).targets()[0] == (
        "espeak, open: at most 2 of 40 sentences with pauses cut off",
        False,
    )
    assert make(MicrophoneRow("espeak", "open", True, people[:2])).targets()[0][1]


def test_one_event_in_the_noise_is_one_too_many() -> None:
    row = MicrophoneRow("espeak", "open", True, [[PROMPT] * 5])
    assert make(row, music=0).targets()[-1][1]
    assert not make(row, music=0, keys=1).targets()[-1][1]


def test_the_printed_report_has_the_figures_and_says_whether_the_targets_are_met() -> None:
    console = Console(file=io.StringIO(), width=MIN_CONSOLE_WIDTH)
    present(end_of_turn_report(make(MicrophoneRow("espeak", "voice activity", False, [[PROMPT] * 5]))), console)
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "200" in shown
    assert "0 of 5" in shown
    assert "met" in shown


def test_words_so_far_end_with_a_full_stop_as_whisper_writes_them() -> None:
    parts = [SpokenPart("If it rains,", 0, SAMPLE_RATE), SpokenPart("we stay?", 2 * SAMPLE_RATE, 3 * SAMPLE_RATE)]
    speech = SpokenSentence(np.zeros(3 * SAMPLE_RATE, np.float32), parts)
    assert speech.words_until(SAMPLE_RATE + 1000) == "If it rains."
    assert speech.words_until(3 * SAMPLE_RATE) == "If it rains, we stay?"


def test_there_are_forty_sentences_each_with_a_pause() -> None:
    assert len(SENTENCES) == 40
    assert all(len(sentence.parts()) >= 2 for sentence in SENTENCES)

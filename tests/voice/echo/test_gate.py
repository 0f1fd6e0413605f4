"""Tests of the echo gate: it holds back the turns that are echoes, and lets people's turns through."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from audio.samples import Sound16
from bot.voice.echo.gate import CHECK_INTERVAL, CHECKED_SECONDS, EchoGate, TurnEcho
from bot.voice.frames import AudioFrame
from bot.voice.turn import Microphone, TurnId
from bot.voice.turns.events import (
    SpeechPaused,
    SpeechResumed,
    SpeechSoFar,
    TurnDropped,
    TurnEnded,
    TurnStarted,
)
from tests.voice.effects import kinds

TURN, OTHER = TurnId(1, 1), TurnId(2, 1)
SOUND = np.ones(320, np.float32)
BEGAN = TurnStarted(TURN, 1.0, 1.1)


class ScriptedComparison:
    """An echo comparison with scripted results. It keeps the person and the length of each sound it was asked about."""

    def __init__(self) -> None:
        self.echo = True
        self.turn = TurnEcho.POSSIBLE
        self.asked: list[tuple[int, int]] = []

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        self.asked.append((person, len(sound)))
        return self.echo

    def turn_echo(self, person: int, sound: Sound16, at: float) -> TurnEcho:
        return self.turn


def frame(at: float, person: int = 1) -> AudioFrame:
    return AudioFrame(person, SOUND, at)


def test_an_echo_never_becomes_a_turn() -> None:
    gate = EchoGate(ScriptedComparison())
    gate.process_frame(frame(1.1))
    events = [
        *gate.filter(BEGAN),
        *gate.filter(SpeechSoFar(TURN, SOUND, 1.6)),
        *gate.filter(SpeechPaused(TURN, SOUND, 2.0, 2.1)),
        *gate.filter(TurnEnded(TURN, SOUND, 1.0, 2.0, 2.4, Microphone.OPEN)),
    ]
    assert events == []


def test_the_turn_after_an_echo_is_checked_again() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    gate.filter(BEGAN)
    gate.filter(TurnDropped(TURN, 1.5))
    comparison.echo = False
    later = TurnStarted(TurnId(1, 2), 2.0, 2.1)
    assert gate.filter(later) == [later]


def test_a_person_who_talks_into_an_echo_is_let_through_with_the_newest_event_of_their_turn() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    gate.filter(BEGAN)
    gate.filter(SpeechSoFar(TURN, SOUND, 1.6))
    assert gate.process_frame(frame(1.11 + CHECK_INTERVAL)) == []
    comparison.echo = False
    began, so_far = gate.process_frame(frame(1.12 + 2 * CHECK_INTERVAL))
    assert began == BEGAN
    assert isinstance(so_far, SpeechSoFar)
    assert so_far.at == 1.6
    assert kinds(gate.filter(SpeechPaused(TURN, SOUND, 2.0, 2.1))) == [SpeechPaused]


def test_room_noise_after_an_echo_does_not_let_the_turn_through_but_more_speech_may() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    gate.filter(BEGAN)
    gate.filter(SpeechPaused(TURN, SOUND, 2.0, 2.1))
    comparison.echo = False
    assert gate.process_frame(frame(2.3)) == []
    resumed = SpeechResumed(TURN, 2.5)
    assert gate.filter(resumed) == []
    assert gate.process_frame(frame(2.6)) == [BEGAN, resumed]


def test_a_turn_that_turns_out_to_be_an_echo_is_dropped() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    comparison.echo = False
    assert gate.filter(BEGAN) == [BEGAN]
    comparison.echo = True
    assert gate.process_frame(frame(1.12 + CHECK_INTERVAL)) == [TurnDropped(TURN, 1.12 + CHECK_INTERVAL)]
    assert gate.filter(SpeechPaused(TURN, SOUND, 2.0, 2.1)) == []


def test_a_long_turn_counts_as_speech_of_a_person_and_is_no_longer_checked() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    comparison.echo = False
    gate.filter(BEGAN)
    gate.process_frame(frame(BEGAN.at + CHECKED_SECONDS + 0.1))
    comparison.echo = True
    assert gate.process_frame(frame(BEGAN.at + CHECKED_SECONDS + 0.3)) == []


def test_the_gate_does_not_check_every_packet() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    gate.filter(BEGAN)
    for number in range(10):
        gate.process_frame(frame(1.1 + number * 0.02))
    assert len(comparison.asked) <= 3


def test_the_echo_of_one_person_is_not_the_echo_of_another() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    gate.process_frame(frame(1.0))
    gate.filter(BEGAN)
    comparison.echo = False
    began = TurnStarted(OTHER, 1.0, 1.1)
    assert gate.filter(began) == [began]
    assert [person for person, _ in comparison.asked] == [1, 2]


def test_the_sound_of_a_forgotten_person_is_not_compared() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    gate.process_frame(frame(1.0))
    gate.forget(1)
    gate.filter(BEGAN)
    assert comparison.asked == [(1, 0)]


def test_the_sound_of_an_earlier_transmission_is_not_compared() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    gate.process_frame(frame(1.0))
    gate.transmission_ended(1)
    gate.process_frame(frame(3.0))
    gate.filter(TurnStarted(TURN, 3.0, 3.0))
    assert comparison.asked == [(1, len(SOUND))]


@pytest.mark.parametrize("seems_over", [False, True])
def test_sound_whose_packets_come_late_is_compared_together_with_the_sound_before_it(seems_over: bool) -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    gate.process_frame(frame(1.0))
    if seems_over:
        gate.transmission_ended(1)
    gate.process_frame(replace(frame(3.0), delayed=seems_over))
    gate.filter(TurnStarted(TURN, 3.0, 3.0))
    assert comparison.asked == [(1, 2 * len(SOUND))]


def test_an_event_whose_sound_will_be_transcribed_says_whether_the_sound_may_be_an_echo() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    comparison.echo = False
    gate.filter(BEGAN)
    for possible in (True, False):
        comparison.turn = TurnEcho.POSSIBLE if possible else TurnEcho.NO
        for event in (SpeechSoFar(TURN, SOUND, 1.6), SpeechPaused(TURN, SOUND, 2.0, 2.1)):
            (passed,) = gate.filter(event)
            assert isinstance(passed, SpeechSoFar | SpeechPaused)
            assert passed.may_be_echo is possible
            assert passed.sound is SOUND


def test_a_turn_whose_whole_sound_is_an_echo_is_dropped_and_comes_back_when_the_person_goes_on() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    comparison.echo, comparison.turn = False, TurnEcho.CERTAIN
    assert kinds(gate.filter(BEGAN)) == [TurnStarted]
    assert kinds(gate.filter(SpeechSoFar(TURN, SOUND, 1.6))) == [TurnDropped]
    assert gate.process_frame(frame(1.8)) == []
    assert gate.filter(SpeechPaused(TURN, SOUND, 2.0, 2.1)) == []
    assert gate.filter(SpeechResumed(TURN, 2.2)) == []
    comparison.turn = TurnEcho.NO
    assert kinds(gate.filter(SpeechPaused(TURN, SOUND, 3.0, 3.1))) == [TurnStarted, SpeechPaused]
    ended = TurnEnded(TURN, SOUND, 1.0, 3.0, 3.9, Microphone.OPEN)
    assert gate.filter(ended) == [ended]


def test_a_turn_whose_whole_sound_is_an_echo_ends_unheard() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    comparison.echo, comparison.turn = False, TurnEcho.CERTAIN
    gate.filter(BEGAN)
    assert kinds(gate.filter(SpeechPaused(TURN, SOUND, 2.0, 2.1))) == [TurnDropped]
    assert gate.filter(TurnEnded(TURN, SOUND, 1.0, 2.0, 2.9, Microphone.OPEN)) == []


def test_the_silence_of_a_pause_does_not_bring_back_a_turn_that_was_dropped_in_it() -> None:
    comparison = ScriptedComparison()
    gate = EchoGate(comparison)
    comparison.echo = False
    gate.filter(BEGAN)
    gate.filter(SpeechPaused(TURN, SOUND, 1.2, 1.3))
    comparison.echo = True
    assert kinds(gate.process_frame(frame(1.4))) == [TurnDropped]
    comparison.echo = False
    assert gate.process_frame(frame(1.6)) == []
    assert gate.filter(TurnEnded(TURN, SOUND, 1.0, 1.2, 2.1, Microphone.OPEN)) == []

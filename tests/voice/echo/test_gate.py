"""The gate between detectors and conversation: echoes stay out, and what turns out to be a person gets in."""

from __future__ import annotations

import numpy as np

from audio.samples import Sound16
from bot.voice.echo.gate import DOUBT, LOOK_AGAIN, EchoGate
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


class Ears:
    """Says of everybody's sound what the test wants, and keeps what it was shown."""

    def __init__(self) -> None:
        self.echo = True
        self.possible = True
        self.shown: list[tuple[int, int]] = []

    def is_echo(self, person: int, sound: Sound16, at: float) -> bool:
        self.shown.append((person, len(sound)))
        return self.echo

    def may_be_echo(self, sound: Sound16, at: float) -> bool:
        return self.possible


def heard(at: float, person: int = 1) -> AudioFrame:
    return AudioFrame(person, SOUND, at)


def test_an_echo_never_becomes_a_turn() -> None:
    gate = EchoGate(Ears())
    gate.heard(heard(1.1))
    events = [
        *gate.passed(BEGAN),
        *gate.passed(SpeechSoFar(TURN, SOUND, 1.6)),
        *gate.passed(SpeechPaused(TURN, SOUND, 2.0, 2.1)),
        *gate.passed(TurnEnded(TURN, SOUND, 1.0, 2.0, 2.4, Microphone.OPEN)),
    ]
    assert events == []


def test_the_turn_after_an_echo_is_looked_at_anew() -> None:
    ears = Ears()
    gate = EchoGate(ears)
    gate.passed(BEGAN)
    gate.passed(TurnDropped(TURN, 1.5))
    ears.echo = False
    later = TurnStarted(TurnId(1, 2), 2.0, 2.1)
    assert gate.passed(later) == [later]


def test_a_person_who_talks_into_an_echo_is_let_in_with_the_newest_state_of_their_turn() -> None:
    ears = Ears()
    gate = EchoGate(ears)
    gate.passed(BEGAN)
    gate.passed(SpeechSoFar(TURN, SOUND, 1.6))
    assert gate.heard(heard(1.11 + LOOK_AGAIN)) == []
    ears.echo = False
    began, so_far = gate.heard(heard(1.12 + 2 * LOOK_AGAIN))
    assert began == BEGAN
    assert isinstance(so_far, SpeechSoFar)
    assert so_far.at == 1.6
    assert kinds(gate.passed(SpeechPaused(TURN, SOUND, 2.0, 2.1))) == [SpeechPaused]


def test_the_room_behind_an_echo_does_not_make_it_a_persons_turn_but_more_speech_may() -> None:
    ears = Ears()
    gate = EchoGate(ears)
    gate.passed(BEGAN)
    gate.passed(SpeechPaused(TURN, SOUND, 2.0, 2.1))
    ears.echo = False
    assert gate.heard(heard(2.3)) == []
    resumed = SpeechResumed(TURN, 2.5)
    assert gate.passed(resumed) == []
    assert gate.heard(heard(2.6)) == [BEGAN, resumed]


def test_a_turn_that_turns_out_to_be_an_echo_is_taken_back() -> None:
    ears = Ears()
    gate = EchoGate(ears)
    ears.echo = False
    assert gate.passed(BEGAN) == [BEGAN]
    ears.echo = True
    assert gate.heard(heard(1.12 + LOOK_AGAIN)) == [TurnDropped(TURN, 1.12 + LOOK_AGAIN)]
    assert gate.passed(SpeechPaused(TURN, SOUND, 2.0, 2.1)) == []


def test_a_long_turn_is_a_persons_and_not_doubted_any_more() -> None:
    ears = Ears()
    gate = EchoGate(ears)
    ears.echo = False
    gate.passed(BEGAN)
    gate.heard(heard(BEGAN.at + DOUBT + 0.1))
    ears.echo = True
    assert gate.heard(heard(BEGAN.at + DOUBT + 0.3)) == []


def test_it_does_not_look_at_every_packet() -> None:
    ears = Ears()
    gate = EchoGate(ears)
    gate.passed(BEGAN)
    for number in range(10):
        gate.heard(heard(1.1 + number * 0.02))
    assert len(ears.shown) <= 3


def test_one_persons_echo_is_not_anothers() -> None:
    ears = Ears()
    gate = EchoGate(ears)
    gate.heard(heard(1.0))
    gate.passed(BEGAN)
    ears.echo = False
    began = TurnStarted(OTHER, 1.0, 1.1)
    assert gate.passed(began) == [began]
    assert [person for person, _ in ears.shown] == [1, 2]


def test_what_is_forgotten_is_not_compared_any_more() -> None:
    ears = Ears()
    gate = EchoGate(ears)
    gate.heard(heard(1.0))
    gate.forget(1)
    gate.passed(BEGAN)
    assert ears.shown == [(1, 0)]


def test_the_sound_of_an_earlier_transmission_is_not_compared() -> None:
    ears = Ears()
    gate = EchoGate(ears)
    gate.heard(heard(1.0))
    gate.heard(heard(3.0))
    gate.passed(TurnStarted(TURN, 3.0, 3.0))
    assert ears.shown == [(1, len(SOUND))]


def test_what_is_judged_by_its_words_knows_whether_its_sound_may_be_an_echo() -> None:
    ears = Ears()
    gate = EchoGate(ears)
    ears.echo = False
    gate.passed(BEGAN)
    for possible in (True, False):
        ears.possible = possible
        for event in (SpeechSoFar(TURN, SOUND, 1.6), SpeechPaused(TURN, SOUND, 2.0, 2.1)):
            (passed,) = gate.passed(event)
            assert isinstance(passed, SpeechSoFar | SpeechPaused)
            assert passed.may_be_echo is possible
            assert passed.sound is SOUND

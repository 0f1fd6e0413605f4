"""Tests of endpointing by habit: a person who usually pauses for long within a turn is given more time to go on."""

from __future__ import annotations

from bot.voice.turns.events import SpeechPaused, SpeechResumed, TurnEnded
from tests.voice.turns.scripted import Person

CLOSING = 0.24
"""Seconds that :func:`talk_until_quiet` adds to a pause.

The person stays quiet for 0.2 s, and the microphone takes 20 ms to close. When the person goes on, the first packet
arrives after 20 ms.
"""


def talk_until_quiet(person: Person, words: str) -> None:
    """Talk for a second, then let the microphone close. ``words`` is the transcript of the whole turn so far."""
    person.talk(1.0)
    person.stay_quiet(0.2)
    person.close()
    person.transcribed(person.only(SpeechPaused)[-1].turn, words)


def say_turn(person: Person, pause: float = 0.0) -> float:
    """Say a sentence. Returns the seconds from its last sound to the end of the turn.

    Args:
        person: who says it.
        pause: seconds of silence in the middle of the sentence; 0 for none.
    """
    words = "That is all."
    if pause:
        talk_until_quiet(person, "I went to the")
        person.pass_time(pause - CLOSING)
        words = "I went to the shop. That is all."
    talk_until_quiet(person, words)
    person.pass_time(3.0)
    ended = person.only(TurnEnded)[-1]
    return ended.at - ended.last_voiced_at


def test_ordinary_pauses_hardly_lengthen_the_wait() -> None:
    person = Person()
    waits = [say_turn(person, pause=0.3) for _ in range(8)]
    # Without pauses, the wait is less than 0.3 s.
    assert waits[-1] < 0.4


def test_after_a_long_pause_the_same_turn_is_given_more_time() -> None:
    person = Person()
    assert [say_turn(person) for _ in range(6)][-1] < 0.3
    long, shorter = 0.74, 0.49
    talk_until_quiet(person, "I went to the")
    person.pass_time(long - CLOSING)
    talk_until_quiet(person, "I went to the shop.")
    # Without the long pause before, the turn would end after less than 0.3 s.
    person.pass_time(shorter - CLOSING)
    talk_until_quiet(person, "I went to the shop. That is all.")
    person.pass_time(3.0)
    assert len(person.only(TurnEnded)) == 7
    assert len(person.only(SpeechResumed)) == 2


def test_one_turn_without_a_pause_does_not_undo_a_habit() -> None:
    person = Person()
    for _ in range(6):
        say_turn(person, pause=0.6)
    say_turn(person)
    # The wait stays nearly as long as the pauses.
    assert say_turn(person) > 0.55

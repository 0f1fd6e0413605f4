"""Tests of turn detection with push-to-talk: a key opens a person's microphone, and its release ends the turn."""

from __future__ import annotations

from bot.voice.turn import Microphone
from bot.voice.turns.events import SpeechPaused, TurnEnded
from bot.voice.turns.settings import TurnSettings
from tests.voice.turns.scripted import Person

SETTINGS = TurnSettings()


def person_with_push_to_talk() -> Person:
    """A person who has released a push-to-talk key three times right after the last word, without silence before."""
    person = Person()
    for _ in range(3):
        person.talk(1.0)
        person.close()
        person.pass_time(3.0)
    person.events.clear()
    return person


def test_a_released_key_ends_the_turn_at_once() -> None:
    person = person_with_push_to_talk()
    person.talk(1.0)
    released = person.now
    person.close()
    (ended,) = person.only(TurnEnded)
    assert ended.at - released <= 0.06
    assert ended.microphone is Microphone.PUSH_TO_TALK


def test_a_held_key_keeps_the_turn_open_through_a_long_pause() -> None:
    person = person_with_push_to_talk()
    person.talk(1.0)
    person.stay_quiet(1.2)
    person.talk(1.0)
    assert "TurnEnded" not in person.named()


def test_a_transmission_that_stops_without_announcement_is_no_released_key() -> None:
    person = person_with_push_to_talk()
    person.talk(1.0)
    person.close(announced=False)
    assert person.named()[-1] == "SpeechPaused"


def test_a_key_that_the_transport_knows_of_ends_the_first_turn_at_once() -> None:
    person = Person(microphone=Microphone.PUSH_TO_TALK)
    person.talk(1.0)
    person.stay_quiet(0.3)
    released = person.now
    person.close()
    (ended,) = person.only(TurnEnded)
    assert ended.at - released <= 0.06
    assert ended.microphone is Microphone.PUSH_TO_TALK


def test_a_key_that_the_transport_knows_of_keeps_the_first_turn_open_while_it_is_held() -> None:
    person = Person(microphone=Microphone.PUSH_TO_TALK)
    person.talk(1.0)
    person.stay_quiet(4.0)
    person.transcribed(person.only(SpeechPaused)[-1].turn, "That is all.")
    person.stay_quiet(4.0)
    person.talk(1.0)
    assert "TurnEnded" not in person.named()
    person.close()
    assert len(person.only(TurnEnded)) == 1


def test_a_key_that_is_never_released_does_not_hold_the_turn_open_for_ever() -> None:
    person = Person(microphone=Microphone.PUSH_TO_TALK)
    person.talk(1.0)
    person.stay_quiet(SETTINGS.known_key_wait + 0.5)
    assert "TurnEnded" in person.named()


def test_an_open_microphone_that_was_muted_after_the_words_is_not_taken_for_a_key() -> None:
    person = Person(microphone=Microphone.OPEN)
    for _ in range(4):
        person.talk(1.0)
        person.close()
        person.pass_time(3.0)
    assert {ended.microphone for ended in person.only(TurnEnded)} == {Microphone.OPEN}

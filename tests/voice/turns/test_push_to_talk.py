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


def question_with_a_pause(person: Person, *, held: bool) -> float:
    """Ask a question in two pieces. Returns the seconds from the last sound to the end of the turn.

    Args:
        person: somebody of whom nothing is known yet.
        held: whether the microphone transmits the pause between the pieces, which a voice-activated one does not.
    """
    person.talk(1.0)
    if held:
        person.stay_quiet(0.6)
    else:
        person.stay_quiet(0.2)
        person.close()
        person.transcribed(person.only(SpeechPaused)[-1].turn, "Why is the")
        person.pass_time(0.38)
    person.talk(0.6)
    person.stay_quiet(0.15)
    person.close()
    person.transcribed(person.only(SpeechPaused)[-1].turn, "Why is the sky blue?")
    person.pass_time(3.0)
    (ended,) = person.only(TurnEnded)
    return ended.at - ended.last_voiced_at


def test_a_key_that_was_held_through_a_pause_ends_the_same_turn_soon_after_its_release() -> None:
    assert question_with_a_pause(Person(), held=True) < 0.3
    # Without a key, the first pause shows that this person pauses, so the bot waits longer.
    assert question_with_a_pause(Person(), held=False) > 0.4


def test_after_the_release_of_a_key_an_unfinished_sentence_is_waited_for() -> None:
    person = Person()
    person.talk(1.0)
    person.stay_quiet(0.6)
    person.talk(0.6)
    person.stay_quiet(0.15)
    person.close()
    person.transcribed(person.only(SpeechPaused)[-1].turn, "Why is the")
    person.pass_time(1.0)
    assert "TurnEnded" not in person.named()


def test_the_release_of_a_key_says_nothing_of_the_next_transmission() -> None:
    person = Person()
    question_with_a_pause(person, held=True)
    person.talk(0.5)
    person.stay_quiet(0.3)
    person.close()
    person.transcribed(person.only(SpeechPaused)[-1].turn, "And then it was green.")
    person.pass_time(3.0)
    ended = person.only(TurnEnded)[-1]
    # With the key, the bot waited for less than 0.3 s. Now the pause within the question makes it wait longer again.
    assert ended.at - ended.last_voiced_at > 0.3

"""Tests of the turn detector of one person, whose voice is detected by its level."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio.samples import HEARING_RATE, Sound16
from bot.voice.frames import PersonLeft
from bot.voice.turns.events import (
    SpeechPaused,
    SpeechResumed,
    SpeechSoFar,
    TurnDropped,
    TurnEnded,
    TurnPart,
    TurnStarted,
)
from bot.voice.turns.settings import TurnSettings
from bot.voice.turns.voice_activity import WINDOW_SECONDS
from tests.voice.turns.scripted import PERSON, Person, joined

SETTINGS = TurnSettings()


def waited(person: Person) -> float:
    """Seconds from the last pause to the end of the turn."""
    return person.only(TurnEnded)[-1].at - person.only(SpeechPaused)[-1].at


def test_speech_is_certain_within_130_ms() -> None:
    person = Person()
    began = person.now
    person.talk(0.14)
    (event,) = person.only(TurnStarted)
    assert event.at - began <= 0.13


def test_sound_from_before_the_speech_was_certain_is_kept() -> None:
    person = Person()
    person.stay_quiet(1.0)
    person.talk(1.0)
    person.close()
    (paused,) = person.only(SpeechPaused)
    sent = joined(person.sent)
    assert len(paused.sound) >= HEARING_RATE + round(0.256 * HEARING_RATE) - 512
    assert np.array_equal(paused.sound, sent[-len(paused.sound) :])


def test_nearly_every_pause_is_noticed_within_two_packets() -> None:
    noticed = []
    for packets in range(50, 58):
        person = Person()
        person.talk(packets * 0.02)
        last_word = person.now
        person.stay_quiet(0.2)
        (paused,) = person.only(SpeechPaused)
        noticed.append(paused.at - last_word)
        sent = joined(person.sent)
        until = round((paused.at - 100.0) * HEARING_RATE)
        assert np.array_equal(paused.sound, sent[until - len(paused.sound) : until])
    assert sum(late < 0.041 for late in noticed) >= 7
    assert max(noticed) < 0.061


def test_when_the_microphone_closes_the_turn_pauses_at_once_and_ends_after_a_wait() -> None:
    person = Person()
    person.talk(1.0)
    person.close()
    assert person.named()[-1] == "SpeechPaused"
    assert person.detector.deadline is not None
    person.pass_time(3.0)
    assert person.named()[-1] == "TurnEnded"
    assert person.only(TurnEnded)[0].sound is person.only(SpeechPaused)[0].sound
    assert person.detector.deadline is None


@pytest.mark.parametrize(
    ("text", "least", "most"), [("What time is it?", 0.15, 0.75), ("I went home and", 1.0, 1.3), (None, 0.8, 1.1)]
)
def test_the_words_decide_the_length_of_the_wait(text: str | None, least: float, most: float) -> None:
    person = Person()
    person.talk(1.0)
    person.close()
    if text is not None:
        person.transcribed(person.only(SpeechPaused)[0].turn, text)
    person.pass_time(3.0)
    assert least <= waited(person) <= most


def test_a_late_estimate_ends_a_turn_whose_wait_is_over() -> None:
    person = Person()
    person.talk(1.0)
    person.stay_quiet(0.9)
    person.transcribed(person.only(SpeechPaused)[0].turn, "That is all.")
    assert person.detector.deadline is not None
    person.pass_time(0.0)
    assert person.named()[-1] == "TurnEnded"


def test_a_turn_without_words_is_dropped() -> None:
    person = Person()
    person.talk(0.5)
    person.close()
    person.transcribed(person.only(SpeechPaused)[0].turn, " ")
    person.pass_time(3.0)
    assert person.named()[-1] == "TurnDropped"


def test_a_person_who_goes_on_is_not_cut_off() -> None:
    person = Person()
    person.talk(1.0)
    person.stay_quiet(0.3)
    person.close()
    person.pass_time(0.4)
    person.talk(1.0)
    person.stay_quiet(0.3)
    person.close()
    person.pass_time(3.0)
    spoken = [name for name in person.named() if name != "SpeechSoFar"]
    assert spoken == ["TurnStarted", "SpeechPaused", "SpeechResumed", "SpeechPaused", "TurnEnded"]
    assert len(person.only(TurnEnded)[0].sound) > 2.5 * HEARING_RATE


def test_the_silence_between_transmissions_is_in_the_sound_but_not_all_of_it() -> None:
    person = Person()
    person.talk(1.0)
    person.close()
    person.pass_time(0.8)
    person.talk(1.0)
    person.close()
    sound = person.only(SpeechPaused)[-1].sound
    assert 2.2 <= len(sound) / HEARING_RATE <= 2.0 + SETTINGS.longest_gap
    assert np.count_nonzero(sound) == 2 * HEARING_RATE


def test_a_microphone_that_opens_delays_the_end_until_it_is_clear_whether_the_person_speaks() -> None:
    person = Person()
    person.talk(1.0)
    person.close()
    assert person.detector.deadline is not None
    person.pass_time(person.detector.deadline - person.now - 0.03)
    person.stay_quiet(0.06)
    person.talk(0.5)
    assert "TurnEnded" not in person.named()
    assert person.only(SpeechResumed)


def test_an_end_is_reported_even_if_nobody_called_tick_in_time() -> None:
    person = Person()
    person.talk(1.0)
    person.close()
    person.now += 60.0
    person.talk(1.0)
    assert [name for name in person.named() if name != "SpeechSoFar"][-2:] == ["TurnEnded", "TurnStarted"]


def test_late_packets_end_no_turn() -> None:
    person = Person()
    person.talk(1.0)
    person.stay_quiet(0.1)
    person.pass_time(1.5)
    person.talk(0.5)
    assert "TurnEnded" not in person.named()


@pytest.mark.parametrize("seconds", [0.05, 0.3, 0.6, 0.9])
def test_a_network_that_stands_still_within_a_word_neither_ends_the_turn_nor_adds_a_silence(seconds: float) -> None:
    person = Person()
    person.talk(0.5)
    person.stall(seconds)
    person.transcribed(person.only(TurnStarted)[0].turn, "")
    person.pass_time(0.2)
    person.talk(0.5)
    person.close()
    person.transcribed(person.only(TurnStarted)[0].turn, "Hello there!")
    person.pass_time(2.0)
    (ended,) = person.only(TurnEnded)
    assert np.array_equal(ended.sound, joined(person.sent))


@pytest.mark.parametrize("quiet", [0.04, 0.06, 0.08])
@pytest.mark.parametrize("words", [None, "I had", "That is all."])
def test_a_network_that_stands_still_in_a_gap_within_a_word_does_not_end_the_turn(
    quiet: float, words: str | None
) -> None:
    """Sounds such as the p of "pizza" have a gap, which looks like the beginning of a pause."""
    person = Person()
    person.talk(0.4)
    person.stay_quiet(quiet)
    assert person.only(SpeechPaused), "the gap was noticed before the network stood still"
    if words is not None:
        person.transcribed(person.only(TurnStarted)[0].turn, words)
    person.stall(1.0)
    person.talk(0.5)
    person.close()
    person.transcribed(person.only(TurnStarted)[0].turn, "Hello there!")
    person.pass_time(2.0)
    (ended,) = person.only(TurnEnded)
    assert np.array_equal(ended.sound, joined(person.sent))


def test_packets_that_stop_in_a_pause_do_not_lengthen_it() -> None:
    """The microphone stays open for a while after the words. The packets that announce its closing may be lost."""
    waits = []
    for announced in (True, False):
        person = Person()
        person.talk(0.5)
        person.stay_quiet(0.2)
        person.transcribed(person.only(TurnStarted)[0].turn, "That is all.")
        person.close(announced=announced)
        person.pass_time(2.0)
        waits.append(waited(person))
    assert waits[0] == waits[1]


def test_words_that_end_after_the_network_stood_still_are_answered_as_soon_as_others() -> None:
    waits = []
    for stalls in (False, True):
        person = Person()
        person.talk(0.5)
        if stalls:
            person.stall(0.3)
        person.talk(0.5)
        person.stay_quiet(0.1)
        person.transcribed(person.only(TurnStarted)[0].turn, "Hello there!")
        person.stay_quiet(1.0)
        waits.append(waited(person))
    assert waits[1] == pytest.approx(waits[0], abs=WINDOW_SECONDS)


def test_the_wait_is_longer_for_somebody_who_was_cut_off() -> None:
    person = Person()
    waits = []
    for pause in (0.0, 0.0, 0.0, 0.0, 0.0, 0.4, 0.0):
        person.talk(1.0)
        person.stay_quiet(0.2)
        person.close()
        person.transcribed(person.only(SpeechPaused)[-1].turn, "That is all.")
        person.pass_time(pause or 3.0)
        if not pause:
            waits.append(waited(person))
    *_, fluent, cut_off = waits
    assert fluent < 0.3 < cut_off


def test_the_sound_of_a_long_turn_is_reported_every_second() -> None:
    person = Person()
    began = person.now
    person.talk(4.0)
    reported = [event.at - began for event in person.only(SpeechSoFar)]
    assert 0.55 <= reported[0] <= 0.75
    assert all(0.9 <= later - earlier <= 1.15 for earlier, later in pairwise(reported))
    assert len(reported) == 4


def test_with_interim_transcripts_the_sound_is_reported_every_quarter_of_a_second() -> None:
    person = Person(replace(SETTINGS, next_interim=SETTINGS.next_interim_often))
    person.talk(3.0)
    reported = [event.at for event in person.only(SpeechSoFar)]
    assert len(reported) >= 8
    assert all(0.2 <= later - earlier <= 0.35 for earlier, later in pairwise(reported))


def test_a_click_makes_no_turn_and_a_short_noise_is_dropped() -> None:
    person = Person()
    person.stay_quiet(0.512)
    person.talk(0.03)
    person.stay_quiet(2.0)
    assert person.events == []
    person.talk(0.1)
    person.stay_quiet(2.0)
    assert person.named() == ["TurnStarted", "SpeechPaused", "TurnDropped"]


def test_the_turn_of_a_person_who_leaves_is_dropped() -> None:
    person = Person()
    person.talk(1.0)
    assert [type(event) for event in person.detector.person_left(PersonLeft(PERSON, person.now))] == [TurnDropped]
    assert person.detector.deadline is None


def test_a_monologue_is_cut_at_a_pause_and_nothing_is_lost() -> None:
    person = Person()
    for _ in range(9):
        person.talk(4.0)
        person.stay_quiet(0.4)
    person.stay_quiet(2.0)
    parts, (ended,) = person.only(TurnPart), person.only(TurnEnded)
    assert len(parts) == 2
    assert all(len(part.sound) <= 26 * HEARING_RATE for part in parts)
    whole = joined([*(part.sound for part in parts), ended.sound])
    assert np.array_equal(whole, joined(person.sent)[: len(whole)])
    assert len(whole) >= 9 * 4 * HEARING_RATE


def test_a_monologue_without_a_pause_is_cut_where_it_is_quietest() -> None:
    person = Person()
    person.talk(22.0)
    person.send(np.full(HEARING_RATE // 10, 0.06, np.float32))
    person.talk(8.0)
    (part,) = person.only(TurnPart)
    assert abs(len(part.sound) / HEARING_RATE - 22.05) < 0.06


Step = tuple[str, float]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("talk"), st.floats(0.01, 2.0)),
        st.tuples(st.just("quiet"), st.floats(0.01, 1.5)),
        st.tuples(st.just("close"), st.floats(0.0, 2.0)),
        st.tuples(st.just("late"), st.floats(0.0, 0.5)),
        st.tuples(st.just("stall"), st.floats(0.0, 2.0)),
        st.tuples(st.just("words"), st.floats(0.0, 1.0)),
    ),
    max_size=25,
)
FOLLOWS = {
    None: {"TurnStarted"},
    "TurnStarted": {"SpeechPaused", "SpeechSoFar"},
    "SpeechSoFar": {"SpeechPaused", "SpeechSoFar", "TurnPart"},
    "SpeechPaused": {"SpeechResumed", "TurnEnded", "TurnDropped"},
    "SpeechResumed": {"SpeechPaused", "SpeechSoFar", "TurnPart"},
    "TurnPart": {"SpeechPaused", "SpeechSoFar", "TurnPart"},
    "TurnEnded": {"TurnStarted"},
    "TurnDropped": {"TurnStarted"},
}


@settings(max_examples=60)
@given(STEPS)
def test_events_are_always_in_order_and_no_sample_comes_twice(steps: list[Step]) -> None:
    person = Person(TurnSettings(part_after=2.0, longest_part=4.0, part_search=1.0))
    for what, seconds in steps:
        match what:
            case "talk":
                person.talk(seconds)
            case "quiet":
                person.stay_quiet(seconds)
            case "close":
                person.close()
                person.pass_time(seconds)
            case "late":
                person.pass_time(seconds)
            case "stall":
                person.stall(seconds)
            case _:
                for paused in person.only(SpeechPaused)[-1:]:
                    person.transcribed(paused.turn, "That is all." if seconds < 0.5 else "And")
    person.close()
    person.pass_time(5.0)

    names = person.named()
    assert all(later in FOLLOWS[earlier] for earlier, later in pairwise([None, *names]))
    assert not names or names[-1] in ("TurnEnded", "TurnDropped")
    numbers = [event.turn.number for event in person.events]
    assert numbers == sorted(numbers)
    assert all(later.at >= earlier.at for earlier, later in pairwise(person.events))
    kept = joined([event.sound for event in person.events if isinstance(event, TurnPart | TurnEnded)])
    assert in_order(kept[kept != 0], joined(person.sent))


def in_order(kept: Sound16, sent: Sound16) -> bool:
    """True if every sample of ``kept`` was sent, and if they are in the order of sending without repetition."""
    positions = {float(sample): position for position, sample in enumerate(sent)}
    return all(later > earlier for earlier, later in pairwise(positions[float(sample)] for sample in kept))

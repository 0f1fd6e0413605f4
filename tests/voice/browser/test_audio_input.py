"""Sound from a browser becomes frames, and the ends of transmissions are noticed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVarTuple, Unpack

import numpy as np
import pytest

from audio.pcm import to_pcm16
from bot.voice.browser.audio_input import BrowserAudioInput, SoundClock
from bot.voice.frames import AudioFrame, InputEvent, PersonLeft, TransmissionEnded
from bot.voice.turn import Microphone
from tests.timing import Clock
from tests.tones import tone

Arguments = TypeVarTuple("Arguments")
ADA = 7


class InlineThread:
    """An input thread that does everything at once."""

    def __init__(self, source: BrowserAudioInput) -> None:
        self.events: list[InputEvent] = []
        self._source = source

    def post(self, function: Callable[[Unpack[Arguments]], Any], *arguments: *Arguments) -> None:
        function(*arguments)

    def offer(self, function: Callable[[Unpack[Arguments]], Any], *arguments: *Arguments) -> None:
        function(*arguments)

    def person_left(self, person: int) -> None:
        self._source.person_left(person, 0.0)

    def receive(self, event: InputEvent) -> None:
        self.events.append(event)

    @property
    def frames(self) -> list[AudioFrame]:
        return [event for event in self.events if isinstance(event, AudioFrame)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source(clock: Clock) -> BrowserAudioInput:
    return BrowserAudioInput(lambda: ADA, clock=clock)


def started(source: BrowserAudioInput, *, admitted: bool = True) -> InlineThread:
    thread = InlineThread(source)
    source.start(thread, lambda _: admitted)
    return thread


def sound(seconds: float) -> bytes:
    return to_pcm16(tone(seconds, rate=16_000))


def test_a_long_piece_becomes_frames_of_20_ms(source: BrowserAudioInput, clock: Clock) -> None:
    thread = started(source)
    source.feed(sound(0.31))
    assert [len(frame.sound) for frame in thread.frames] == [320] * 15 + [160]
    assert {frame.person for frame in thread.frames} == {ADA}
    assert np.allclose(np.concatenate([frame.sound for frame in thread.frames]), tone(0.31, rate=16_000), atol=1e-4)


def test_the_frames_of_a_long_piece_have_the_times_at_which_they_were_spoken(
    source: BrowserAudioInput, clock: Clock
) -> None:
    thread = started(source)
    source.feed(sound(0.1))
    clock.pass_by(0.1)
    source.feed(sound(0.1))
    ends = [clock.now - 0.1 - left for left in (0.08, 0.06, 0.04, 0.02, 0.0)]
    assert [frame.at for frame in thread.frames] == pytest.approx([*ends, *(end + 0.1 for end in ends)])
    source.feed(sound(0.1))
    assert {frame.at for frame in thread.frames[10:]} == {clock.now}, "no frame is earlier than the one before it"


def test_sound_that_waited_for_the_call_is_one_transmission(source: BrowserAudioInput, clock: Clock) -> None:
    for _ in range(5):
        source.feed(sound(0.3))
        clock.pass_by(0.3)
    clock.pass_by(3.0)
    thread = started(source)
    deadline = source.deadline
    assert deadline is not None
    assert deadline > clock.now
    assert len(thread.events) == len(thread.frames) == 75


def test_the_sound_before_the_call_listens_is_kept_within_a_bound(source: BrowserAudioInput) -> None:
    for _ in range(60):
        source.feed(sound(0.1))
    thread = started(source)
    assert sum(len(frame.sound) for frame in thread.frames) == pytest.approx(5.0 * 16_000, abs=1_600)


def test_sound_of_a_person_who_is_not_listened_to_is_dropped(source: BrowserAudioInput) -> None:
    thread = started(source, admitted=False)
    source.feed(sound(0.1))
    source.end_transmission()
    assert thread.events == []
    assert source.deadline is None


def test_a_released_key_ends_the_transmission_with_an_announcement(source: BrowserAudioInput, clock: Clock) -> None:
    thread = started(source)
    source.feed(sound(0.02))
    clock.pass_by(0.1)
    source.end_transmission()
    source.end_transmission()
    assert thread.events[-1] == TransmissionEnded(ADA, clock.now, announced=True)
    assert len(thread.events) == 2
    assert source.deadline is None


def test_frames_tell_the_kind_of_the_microphone_with_which_they_were_recorded(source: BrowserAudioInput) -> None:
    source.microphone = Microphone.PUSH_TO_TALK
    source.feed(sound(0.02))
    source.microphone = Microphone.OPEN
    source.feed(sound(0.02))
    thread = started(source)
    assert [frame.microphone for frame in thread.frames] == [Microphone.PUSH_TO_TALK, Microphone.OPEN]


def test_a_gap_ends_the_transmission_without_an_announcement(source: BrowserAudioInput, clock: Clock) -> None:
    thread = started(source)
    source.feed(sound(0.02))
    deadline = source.deadline
    assert deadline is not None
    source.tick(deadline - 0.001)
    assert len(thread.events) == 1
    source.tick(deadline)
    assert thread.events[-1] == TransmissionEnded(ADA, deadline, announced=False)


def test_between_long_pieces_that_are_recorded_one_after_another_there_is_no_gap(
    source: BrowserAudioInput, clock: Clock
) -> None:
    thread = started(source)
    for _ in range(3):
        source.feed(sound(0.9))
        clock.pass_by(0.95)
        deadline = source.deadline
        assert deadline is not None
        assert deadline > clock.now
    assert not [event for event in thread.events if isinstance(event, TransmissionEnded)]


@pytest.mark.parametrize(
    ("microphone", "announced", "delayed"),
    [(Microphone.OPEN, False, True), (Microphone.OPEN, True, False), (None, False, False)],
)
def test_sound_after_an_unannounced_gap_counts_as_delayed_if_the_client_announces_its_pauses(
    source: BrowserAudioInput, clock: Clock, microphone: Microphone | None, announced: bool, delayed: bool
) -> None:
    """A client that does not name its microphone never announces pauses. So a gap in its sound counts as a pause."""
    thread = started(source)
    source.microphone = microphone
    source.feed(sound(0.02))
    if announced:
        source.end_transmission()
    clock.pass_by(2.0)
    source.tick(clock.now)
    source.feed(sound(0.06))
    assert [frame.delayed for frame in thread.frames] == [False, delayed, False, False]


def test_a_person_who_leaves_is_reported_and_nothing_is_due_any_more(source: BrowserAudioInput) -> None:
    thread = started(source)
    source.feed(sound(0.02))
    source.person_left(ADA, 5.0)
    assert thread.events[-1] == PersonLeft(ADA, 5.0)
    assert source.deadline is None


def test_after_the_end_no_sound_is_accepted(source: BrowserAudioInput) -> None:
    thread = started(source)
    source.stop()
    source.feed(sound(0.1))
    source.end_transmission()
    assert thread.events == []


def test_sound_may_be_two_seconds_ahead_of_the_clock(clock: Clock) -> None:
    ahead = SoundClock(clock)
    assert all(ahead.take(0.5) for _ in range(4))
    assert not ahead.take(0.02)


def test_sound_in_real_time_is_never_too_far_ahead(clock: Clock) -> None:
    ahead = SoundClock(clock)
    for _ in range(10_000):
        assert ahead.take(0.02)
        clock.pass_by(0.0199)


def test_sound_that_was_recorded_while_the_network_stood_still_may_catch_up(clock: Clock) -> None:
    ahead = SoundClock(clock)
    clock.pass_by(10.0)
    assert ahead.take(12.0)
    assert not ahead.take(0.1)


def test_an_hour_of_silence_is_no_credit_for_an_hour_of_sound(clock: Clock) -> None:
    ahead = SoundClock(clock)
    clock.pass_by(3_600.0)
    # Of the hour, 30 s may be caught up. The sound may be 2 s ahead besides.
    assert ahead.take(31.9)
    assert not ahead.take(0.2)

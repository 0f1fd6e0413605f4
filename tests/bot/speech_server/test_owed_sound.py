"""Tests of the rule by which a speech server counts as too slow, driven by a clock."""

from __future__ import annotations

import numpy as np
import pytest

from bot.speech_server.events import SegmentAudio
from bot.speech_server.owed_sound import OwedSound
from tests.timing import Clock
from wire.messages import Cancel, Cancelled, Flushed, SegmentEnd, SegmentStart, Speak

SECOND = SegmentAudio("r1", 0, np.zeros(48_000, np.float32))
SENTENCES = "This is the first sentence of a long answer. And this is what follows"


class Owed:
    """The rule, and the time that passes."""

    def __init__(self, *texts: Speak) -> None:
        self.clock = Clock()
        self.rule = OwedSound(self.clock)
        self.rule.awaited()
        for text in texts:
            self.rule.sent(text)

    def wait(self, seconds: float) -> float:
        """Await a frame that does not come; returns how late the sound is then."""
        self.rule.awaited()
        self.clock.now += seconds
        return self.rule.late

    def get(self, *events: object) -> None:
        for event in events:
            self.rule.came(event)  # type: ignore[arg-type]


def test_a_server_that_has_the_whole_text_owes_its_sound() -> None:
    owed = Owed(Speak("Hi", reply="r1"), Speak(flush=True, reply="r1"))
    assert owed.wait(3.0) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("text", "late"), [("Hi", 0.0), ("Dr. ", 0.0), ("Dr. Who", 0.0), (SENTENCES, 3.0), (SENTENCES[:40], 0.0)]
)
def test_a_server_may_wait_for_the_rest_of_a_sentence(text: str, late: float) -> None:
    assert Owed(Speak(text, reply="r1")).wait(3.0) == pytest.approx(late)


def test_sound_as_quick_as_speech_is_never_late_and_slower_sound_is_later_and_later() -> None:
    owed = Owed(Speak("Hi.", flush=True, reply="r1"))
    for _ in range(10):
        assert owed.wait(0.9) <= 0.9
        owed.get(SECOND)
    assert owed.rule.late == 0.0
    for number in range(1, 4):
        assert owed.wait(3.0) == pytest.approx(2.0 * number + 1.0)
        owed.get(SECOND)


def test_sound_that_came_early_gives_no_credit() -> None:
    owed = Owed(Speak("Hi.", flush=True, reply="r1"))
    owed.get(*[SECOND] * 10)
    assert owed.wait(3.0) == pytest.approx(3.0)


def test_time_in_which_nobody_reads_does_not_count() -> None:
    owed = Owed(Speak("Hi", reply="r1"))
    owed.get(SegmentStart(0, "Hi", "r1"))
    owed.clock.now += 60.0
    owed.rule.sent(Speak(flush=True, reply="r1"))
    owed.clock.now += 60.0
    assert owed.wait(1.0) == pytest.approx(1.0)


@pytest.mark.parametrize("end", [Flushed(1.0, 1.0, "r1"), Cancelled("r1")])
def test_a_reply_that_is_over_owes_nothing(end: object) -> None:
    owed = Owed(Speak("Hi.", flush=True, reply="r1"))
    owed.wait(2.0)
    owed.get(end)
    assert owed.wait(60.0) == 0.0


def test_a_cancelled_reply_and_what_still_comes_of_it_count_for_nothing() -> None:
    owed = Owed(Speak("Hi.", flush=True, reply="r0"))
    owed.wait(2.0)
    owed.rule.sent(Cancel("r0"))
    assert owed.wait(60.0) == 0.0
    owed.rule.sent(Speak("Hi.", flush=True, reply="r1"))
    owed.wait(2.0)
    owed.get(SegmentAudio("r0", 0, np.zeros(480_000, np.float32)), Flushed(1.0, 1.0, "r0"))
    assert owed.wait(1.0) == pytest.approx(3.0)


def test_segments_that_were_spoken_are_no_longer_owed() -> None:
    owed = Owed(Speak(SENTENCES, reply="r1"))
    first, _, _ = SENTENCES.partition("And")
    owed.get(SegmentStart(0, first, "r1"), SECOND, SegmentEnd(0, 48_000, "r1"))
    assert owed.wait(60.0) == 0.0

"""How much sound a speech server may send of a text."""

from __future__ import annotations

import numpy as np
import pytest

from bot.speech_server.events import SegmentAudio, SpeechEvent
from bot.speech_server.sound_limit import (
    CHARACTER_SECONDS,
    ENDLESS,
    EXTRA_SECONDS,
    UNASKED_SECONDS,
    SoundLimit,
)
from wire.messages import SAMPLE_RATE, Cancel, Failure, Flushed, Speak

MOST = EXTRA_SECONDS + 40 * CHARACTER_SECONDS
"""Seconds of sound that a text of 40 characters may have."""


def spoken(limit: SoundLimit, seconds: float, reply: str | None = "r1") -> list[SpeechEvent]:
    """What the limit reports, beside the sound itself, while so many seconds of sound come in pieces of a second."""
    pieces = [SAMPLE_RATE] * int(seconds) + [round(SAMPLE_RATE * (seconds % 1))]
    events = [limit.checked(SegmentAudio(reply, 0, np.zeros(each, np.float32))) for each in pieces]
    return [event for event in events if not isinstance(event, SegmentAudio)]


def asked(*texts: str, reply: str | None = "r1") -> SoundLimit:
    limit = SoundLimit()
    for text in texts:
        limit.sent(Speak(text, reply=reply))
    return limit


@pytest.mark.parametrize("texts", [("a" * 40,), ("a" * 10, "b" * 30), tuple("c" * 40)])
def test_a_text_may_be_read_very_slowly_and_not_for_ever(texts: tuple[str, ...]) -> None:
    limit = asked(*texts)
    assert spoken(limit, MOST) == []
    assert spoken(limit, 5.0) == [Failure(ENDLESS, "engine_failed", "r1")], "told once"


def test_text_that_comes_later_may_be_spoken_too() -> None:
    limit = asked("a" * 40)
    assert spoken(limit, MOST - 1) == []
    limit.sent(Speak("b" * 40, reply="r1"))
    assert spoken(limit, 40 * CHARACTER_SECONDS) == []


def test_each_reply_has_a_limit_of_its_own() -> None:
    limit = asked("a" * 40)
    assert spoken(limit, MOST - 1) == []
    limit.sent(Speak("b" * 40, reply="r2"))
    assert spoken(limit, MOST, "r2") == []
    assert spoken(limit, 1.0, "r2") == [Failure(ENDLESS, "engine_failed", "r2")]


@pytest.mark.parametrize("reply", ["r1", None])
def test_a_server_that_names_no_replies_has_the_same_limit(reply: str | None) -> None:
    limit = asked("a" * 40, reply=reply)
    assert spoken(limit, MOST, None) == []
    assert spoken(limit, 1.0, None) == [Failure(ENDLESS, "engine_failed", reply)]


def test_what_is_on_its_way_after_a_cancel_is_no_fault_and_sound_for_nobody_is() -> None:
    limit = asked("a" * 40)
    for number in range(100):
        limit.sent(Cancel())
        assert spoken(limit, UNASKED_SECONDS / 10) == []
        limit.sent(Speak("Well.", reply=f"r{number + 2}"))
    assert not limit.unasked
    assert spoken(limit, UNASKED_SECONDS + 1) == []
    assert limit.unasked


def test_events_without_sound_pass() -> None:
    event = Flushed(None, 0.0, "r1")
    assert asked("a").checked(event) is event

"""Tests of replies whose sound comes without events. The tests do not wait: they tell the reply how many
seconds of silence have passed.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio.samples import Samples
from bot.speech_server.events import SegmentAudio, SpeechEvent
from bot.speech_server.plain_reply import USUAL_PACE, Pace, PlainLimits, PlainReply
from bot.speech_server.plain_sound import read_frame
from bot.voice.dialogue.reply_state import Reply, Segment
from bot.voice.turn import Prompt
from wire.messages import Failure, Flushed, SegmentEnd, SegmentStart

TEXT = "The lighthouse keeper counted every ship. He wrote its name on the wall, and the wall grew long."
LIMITS = PlainLimits()


def sound(seconds: float, level: float = 0.1) -> Samples:
    return np.full(round(seconds * 48_000), level, np.float32)


def seconds_of(text: str, pace: float = USUAL_PACE) -> float:
    return len(text) * pace / 48_000


def reply_of(text: str, pace: Pace | None = None, *, flush: bool = True) -> PlainReply:
    reply = PlainReply("r1", pace or Pace(), LIMITS)
    assert list(reply.add(text, flush=flush)) == []
    return reply


def text_of(events: Iterable[SpeechEvent]) -> str:
    return "".join(event.text for event in events if isinstance(event, SegmentStart))


def samples_of(events: Iterable[SpeechEvent]) -> int:
    return sum(len(event.samples) for event in events if isinstance(event, SegmentAudio))


def heard(events: Iterable[SpeechEvent], seconds: float) -> str:
    """What the history says was heard of a reply, after so many seconds of its sound."""
    reply = Reply("r1", Prompt("Ada", "hello", 0.0))
    reply.add_answer(TEXT)
    for event in events:
        match event:
            case SegmentStart(_, text):
                reply.segments.append(Segment(text))
            case SegmentAudio(_, _, samples):
                reply.segments[-1].received += len(samples)
            case SegmentEnd():
                reply.segments[-1].complete = True
            case _:
                pass
    return reply.heard_text(round(seconds * 48_000))


@pytest.mark.parametrize("blank", [" ", "\n", "\t"])
def test_half_a_word_waits_for_its_rest_whatever_stands_before_it(blank: str) -> None:
    reply = reply_of(f"Hi.{blank}Lightho", flush=False)
    assert text_of(reply.sound(sound(0.1))) == f"Hi.{blank}"


@pytest.mark.parametrize("voice", [0.8, 1.0, 1.3], ids=["fast", "usual", "slow"])
def test_all_text_and_all_sound_come_once_and_in_order_and_then_the_reply_is_over(voice: float) -> None:
    reply = reply_of(TEXT)
    length = seconds_of(TEXT) * voice
    events = [*reply.sound(sound(length))]
    assert not isinstance(events[-1], Flushed)
    events += reply.wait(LIMITS.quiet)
    assert reply.over
    assert text_of(events) == TEXT
    assert samples_of(events) == round(length * 48_000)
    assert isinstance(events[-1], Flushed)
    assert events[-1].audio_ms == pytest.approx(length * 1000, abs=1)
    assert sum(event.samples for event in events if isinstance(event, SegmentEnd)) == samples_of(events)


def test_what_was_heard_of_a_known_voice_is_about_what_was_played() -> None:
    pace = Pace()
    for _ in range(3):
        earlier = reply_of(TEXT, pace)
        list(earlier.sound(sound(1.6 * seconds_of(TEXT))))
        list(earlier.wait(LIMITS.quiet))
    reply = reply_of(TEXT, pace)
    events = [*reply.sound(sound(1.6 * seconds_of(TEXT))), *reply.wait(LIMITS.quiet)]
    half = heard(events, 0.8 * seconds_of(TEXT))
    assert TEXT.startswith(half)
    assert len(half) == pytest.approx(len(TEXT) / 2, abs=10)


def test_the_words_of_an_interrupted_reply_are_known_while_it_is_still_made() -> None:
    reply = reply_of(TEXT, flush=False)
    events = [*reply.sound(sound(2))]
    assert heard(events, 2) == TEXT[:30].rpartition(" ")[0]


def test_a_pause_within_a_reply_is_not_its_end() -> None:
    reply = reply_of(TEXT)
    events = [*reply.sound(sound(2)), *reply.wait(LIMITS.gap - 0.1), *reply.sound(sound(seconds_of(TEXT) - 2))]
    assert not reply.over
    events += reply.wait(LIMITS.quiet)
    assert text_of(events) == TEXT
    assert isinstance(events[-1], Flushed)


def test_text_that_waits_for_a_tool_is_complete_before_the_reply_is() -> None:
    reply = reply_of("Let me look that up.\n", flush=False)
    events = [*reply.sound(sound(1.4)), *reply.wait(LIMITS.quiet)]
    assert [type(event) for event in events[-1:]] == [SegmentEnd]
    assert not reply.over
    list(reply.add("It is five o'clock.", flush=True))
    events += [*reply.sound(sound(1.3)), *reply.wait(LIMITS.quiet)]
    assert text_of(events) == "Let me look that up.\nIt is five o'clock."
    assert isinstance(events[-1], Flushed)


@pytest.mark.parametrize("text", ["", "🙂", "… !"])
def test_a_text_without_words_is_over_at_once(text: str) -> None:
    reply = PlainReply("r1", Pace(), LIMITS)
    assert text_of(events := list(reply.add(text, flush=True))) == text
    assert isinstance(events[-1], Flushed)


def failure(events: list[SpeechEvent]) -> str:
    assert isinstance(events[-1], Failure)
    return events[-1].error


def test_a_server_that_sends_no_sound_has_failed() -> None:
    reply = reply_of(TEXT)
    assert list(reply.wait(LIMITS.first_sound - 0.1)) == []
    assert "no sound came" in failure([*reply.wait(0.2)])


def test_a_server_that_falls_silent_in_the_middle_has_failed_and_nothing_counts_as_spoken() -> None:
    reply = reply_of(TEXT)
    events = [*reply.sound(sound(0.7)), *reply.wait(LIMITS.gap)]
    assert "broke off" in failure(events)
    assert not any(isinstance(event, SegmentEnd) for event in events), "nothing counts as spoken"


def test_sound_without_end_is_cut() -> None:
    reply, came = reply_of("Hello there."), 0
    for _ in range(1000):
        events = [*reply.sound(sound(0.5))]
        came += samples_of(events)
        if reply.over:
            break
    assert "does not end" in failure(events)
    assert came / 48_000 < LIMITS.extra + 10


def test_silence_without_end_is_no_speech() -> None:
    reply = reply_of("Hello there.")
    events = list[SpeechEvent]()
    for _ in range(1000):
        events += reply.sound(sound(0.5, 0.0), 0.5)
        if reply.over:
            break
    assert "no sound came" in failure(events)
    assert samples_of(events) == 0


def test_silence_after_the_words_ends_the_reply_although_frames_go_on() -> None:
    reply = reply_of("Hello there.")
    events = [*reply.sound(sound(0.8))]
    for _ in range(1000):
        events += reply.sound(sound(0.02, 0.0), 0.02)
        if reply.over:
            break
    assert isinstance(events[-1], Flushed)
    assert samples_of(events) / 48_000 == pytest.approx(0.8 + LIMITS.quiet, abs=0.1)


def test_a_server_that_only_trickles_has_failed() -> None:
    reply, events = reply_of(TEXT), list[SpeechEvent]()
    for _ in range(2000):
        events += reply.sound(sound(1 / 48_000), 0.01)
        if reply.over:
            break
    assert "broke off" in failure(events)


def test_a_server_that_is_five_times_slower_than_speech_is_listened_to() -> None:
    reply = reply_of(TEXT)
    events = [event for _ in range(60) for event in reply.sound(sound(0.1), 0.5)]
    assert not reply.over
    assert samples_of(events) == 6 * 48_000


@pytest.mark.parametrize(("orderly", "seconds", "over"), [(True, 3, True), (False, 3, False), (False, 6, True)])
def test_a_reply_ends_with_its_connection_if_the_close_is_orderly_or_the_sound_is_long_enough(
    orderly: bool, seconds: float, over: bool
) -> None:
    reply = reply_of(TEXT)
    list(reply.sound(sound(seconds)))
    list(reply.closed(orderly=orderly))
    assert reply.over is over


@given(
    st.lists(
        st.one_of(
            st.text(max_size=40),
            st.floats(0, 3),
            st.tuples(st.floats(0, 2), st.floats(0, 1), st.sampled_from([0.0, 1e-4, 0.5])),
        ),
        max_size=30,
    )
)
def test_whatever_comes_the_text_stays_whole_and_sound_is_never_repeated(history: list[object]) -> None:
    reply, sent, came, events = PlainReply("r1", Pace(), LIMITS), "", 0, list[SpeechEvent]()
    for step in history:
        if reply.over:
            break
        match step:
            case str():
                sent += step
                events += reply.add(step, flush=False)
            case float():
                events += reply.wait(step)
            case (float(length), float(waited), float(level)):
                came += round(length * 48_000)
                events += reply.sound(sound(length, level), waited)
    if not reply.over:
        events += reply.add("", flush=True)
    for _ in range(10):
        if not reply.over:
            events += reply.wait(10.0)
    assert reply.over, "every reply ends"
    assert isinstance(events[-1], Flushed | Failure)
    assert sent.startswith(text_of(events))
    assert samples_of(events) <= came
    if isinstance(events[-1], Flushed):
        assert text_of(events) == sent


def test_frames_that_are_no_float32_sound_are_not_played() -> None:
    speech = (0.3 * np.sin(np.arange(4_800) / 20)).astype("<f4")
    assert read_frame(speech.tobytes()[:-1]) is None
    assert read_frame((speech * 32_767).astype("<f4").tobytes()) is None, "floats from -32,767 to 32,767"
    assert read_frame((np.sin(np.arange(9_600) / 20) * 20_000).astype("<i2").tobytes()) is None, "16-bit samples"
    assert read_frame(np.full(960, np.nan, "<f4").tobytes()) is None
    assert read_frame(np.full(960, np.inf, "<f4").tobytes()) is None


def test_single_wrong_samples_become_silence_and_loud_ones_are_cut() -> None:
    samples = np.full(1000, 1.5, "<f4")
    samples[3], samples[5], samples[7] = np.nan, np.inf, -1e30
    read = read_frame(samples.tobytes())
    assert read is not None
    assert read[[3, 5, 7]].tolist() == [0, 0, 0]
    assert np.delete(read, [3, 5, 7]).tolist() == [1.0] * 997

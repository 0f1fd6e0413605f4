"""Tests of event lines: each event is written as the right line, and the line is read as the same event again."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.voice.events import (
    CallBegan,
    CallEnded,
    CallEvent,
    CallFeed,
    EnginesReady,
    EventFeed,
    NoticePosted,
    PromptTaken,
    Ready,
    ReplyEnded,
    SpeechStarted,
    SpeechStopped,
    UtteranceHeard,
    WebReady,
    WordsSoFar,
    WordsSpoken,
)
from bot.voice.metrics import ReplyTrace
from bot.voice.turn import Outcome, TurnId
from bot.watching.event_lines import decode_event, encode_event
from tests.watching.event_schema import FIELDS, checked

BEN = 1573495691227955201
"""An id as Discord gives them: too large to be exact as a number in JavaScript."""
TURN = TurnId(BEN, 4)
TRACE = ReplyTrace("r1", Outcome.SPOKEN, 0.1, "open", 22.0, 190.5, 250.0, 300.0, 310.0, 350.0, 352.5, 1552.0, 1200, 2)
EVENTS: list[CallEvent] = [
    Ready(at=0.5),
    WebReady("http://127.0.0.1:8770/", at=0.5),
    EnginesReady(at=0.75),
    CallBegan("discord", "Lounge", True, call="c", at=1.0),
    SpeechStarted(TURN, call="c", at=1.0),
    WordsSoFar(TURN, "Ben", "How are you do", "How are", call="c", at=1.25),
    SpeechStopped(TURN, call="c", at=1.5),
    UtteranceHeard(BEN, "Ben", "How are you?", True, "en", TURN, call="c", at=1.5),
    PromptTaken("r1", "Ben", "How are you?", turn=TURN, call="c", at=1.5),
    WordsSpoken("r1", "I am fine, ", TURN, call="c", at=2.0),
    ReplyEnded(TRACE, "I am fine, thanks.", TURN, call="c", at=3.0),
    PromptTaken("r2", "", "This call is being recorded.", recited=True, call="c", at=3.0),
    NoticePosted("🎤 Hello, 世界", call="c", at=4.0),
    CallEnded("Lounge", "command", call="c", at=5.0),
]
LINES = [
    {"type": "ready", "t": 0.5},
    {"type": "web.ready", "t": 0.5, "url": "http://127.0.0.1:8770/"},
    {"type": "engines.ready", "t": 0.75},
    {"type": "call.started", "t": 1.0, "call": "c", "transport": "discord", "place": "Lounge", "encrypted": True},
    {"type": "input_audio_buffer.speech_started", "t": 1.0, "call": "c", "turn": f"{BEN}-4", "person": str(BEN)},
    {
        "type": "conversation.item.input_audio_transcription.interim",
        "t": 1.25,
        "call": "c",
        "turn": f"{BEN}-4",
        "person": str(BEN),
        "name": "Ben",
        "transcript": "How are you do",
        "settled": "How are",
        "final": False,
    },
    {"type": "input_audio_buffer.speech_stopped", "t": 1.5, "call": "c", "turn": f"{BEN}-4", "person": str(BEN)},
    {
        "type": "conversation.item.input_audio_transcription.completed",
        "t": 1.5,
        "call": "c",
        "turn": f"{BEN}-4",
        "person": str(BEN),
        "name": "Ben",
        "transcript": "How are you?",
        "addressed": True,
        "language": "en",
    },
    {
        "type": "response.created",
        "t": 1.5,
        "call": "c",
        "turn": f"{BEN}-4",
        "reply": "r1",
        "name": "Ben",
        "prompt": "How are you?",
    },
    {
        "type": "response.output_audio_transcript.delta",
        "t": 2.0,
        "call": "c",
        "turn": f"{BEN}-4",
        "reply": "r1",
        "delta": "I am fine, ",
    },
    {
        "type": "response.done",
        "t": 3.0,
        "call": "c",
        "turn": f"{BEN}-4",
        "reply": "r1",
        "status": "completed",
        "heard": "I am fine, thanks.",
        "stages": {
            "microphone": 22.0,
            "end_of_turn": 250.0,
            "words": 190.5,
            "first_token": 300.0,
            "first_clause": 310.0,
            "first_sound": 350.0,
            "first_packet": 352.5,
            "last_packet": 1552.0,
            "audio_ms": 1200,
            "underruns": 2,
        },
        "details": {"outcome": "spoken", "waited": 0.1, "microphone": "open"},
    },
    {
        "type": "response.created",
        "t": 3.0,
        "call": "c",
        "reply": "r2",
        "name": "",
        "prompt": "This call is being recorded.",
        "details": {"recited": True},
    },
    {"type": "notice", "t": 4.0, "call": "c", "text": "🎤 Hello, 世界"},
    {"type": "call.ended", "t": 5.0, "call": "c", "cause": "command", "details": {"place": "Lounge"}},
]


@pytest.mark.parametrize(
    ("event", "line"), list(zip(EVENTS, LINES, strict=True)), ids=[str(line["type"]) for line in LINES]
)
def test_each_event_has_its_line(event: CallEvent, line: dict[str, object]) -> None:
    written = encode_event(event)
    assert json.loads(written) == line
    assert checked(written) == line
    assert decode_event(written) == event


def test_these_tests_have_a_line_of_every_type() -> None:
    assert {line["type"] for line in LINES} == set(FIELDS)


@pytest.mark.parametrize(
    ("outcome", "status"),
    [
        (Outcome.SPOKEN, "completed"),
        (Outcome.WRITTEN, "completed"),
        (Outcome.INTERRUPTED, "cancelled"),
        (Outcome.FAILED, "failed"),
    ],
)
def test_a_reply_is_completed_cancelled_or_failed(outcome: Outcome, status: str) -> None:
    event = ReplyEnded(replace(TRACE, outcome=outcome), "I am", call="c", at=1.0)
    assert checked(encode_event(event))["status"] == status
    assert decode_event(encode_event(event)) == event


def test_the_tokens_of_the_prompt_are_among_the_details_where_they_are_known() -> None:
    trace = replace(TRACE, prompt_tokens=412, cached_tokens=0)
    event = ReplyEnded(trace, "I am fine.", TURN, call="c", at=3.0)
    line = checked(encode_event(event))
    assert (line["details"]["prompt_tokens"], line["details"]["cached_tokens"]) == (412, 0)
    assert decode_event(encode_event(event)) == event


def test_a_typed_prompt_has_no_turn_and_no_stages_of_hearing() -> None:
    event = ReplyEnded(ReplyTrace("r1", Outcome.FAILED, 0.1), call="c", at=1.0)
    line = checked(encode_event(event))
    assert "turn" not in line
    assert (line["stages"]["microphone"], line["stages"]["end_of_turn"], line["stages"]["words"]) == (None, None, None)
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize(
    "line",
    [
        "",
        "[]",
        "null",
        '{"event": "Told", "text": "version 1"}',
        '{"type": "boom", "t": 1.0}',
        '{"type": "notice", "t": 1.0}',
        '{"type": "notice", "text": "no time"}',
        '{"type": "response.done", "t": 1.0}',
        '{"type": "input_audio_buffer.speech_started", "t": 1.0, "turn": "nobody", "person": "1"}',
    ],
)
def test_lines_that_hold_no_event_are_refused(line: str) -> None:
    with pytest.raises(ValueError):
        decode_event(line)


def test_half_of_a_surrogate_pair_becomes_the_replacement_character() -> None:
    assert decode_event(encode_event(NoticePosted("Hello \ud83d")).encode()) == NoticePosted("Hello \ufffd")
    assert decode_event(encode_event(NoticePosted("Hello \ud83d\ude0a")).encode()) == NoticePosted("Hello 😊")


@pytest.mark.parametrize("end", ["\n", "\r", "\u0085", "\u2028", "\u2029", "\v", "\f", "\x1c", "\x1e"])
def test_characters_that_some_readers_take_for_line_ends_are_escaped(end: str) -> None:
    line = encode_event(NoticePosted(f"one{end}two"))
    assert line.splitlines() == [line]
    assert decode_event(line.encode()) == NoticePosted(f"one{end}two")


def test_the_events_of_a_call_get_its_id_and_the_time() -> None:
    now, seen = [1.0], list[CallEvent]()
    feed = CallFeed("c", lambda: now[0])
    feed.subscribe(seen.append)
    feed(NoticePosted("one"))
    now[0] = 2.0
    feed(CallEnded("Lounge", "command"))
    assert seen == [NoticePosted("one", call="c", at=1.0), CallEnded("Lounge", "command", call="c", at=2.0)]


def test_a_failing_watcher_does_not_affect_the_others(caplog: pytest.LogCaptureFixture) -> None:
    seen = list[CallEvent]()

    def fail(event: CallEvent) -> None:
        raise OSError("no space left")

    EventFeed(fail, seen.append)(NoticePosted("one"))
    assert seen == [NoticePosted("one")]
    assert [record.exc_info is not None for record in caplog.records] == [True]

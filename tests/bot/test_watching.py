"""Call events on their way to another process, to the console and to the trace file."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bot.voice.dialogue.reply import Outcome
from bot.voice.events import (
    AnswerHeard,
    CallBegan,
    CallEnded,
    CallEvent,
    PromptTaken,
    RemarkHeard,
    ReplyEnded,
    Told,
    WordsSpoken,
)
from bot.voice.metrics import TurnClock, TurnTrace
from bot.watching.console import CallConsole
from bot.watching.event_lines import EventWriter, decode_event
from bot.watching.traces import TraceFile

TRACE = TurnTrace("r1", Outcome.SPOKEN, 0.1, first_token=11.0, first_packet=15.5, audio=1200)
EVENTS: list[CallEvent] = [
    CallBegan("Lounge", True),
    RemarkHeard(8, "Ben", "did you see the game?", addressed=False),
    PromptTaken("r1", "Ada", "how are [bold]you[/]?"),
    WordsSpoken("r1", "I am fine, "),
    WordsSpoken("r1", "thanks."),
    AnswerHeard("I am fine, thanks.", interrupted=False),
    ReplyEnded(TRACE),
    Told("❌ something"),
    CallEnded("Lounge", "command"),
]


def test_events_survive_the_way_to_another_process() -> None:
    stream = io.StringIO()
    writer = EventWriter(stream)
    for event in EVENTS:
        writer(event)
    assert [decode_event(line) for line in stream.getvalue().splitlines()] == EVENTS


@pytest.mark.parametrize(
    "line", ["", "[]", "null", '{"event": "Boom"}', '{"event": "Told"}', '{"event": "ReplyEnded"}']
)
def test_other_lines_are_no_events(line: str) -> None:
    with pytest.raises(ValueError):
        decode_event(line)


def test_the_console_shows_who_said_what_the_words_and_the_times() -> None:
    stream = io.StringIO()
    view = CallConsole(Console(file=stream, width=120), "Mia")
    for event in EVENTS:
        view(event)
    said = stream.getvalue()
    assert "Ada how are [bold]you[/]?" in said, "people's words are shown as they are"
    assert "Ben did you see the game?  (not to me)" in said
    assert "Mia I am fine, thanks.\n" in said
    assert "first token 11 ms" in said
    assert "first packet 16 ms" in said
    assert "end-to-end encrypted" in said


def test_the_trace_file_gets_a_line_a_turn(tmp_path: Path) -> None:
    with TraceFile(tmp_path) as file:
        for event in EVENTS:
            file(event)
    (line,) = (tmp_path / "traces.jsonl").read_text().splitlines()
    written = json.loads(line)
    assert (written["reply"], written["outcome"], written["first_packet"]) == ("r1", "spoken", 15.5)


def test_a_turns_clock_keeps_the_first_time_of_each_stage() -> None:
    now = [10.0]
    clock = TurnClock("r1", 9.5, lambda: now[0])
    assert clock.reached("first_token")
    now[0] = 11.0
    assert not clock.reached("first_token")
    clock.reached("first_packet", 10.25)
    trace = clock.finish(Outcome.SPOKEN)
    assert (trace.waited, trace.first_token, trace.first_packet, trace.first_audio) == (500.0, 500.0, 750.0, None)

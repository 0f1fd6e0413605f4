"""Tests of what is written while calls are on and while the bot starts: console, log and trace file."""

from __future__ import annotations

import io
import json
import logging
import re
import resource
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from bot.run import ProgressLog
from bot.voice.events import (
    CallBegan,
    CallEnded,
    CallEvent,
    NoticePosted,
    PromptTaken,
    ReplyEnded,
    UtteranceHeard,
    WordsSpoken,
)
from bot.voice.metrics import ReplyTimer, ReplyTrace
from bot.voice.turn import Outcome
from bot.watching.console import CallConsole
from bot.watching.log import log_to_stderr
from bot.watching.traces import TraceFile

TRACE = ReplyTrace(
    "r1", Outcome.SPOKEN, 0.1, first_token=11.0, first_packet=15.5, audio=1200, prompt_tokens=412, cached_tokens=396
)
EVENTS: list[CallEvent] = [
    CallBegan("discord", "Lounge", True),
    UtteranceHeard(8, "Ben", "did you see the game?", addressed=False),
    PromptTaken("r1", "Ada", "how are [bold]you[/]?"),
    WordsSpoken("r1", "I am fine, "),
    WordsSpoken("r1", "thanks."),
    ReplyEnded(TRACE, "I am fine, thanks."),
    NoticePosted("❌ something"),
    CallEnded("Lounge", "command"),
]


def test_the_console_shows_speakers_words_and_times() -> None:
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


def test_no_words_from_outside_look_like_a_line_of_the_log_or_control_the_terminal() -> None:
    forged = "2026-11-29 12:00:00 ERROR bot.app: forged"
    events: list[CallEvent] = [
        CallBegan("discord", f"Lounge\n{forged}", True),
        PromptTaken("r1", forged, f"hello\n{forged}\x1b[2J"),
        UtteranceHeard(8, f"Ben\r{forged}", f"\x9b2J\u2028{forged}", addressed=False),
        NoticePosted(f"❌\n{forged}"),
    ]
    lines = shown(*events, width=120)
    assert sum("forged" in line for line in lines) >= len(events)
    assert not [line for line in lines if line.startswith("2026")]
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", "".join(lines))


@pytest.mark.parametrize(
    ("began", "line"),
    [
        (CallBegan("discord", "Lounge", True), "📞 Seiyuu is in Lounge, end-to-end encrypted (DAVE)"),
        (CallBegan("discord", "Lounge", False), "📞 Seiyuu is in Lounge, not end-to-end encrypted yet"),
        (CallBegan("browser", "your browser", False), "📞 Seiyuu is in your browser"),
    ],
)
def test_the_console_says_only_of_a_call_on_discord_whether_it_is_end_to_end_encrypted(
    began: CallBegan, line: str
) -> None:
    assert shown(began, width=120) == [line]


def test_what_a_caller_neither_reads_nor_hears_is_shown_as_such() -> None:
    notice = NoticePosted("👂 **I listen**")
    assert shown(notice, width=120) == ["    Seiyuu (written) 👂 I listen"]
    assert shown(CallBegan("phone", "a phone call", False), notice, width=120)[1:] == [
        "    Seiyuu (not heard) 👂 I listen"
    ]


def test_recited_text_is_shown_once_and_as_words_of_the_bot() -> None:
    for author in ("Ada", ""):
        text = "This call is being recorded."
        lines = shown(
            PromptTaken("r1", author, text, recited=True), WordsSpoken("r1", text), ReplyEnded(TRACE), width=120
        )
        assert [line for line in lines if "⏱" not in line] == [f"    Seiyuu {text}"]


@pytest.mark.parametrize(
    ("microphone", "begins"), [("unknown", "⏱  first"), (None, "⏱  first"), ("open", "⏱  microphone: open · first")]
)
def test_the_line_of_times_shows_the_kind_of_microphone_if_it_is_known(microphone: str | None, begins: str) -> None:
    assert shown(ReplyEnded(replace(TRACE, microphone=microphone)), width=200)[0].strip().startswith(begins)


def shown(*events: CallEvent, width: int = 50, terminal: bool = True, several_calls: bool = False) -> list[str]:
    stream = io.StringIO()
    console = Console(file=stream, width=width, force_terminal=terminal, color_system=None)
    view = CallConsole(console, "Seiyuu", several_calls=several_calls)
    for event in events:
        view(event)
    return stream.getvalue().splitlines()


def test_only_the_heard_part_of_an_interrupted_clause_is_shown() -> None:
    lines = shown(
        WordsSpoken("r1", "Once upon a time,"),
        WordsSpoken("r1", " there was a small radio."),
        ReplyEnded(replace(TRACE, outcome=Outcome.INTERRUPTED), "Once upon a time, there was"),
    )
    assert lines[0] == "    Seiyuu Once upon a time, there was"
    assert "radio" not in "".join(lines)


def test_a_reply_of_which_nothing_was_heard_is_not_shown() -> None:
    lines = shown(WordsSpoken("r1", "Well,"), ReplyEnded(replace(TRACE, outcome=Outcome.INTERRUPTED)))
    assert not any("Well" in line for line in lines)


@pytest.mark.parametrize("width", [30, 41, 50])
def test_a_terminal_never_breaks_a_word(width: int) -> None:
    text = "The radio wished that someone would talk to it, and was asked for applause in later calls."
    for events in (
        [PromptTaken("r1", "Ada", text)],
        [WordsSpoken("r1", text[:17]), WordsSpoken("r1", text[17:]), ReplyEnded(TRACE)],
        [NoticePosted(text)],
    ):
        lines = shown(*events, width=width)
        assert max(map(len, lines)) <= width
        words = " ".join(line.strip() for line in lines if "⏱" not in line).split()
        assert [word for word in words if word in text.split()][: len(text.split())] == text.split()


LOUNGE, ADA, BEN = "5f3a00000000", "c41d00000000", "77e000000000"


def test_of_several_calls_each_line_names_its_call_and_each_reply_has_lines_of_its_own() -> None:
    interrupted = replace(TRACE, outcome=Outcome.INTERRUPTED)
    lines = shown(
        CallBegan("discord", "Lounge", True, ("Eve", "Zoe"), call=LOUNGE),
        CallBegan("browser", "your browser", False, ("Ada",), call=ADA),
        CallBegan("phone", "a phone call (…12)", False, ("The caller",), call=BEN),
        NoticePosted("**I listen**\nhere", call=BEN),
        NoticePosted("I listen", call=ADA),
        UtteranceHeard(8, "Zoe", "did you see it?", addressed=False, call=LOUNGE),
        PromptTaken("r1", "Eve", "Tell me a story.", call=LOUNGE),
        WordsSpoken("r1", "The first sentence", call=LOUNGE),
        WordsSpoken("r1", "is rather long,", call=LOUNGE),
        PromptTaken("r1", "Ada", "Count.", call=ADA),
        WordsSpoken("r1", "and goes on here.", call=LOUNGE),
        WordsSpoken("r1", "One,", call=ADA),
        WordsSpoken("r1", "It has an end.", call=LOUNGE),
        WordsSpoken("r1", "two.", call=ADA),
        ReplyEnded(interrupted, "The first sentence is rather long, and goes on here. It has", call=LOUNGE),
        ReplyEnded(TRACE, "One, two.", call=ADA),
        CallEnded("your browser", "hung up", call=ADA),
        CallEnded("Lounge", "kicked", call=LOUNGE),
        CallEnded("", "shutdown"),
        width=140,
        several_calls=True,
    )
    times = "⏱  first token 11 ms · first packet 16 ms · 1.2 s spoken"
    assert lines == [
        "📞 [Lounge 5f3a] Seiyuu is in Lounge, end-to-end encrypted (DAVE)",
        "📞 [Ada c41d] Seiyuu is in your browser",
        "📞 [a phone call (…12) 77e0] Seiyuu is in a phone call (…12)",
        " [a phone call (…12) 77e0]    Seiyuu (not heard) I listen",
        " [a phone call (…12) 77e0]           here",
        " [Ada c41d]    Seiyuu (written) I listen",
        " [Lounge 5f3a]       Zoe did you see it?  (not to me)",
        " [Lounge 5f3a]       Eve Tell me a story.",
        " [Lounge 5f3a]    Seiyuu The first sentence",
        " [Ada c41d]       Ada Count.",
        " [Lounge 5f3a]    Seiyuu is rather long, and goes on here.",
        " [Ada c41d]    Seiyuu One,",
        " [Lounge 5f3a]    Seiyuu It has",
        f" [Lounge 5f3a]           {times} · interrupted",
        " [Ada c41d]    Seiyuu two.",
        f" [Ada c41d]           {times} · spoken",
        "📞 [Ada c41d] Seiyuu has left your browser (hung up)",
        "📞 [Lounge 5f3a] Seiyuu has left Lounge (kicked)",
    ]


def test_the_name_of_a_call_is_cut_and_cannot_look_like_a_line_of_the_log() -> None:
    place = "Lounge\n2026-11-29 12:00:00 ERROR bot.app: forged"
    began, said = CallBegan("discord", place, True, call=LOUNGE), PromptTaken("r1", "Eve", "Hello.", call=LOUNGE)
    *_, line = shown(began, said, width=140, several_calls=True)
    assert line == " [Lounge 2026-11-29 1… 5f3a]       Eve Hello."


@pytest.mark.parametrize(
    ("cause", "shown_cause"), [("command", "?leave"), ("voice command", "voice command"), ("alone", "alone")]
)
def test_the_end_of_a_call_shows_the_command_that_was_typed(cause: str, shown_cause: str) -> None:
    stream = io.StringIO()
    CallConsole(Console(file=stream, width=120), "Mia", prefix="?")(CallEnded("Lounge", cause))
    assert stream.getvalue() == f"📞 Mia has left Lounge ({shown_cause})\n"


def test_no_line_of_the_console_names_the_call_if_there_can_be_only_one() -> None:
    began, said = CallBegan("browser", "your browser", False, ("Ada",), call=ADA), WordsSpoken("r1", "Hi.", call=ADA)
    lines = shown(began, said, ReplyEnded(TRACE, "Hi.", call=ADA), width=120)
    assert lines[:2] == ["📞 Seiyuu is in your browser", "    Seiyuu Hi."]
    assert "c41d" not in "".join(lines)


def test_a_file_gets_whole_lines() -> None:
    text = "word " * 60 + "end"
    assert shown(PromptTaken("r1", "Ada", text), terminal=False) == [f"       Ada {text}"]


def test_an_answer_that_continues_after_other_output_begins_a_new_line() -> None:
    stream = io.StringIO()
    view = CallConsole(Console(file=stream, width=80), "Seiyuu")
    view(WordsSpoken("r1", "There was"))
    view(WordsSpoken("r1", " a small radio,"))
    view.note("Ada coughs.")
    view(WordsSpoken("r1", " that was sad."))
    assert stream.getvalue().splitlines() == ["    Seiyuu There was", "Ada coughs.", "    Seiyuu a small radio,"]


def test_written_messages_have_a_name_and_no_markdown() -> None:
    (line,) = shown(NoticePosted("👂 **I listen** here: `!optout`, *or* not. VOICE_ENABLED stays."), width=120)
    assert line == "    Seiyuu (written) 👂 I listen here: !optout, or not. VOICE_ENABLED stays."


def test_characters_that_discord_would_take_for_markdown_are_shown_as_they_were_written() -> None:
    (line,) = shown(NoticePosted(r"**1**: en\_US-joe, \*star\*, \_\_init\_\_, 2 \< 3, \\o/"), width=120)
    assert line == r"    Seiyuu (written) 1: en_US-joe, *star*, __init__, 2 < 3, \o/"


def test_only_the_first_of_several_written_lines_has_the_name() -> None:
    assert shown(NoticePosted("**In a call**\n`!join` join\n`!leave` leave"), width=120) == [
        "    Seiyuu (written) In a call",
        "           !join join",
        "           !leave leave",
    ]


def test_a_log_line_begins_on_a_line_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.getLogger()
    before, root.handlers = root.handlers, []
    level = root.level
    try:
        view = CallConsole(Console(file=sys.stderr, width=80), "Seiyuu")
        log_to_stderr(verbose=False, before_each=view.break_line)
        view(WordsSpoken("r1", "I am fine,"))
        view(WordsSpoken("r1", " thanks."))
        logging.getLogger("bot.x").warning("The voice failed")
        logging.getLogger("apscheduler.scheduler").info("Added job")
        logging.getLogger("client").info("Received session ID: secret")
        logging.getLogger("discord.gateway").warning("Can't keep up, shard ID %s websocket is %.1fs behind.", 0, 41.3)
    finally:
        root.handlers = before
        root.setLevel(level)
        for name in ("discord", "apscheduler", "gguf"):
            logging.getLogger(name).setLevel(logging.NOTSET)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "    Seiyuu I am fine,"
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d WARNING bot\.x: The voice failed", lines[1])
    assert len(lines) == 2


def test_the_trace_file_gets_one_line_per_turn(tmp_path: Path) -> None:
    with TraceFile(tmp_path) as file:
        for event in EVENTS:
            file(event)
    (line,) = (tmp_path / "traces.jsonl").read_text().splitlines()
    written = json.loads(line)
    assert (written["reply"], written["outcome"], written["first_packet"]) == ("r1", "spoken", 15.5)
    assert (written["prompt_tokens"], written["cached_tokens"]) == (412, 396)
    assert written["waited_for"] == {"waited": 0.1, "first_token": 10.9, "first_packet": 4.5}


def test_a_trace_that_cannot_be_written_is_reported_once_and_the_next_ones_are_written(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    with TraceFile(tmp_path) as file:
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, usual[1]))
        try:
            for event in EVENTS * 3:
                file(event)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        assert caplog.text.count("can't be written") == 1
        for event in EVENTS:
            file(event)
    assert len((tmp_path / "traces.jsonl").read_text().splitlines()) == 1


def test_the_timer_of_a_reply_keeps_the_first_time_of_each_stage() -> None:
    now = [10.0]
    clock = ReplyTimer("r1", 9.5, lambda: now[0])
    assert clock.note_stage("first_token")
    now[0] = 11.0
    assert not clock.note_stage("first_token")
    clock.note_stage("first_packet", 10.25)
    trace = clock.finish(Outcome.SPOKEN)
    assert (trace.waited, trace.first_token, trace.first_packet, trace.first_audio) == (500.0, 500.0, 750.0, None)


def test_the_progress_of_a_start_is_logged_at_most_once_per_tenth(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "bot.run")
    log = ProgressLog()
    for percent in range(101):
        log("Toy ears: fitting", percent / 100)
    assert [record.getMessage() for record in caplog.records] == [
        f"Toy ears: fitting ({percent} %)" for percent in range(0, 101, 10)
    ]

"""Tests of the log as text: it is wrapped between words in a terminal, and nobody outside can forge a record."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import pty
import re
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

from config.json_log import CALL
from config.log_lines import FORMAT, TIMES, fold, formatter_for
from config.project import child_environment

COMMAND = "`.venv/bin/python -m bot models download whisper-base`"
TEXT = f"Whisper base is not here. Without it I can't understand speech. To get it, type {COMMAND}."


@pytest.mark.parametrize("width", [60, 72, 99])
def test_lines_end_between_words_and_commands_stay_whole(width: int) -> None:
    folded = fold(TEXT, width)
    assert len(folded.splitlines()) > 1
    assert all(len(line) <= width for line in folded.splitlines())
    assert COMMAND in folded
    assert folded.split() == TEXT.split()


def test_words_that_are_longer_than_a_line_are_not_broken() -> None:
    address = "http://" + "a" * 60
    assert address in fold(f"no answer from {address} today", 30)
    assert fold(TEXT, 30).split() == TEXT.split()


def test_existing_line_ends_are_kept() -> None:
    assert fold("one\n\ntwo", 20) == "one\n\ntwo"


@pytest.fixture
def terminal() -> Iterator[io.TextIOWrapper]:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, 60))
    with os.fdopen(theirs, "w", encoding="utf-8") as stream:
        yield stream
    os.close(ours)


def _record(text: str) -> logging.LogRecord:
    return logging.LogRecord("bot.app", logging.WARNING, "", 0, text, (), None)


def test_a_terminal_gets_lines_of_its_own_width(terminal: io.TextIOWrapper) -> None:
    lines = formatter_for(terminal).format(_record(TEXT)).splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) < 60


def test_a_file_gets_whole_lines() -> None:
    assert formatter_for(io.StringIO()).format(_record(TEXT)).endswith(f" WARNING bot.app: {TEXT}")


def test_a_traceback_stays_as_it_is(terminal: io.TextIOWrapper) -> None:
    record = _record("It broke")
    try:
        raise ValueError("x " * 60)
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    assert f"ValueError: {'x ' * 60}" in formatter_for(terminal).format(record)


FORGED = "2026-11-29 12:00:00 ERROR   bot.app: the token was stolen"
RECORD = re.compile(r"\d{4}-\d\d-\d\d ")
BREAKS = [
    "\n",
    "\r\n",
    "\r",
    "\x85",
    "\u2028",
    "\u2029",
    "\x0b",
    "\x0c",
    "\x1c",
    "\x1b[2K\x1b[1G",
    "\x9b2K",
    "\x08" * 90,
    "\n\r",
]

UNCAUGHT = """\
import logging, sys, threading
from bot.watching.log import log_to_stderr
log_to_stderr(verbose=False)
def fail():
    raise ValueError("no\\n2026-11-29 12:00:00 ERROR   bot.app: forged")
thread = threading.Thread(target=fail)
thread.start()
thread.join()
logging.getLogger("a").warning("%d", "x\\n2026")
fail()
"""


def begun(text: str) -> list[str]:
    """The lines that begin like a record."""
    return [line for line in text.splitlines() if RECORD.match(line)]


def failed(text: str) -> logging.LogRecord:
    record = _record("It broke")
    try:
        raise ValueError(text)
    except ValueError as error:
        record.exc_info = (ValueError, error, error.__traceback__)
    return record


@pytest.mark.parametrize("line_break", BREAKS)
def test_no_text_from_outside_makes_a_record_of_its_own(line_break: str, terminal: io.TextIOWrapper) -> None:
    forging = f"Ada{line_break}{FORGED}{line_break}{FORGED}"
    named = logging.LogRecord("bot.app", logging.INFO, "", 0, "%s has joined", (forging,), None)
    stacked = _record("Where")
    stacked.stack_info = forging
    for stream in (io.StringIO(), terminal):
        for record in (named, _record(forging), failed(forging), stacked):
            said = formatter_for(stream).format(record)
            assert len(begun(said)) == 1, said
            # At some control characters, a terminal goes on at the left edge. What follows would look like a record.
            assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]", said), said
            assert said.count("stolen") == forging.count("stolen")


def test_a_traceback_that_another_formatter_has_made_is_indented_as_well() -> None:
    record = failed(f"why\n{FORGED}")
    logging.Formatter(FORMAT, TIMES).format(record)
    record.exc_info = None
    assert len(begun(formatter_for(io.StringIO()).format(record))) == 1


@pytest.mark.parametrize(
    ("several_calls", "begins"), [(True, "WARNING [5f3a] bot.app: "), (False, "WARNING bot.app: ")]
)
async def test_a_line_names_its_call_if_several_may_be_on(
    several_calls: bool, begins: str, terminal: io.TextIOWrapper
) -> None:
    async def in_call() -> list[str]:
        CALL.set("5f3a9c01d2e7")
        return said()

    def said() -> list[str]:
        formatters = [formatter_for(stream, several_calls=several_calls) for stream in (io.StringIO(), terminal)]
        return [formatter.format(_record("Late 100%")) for formatter in formatters]

    assert all(f" {begins}Late 100%" in line for line in await asyncio.create_task(in_call()))
    assert all(" WARNING bot.app: Late 100%" in line for line in said()), "outside of a call"


def test_words_of_all_languages_and_several_lines_stay_readable() -> None:
    said = formatter_for(io.StringIO()).format(_record("声優 👩\u200d🚀 می\u200cخواهم\té\nsecond"))
    assert said.endswith("bot.app: 声優 👩\u200d🚀 می\u200cخواهم\té\n    second")


def test_half_of_an_emoji_can_be_written() -> None:
    formatter_for(io.StringIO()).format(_record("half \ud83d")).encode()


def test_errors_that_nobody_catches_are_records_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", UNCAUGHT], env=child_environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert len(begun(done.stderr)) == 3
    assert all(RECORD.match(line) or line.startswith("    ") for line in done.stderr.splitlines())


def test_a_program_without_a_log_can_leave_out_the_warnings_of_one_package() -> None:
    program = "import logging; from config.log_lines import leave_out_log; leave_out_log('bot')"
    said = "logging.getLogger('bot.x').warning('ours'); logging.getLogger('other').warning('theirs')"
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; {said}"],
        env=child_environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "theirs\n"

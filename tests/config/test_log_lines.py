"""Tests of the log in a terminal: lines are wrapped between words, and commands can be copied."""

from __future__ import annotations

import io
import logging
import os
import pty
import termios
from collections.abc import Iterator

import pytest

from config.log_lines import fold, formatter_for

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

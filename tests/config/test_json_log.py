"""Tests of the log as JSON: every line is one object, whatever happens."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import subprocess
import sys
from typing import Any

import pytest

from bot.voice.tasks import start_task
from bot.voice.turn import TurnId
from config.json_log import CALL, JsonLines, LogFormat, StderrLines, json_line
from config.log_lines import formatter_for
from config.project import child_environment
from config.settings import load_settings

FIELDS = ["time", "level", "logger", "message", "call", "turn"]

EVERYTHING = """\
import logging, sys, threading, warnings
from config.json_log import log_everything_as_json
from config.log_lines import formatter_for
from config.json_log import LogFormat
handler = logging.StreamHandler(sys.stderr)
handler.setFormatter(formatter_for(sys.stderr, LogFormat.JSON))
logging.basicConfig(level=logging.INFO, handlers=[handler])
log_everything_as_json()
logging.getLogger("a").info("two\\nlines")
logging.getLogger("a").warning("%d", "no number")
warnings.warn("old")
print("one\\ntwo", file=sys.stderr)
thread = threading.Thread(target=lambda: 1 / 0, name="t")
thread.start()
thread.join()
class Bad:
    def __del__(self):
        raise ValueError("in del")
bad = Bad()
del bad
import asyncio
async def task():
    raise LookupError("in a task")
async def main():
    asyncio.create_task(task())
    await asyncio.sleep(0.01)
asyncio.run(main())
raise RuntimeError("the end")
"""


def record(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord("bot.app", logging.WARNING, "", 0, message, arguments, None)


def formatted(entry: logging.LogRecord) -> dict[str, Any]:
    line = formatter_for(io.StringIO(), LogFormat.JSON).format(entry)
    assert len(line.splitlines()) == 1
    found: dict[str, Any] = json.loads(line)
    return found


def test_a_line_has_all_its_fields_in_a_fixed_order() -> None:
    found = formatted(record("%s is gone", "The voice"))
    assert list(found) == FIELDS
    assert (found["level"], found["logger"], found["message"]) == ("WARNING", "bot.app", "The voice is gone")
    assert (found["call"], found["turn"]) == (None, None)
    assert found["time"].endswith("+00:00")


@pytest.mark.parametrize(
    "text", ["one\ntwo", "a\rb\x85c\u2028d\x0be", '"quoted" \\', "声優", "half \ud83d", "\x00\x1b[31m"]
)
def test_any_text_stays_one_line_and_comes_back_as_it_was(text: str) -> None:
    assert formatted(record("%s", text))["message"] == text


def test_the_traceback_of_an_error_is_a_field_of_its_own() -> None:
    entry = record("It broke")
    try:
        raise ValueError("why\nso")
    except ValueError as error:
        entry.exc_info = (ValueError, error, error.__traceback__)
    found = formatted(entry)
    assert list(found) == [*FIELDS, "exception"]
    assert found["exception"].startswith("Traceback")
    assert found["exception"].endswith("ValueError: why\nso")


def test_values_that_do_not_fit_the_message_are_shown_beside_it() -> None:
    assert formatted(record("%d of %d", 1))["message"] == "%d of %d (1,)"


def test_text_that_is_printed_before_the_log_is_set_up_is_a_line_of_json_too() -> None:
    found = json.loads(json_line("bot", logging.WARNING, "50 % of\nit"))
    assert list(found) == FIELDS
    assert found["message"] == "50 % of\nit"


def test_pieces_of_text_that_a_library_prints_become_whole_lines() -> None:
    stream = io.StringIO()
    lines = StderrLines(stream)
    for piece in ("load", "ing\n\nha", "lf"):
        lines.write(piece)
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["loading"]


def test_a_closed_stream_does_not_stop_the_program() -> None:
    stream = io.StringIO()
    stream.close()
    assert StderrLines(stream).write("gone\n") == 5


def test_uncaught_errors_and_warnings_and_prints_are_objects_too() -> None:
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING], env=child_environment(), capture_output=True, text=True, check=False
    )
    found = [json.loads(line) for line in done.stderr.splitlines()]
    assert done.returncode == 1
    assert all(list(each)[: len(FIELDS)] == FIELDS for each in found)
    assert [each["message"] for each in found[:2]] == ["two\nlines", "%d ('no number',)"]
    assert [each["message"] for each in found if each["logger"] == "stderr"] == ["one", "two"]
    assert any("UserWarning: old" in each["message"] for each in found)
    ends = [each["exception"].splitlines()[-1] for each in found if "exception" in each]
    assert ends == [
        "ZeroDivisionError: division by zero",
        "ValueError: in del",
        "LookupError: in a task",
        "RuntimeError: the end",
    ]


async def test_a_task_of_a_turn_logs_the_call_and_the_turn_and_the_next_task_does_not() -> None:
    found: list[dict[str, Any]] = []

    async def log() -> None:
        found.append(json.loads(JsonLines().format(record("x"))))

    async def next_turn(tasks: asyncio.TaskGroup) -> None:
        await log()
        start_task(tasks, log(), "no turn")

    async def call() -> None:
        CALL.set("c1")
        async with asyncio.TaskGroup() as tasks:
            start_task(tasks, next_turn(tasks), "a turn", TurnId(7, 2))

    await asyncio.create_task(call())
    await log()
    assert [(each["call"], each["turn"]) for each in found] == [("c1", "7-2"), ("c1", None), (None, None)]


@pytest.mark.usefixtures("clean_environment")
def test_the_log_is_text_unless_json_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().log_format is LogFormat.TEXT
    monkeypatch.setenv("LOG_FORMAT", "json")
    assert load_settings().log_format is LogFormat.JSON

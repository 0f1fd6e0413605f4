"""Tests of output that never makes a program wait: to a pipe that nobody reads, to a slow one, and to a full disk."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from config.project import ROOT
from tests.timing import LIMIT

MASSES = "for number in range(40_000): print('a line of the program', number, file=sys.stderr)"
"""Prints more than a pipe holds, and less than may wait."""


def program(*lines: str) -> tuple[str, ...]:
    """A program that prints with patience. In it, ``said`` writes to a file that shows how far it has come."""
    head = "import logging, os, sys\nfrom config.patient_output import patient_output\nwith patient_output():\n"
    body = ("logging.basicConfig(level=logging.INFO, format='%(message)s')", *lines)
    return sys.executable, "-c", head + "".join(f"    {line}\n" for line in body)


def environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": str(ROOT)}


def test_a_program_whose_output_nobody_reads_goes_on_and_ends(tmp_path: Path) -> None:
    lines = program(MASSES, "print('x' * 5_000_000)", f"open({str(tmp_path / 'done')!r}, 'w').close()")
    read, written = os.pipe()
    try:
        assert subprocess.run(lines, env=environment(), stdout=written, stderr=written, timeout=LIMIT).returncode == 0
    finally:
        os.close(read)
        os.close(written)
    assert (tmp_path / "done").exists()


def test_a_program_on_a_terminal_that_shows_nothing_goes_on_and_ends(tmp_path: Path) -> None:
    lines = program(
        "for _ in range(2_000): sys.stdout.write('x' * 49 + chr(10))",
        f"open({str(tmp_path / 'done')!r}, 'w').close()",
    )
    shown, terminal = os.openpty()
    try:
        assert subprocess.run(lines, env=environment(), stdout=terminal, timeout=LIMIT).returncode == 0
    finally:
        os.close(shown)
        os.close(terminal)
    assert (tmp_path / "done").exists()


def test_a_reader_that_is_merely_slow_gets_every_line_and_both_streams_in_order() -> None:
    lines = program("for number in range(2_000): print(number, file=(sys.stdout, sys.stderr)[number % 2])")
    ran = subprocess.run(lines, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=LIMIT)
    assert ran.stdout.decode().split() == [str(number) for number in range(2_000)]


def test_a_reader_that_comes_back_is_told_that_something_was_left_out() -> None:
    lines = program(
        "logging.info('y' * 500_000)",
        "logging.info('n' * 2_000_000)",
        "print('waits')",
        "input()",
        "logging.info('end')",
    )
    with subprocess.Popen(
        lines, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdin and process.stdout and process.stderr
        assert process.stdout.readline() == b"waits\n"
        assert process.stderr.readline() == b"y" * 500_000 + b"\n"
        told = process.stderr.readline().decode()
        process.stdin.write(b"\n")
        process.stdin.close()
        rest = process.stderr.read().decode()
    assert told.startswith("Output was left out 1 times")
    assert rest == "end\n"


@pytest.mark.parametrize("place", ["/dev/full", "a pipe that is closed"])
def test_a_full_disk_or_a_reader_that_has_gone_raises_nothing(place: str) -> None:
    if place == "/dev/full":
        written = os.open(place, os.O_WRONLY)
    else:
        read, written = os.pipe()
        os.close(read)
    lines = program(
        "print('begun', end='', flush=True)", "print('more', flush=True)", "logging.info('a line')", "os._exit(7)"
    )
    try:
        ran = subprocess.run(lines, env=environment(), stdout=written, stderr=written, timeout=LIMIT)
    finally:
        os.close(written)
    assert ran.returncode == 7


def test_what_a_program_prints_after_its_work_is_written_too() -> None:
    lines = program("logging.info('first')")
    lines = (*lines[:-1], lines[-1] + "logging.info('second')\nprint('third', file=sys.stderr)\n1 / 0")
    ran = subprocess.run(lines, env=environment(), stderr=subprocess.PIPE, timeout=LIMIT)
    assert ran.stderr.decode().splitlines()[:3] == ["first", "second", "third"]
    assert ran.stderr.decode().endswith("ZeroDivisionError: division by zero\n")

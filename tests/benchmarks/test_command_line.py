"""The runner of the benchmarks: a run that a signal ends cleans up, and a failure is explained."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from rich.console import Console

from benchmarks import command_line, echo
from benchmarks.command_line import BROKEN, INTERRUPTED, Report, Run, make_parser, run
from benchmarks.errors import MeasurementError
from benchmarks.measured_call import BOT_LOG
from config.plain_parser import USAGE_ERROR
from config.project import ROOT

PROGRAMS = sorted(
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__main__")
    for path in (ROOT / "benchmarks").rglob("*.py")
    if "sys.exit(main())" in path.read_text(encoding="utf-8")
)
SIGNALS = (signal.SIGINT, signal.SIGTERM)
WAITING = """
import asyncio, sys, time
from benchmarks.command_line import Report, make_parser, run

async def waits(_):
    try:
        print("measuring", flush=True)
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0)
        print("tidied up", flush=True)

def computes(_):
    try:
        print("measuring", flush=True)
        time.sleep(60)
    finally:
        print("tidied up", flush=True)

sys.exit(run(make_parser("waiting", None), {measure}))
"""


@pytest.fixture(autouse=True)
def no_options(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark"])


@pytest.fixture(autouse=True)
def signals_as_before() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    yield
    assert {number: signal.getsignal(number) for number in SIGNALS} == before


def test_all_benchmarks_are_found() -> None:
    assert {"benchmarks.receive", "benchmarks.turn_latency", "benchmarks.speakers"} <= set(PROGRAMS)
    assert len(PROGRAMS) >= 24


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("program", PROGRAMS)
def test_a_signal_at_the_start_ends_a_benchmark_without_a_traceback(
    program: str, number: signal.Signals, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The benchmark runs in this process, because its imports take seconds."""
    is_package = (ROOT / Path(*program.split("."))).is_dir()
    name = f"{program}.__main__" if is_package else program
    main = import_module(name).main
    monkeypatch.setattr(command_line, "describe_machine", lambda: signal.raise_signal(number))
    assert main() == INTERRUPTED
    shown = capsys.readouterr()
    assert shown.out == "Ended.\n"
    assert shown.err == ""


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("measure", ["waits", "computes"])
def test_a_benchmark_that_a_signal_ends_during_the_measurement_cleans_up(measure: str, number: signal.Signals) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WAITING.format(measure=measure)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "measuring\n"
        process.send_signal(number)
        out, err = process.communicate(timeout=30)
    assert (process.returncode, out, err) == (INTERRUPTED, "tidied up\nEnded.\n", "")


def test_a_measurement_that_breaks_off_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    async def breaks_off(run: Run) -> Report:
        (run.folder / BOT_LOG).write_text("the last line of the log\n")
        raise MeasurementError("the bot did not join")

    assert run(make_parser("none", None), breaks_off) == BROKEN
    assert "the bot did not join" in (shown := capsys.readouterr().out)
    assert "the last line of the log" in shown


def test_a_report_is_printed_and_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders: list[Path] = []

    def measure(run: Run) -> Report:
        folders.append(run.folder)
        assert run.folder.is_dir()
        return Report(show, [("soon", True), ("enough", False)], {"figure": 1}, status=3)

    def show(console: Console) -> None:
        console.print("a table")

    file = tmp_path / "new" / "figures.json"
    monkeypatch.setattr(sys, "argv", ["benchmark", "--json", str(file)])
    assert run(make_parser("none", None), measure) == 3
    assert capsys.readouterr().out == "a table\n✔ soon: met\n✘ enough: missed\n"
    assert json.loads(file.read_text()) == {"figure": 1}
    assert not folders[0].exists()


def test_a_mistyped_option_is_reported_in_plain_words(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", "--jsno", "x"])
    with pytest.raises(SystemExit):
        run(make_parser("none", None), lambda _: Report(lambda _: None))
    assert "Did you mean --json?" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("--telephone ulaw --music 1", "--telephone does not go with --music and --replies"),
        ("--telephone alaw --replies 1", "--telephone does not go with --music and --replies"),
        ("--music 1 --replies 1", "choose one"),
        ("--natural", "--natural needs --replies"),
    ],
)
def test_options_of_the_echo_benchmark_that_would_be_ignored_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], options: str, told: str
) -> None:
    monkeypatch.setattr(sys, "argv", ["benchmark", *options.split()])
    with pytest.raises(SystemExit) as ended:
        echo.main()
    assert ended.value.code == USAGE_ERROR
    assert told in capsys.readouterr().err

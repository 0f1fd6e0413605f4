"""Fixtures of the tests of faults, and the table of recovery times that is printed at the end of the run."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.faults.table import as_table, read_results
from tests.forked import SPEECH_SERVER, forks


@pytest.fixture
async def word_voice(tmp_path: Path) -> AsyncIterator[str]:
    """The address of a real speech server that speaks words as tones."""
    process = await forks(*SPEECH_SERVER).start(
        *("tests.faults.word_voice", "--bind", "127.0.0.1:0", "--exit-with-parent"),
        folder=tmp_path,
        environment={"TTS_ENGINE": "stand-in", "TTS_FALLBACK": "", "TTS_VOICES_DIR": str(tmp_path / "voices")},
        stderr=2,
    )
    try:
        assert process.stdout is not None
        yield json.loads(await process.stdout.readline())["listening"]
    finally:
        process.terminate()
        await process.wait()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table. It has a row for each part that this run broke, and for each way in which the run broke it."""
    results = read_results(terminalreporter.getreports("passed") + terminalreporter.getreports("failed"))
    if results:
        terminalreporter.section("What happened with each thing and each fault")
        terminalreporter.write_line(as_table(results))

"""The standard output of child processes: nothing of it is lost if the process is stopped and goes on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from config.project import ROOT
from tests.process_state import state_of
from tests.timing import wait_until

COUNT = 100_000
PROGRAM = f"from config.output import whole_output\nwith whole_output() as output:\n    output.write(bytes({COUNT}))"
ISOLATED = {"bot/knowledge/readers/child.py", "bot/tools/builtin/page_text.py"}
"""Programs that Python starts with ``-I``, which takes no notice of PYTHONUNBUFFERED."""


@pytest.mark.parametrize("unbuffered", ["", "1"])
async def test_a_process_that_is_stopped_as_it_writes_goes_on_and_loses_nothing(unbuffered: str) -> None:
    environment = os.environ | {"PYTHONUNBUFFERED": unbuffered, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(  # noqa: ASYNC220
        (sys.executable, "-c", PROGRAM), env=environment, stdout=subprocess.PIPE, pipesize=4096
    ) as process:
        assert process.stdout is not None
        first = process.stdout.read(1)
        # The pipe is full, so the process sleeps in the middle of its output.
        await wait_until(lambda: state_of(process.pid) == "S")
        process.send_signal(signal.SIGSTOP)
        await wait_until(lambda: state_of(process.pid) == "T")
        process.send_signal(signal.SIGCONT)
        rest = process.stdout.read()
    assert len(first + rest) == COUNT


def test_no_program_writes_bytes_to_an_output_that_may_have_no_buffer() -> None:
    programs = [path for room in ("audio", "bot", "sandbox", "tts_server") for path in (ROOT / room).rglob("*.py")]
    found = {str(path.relative_to(ROOT)) for path in programs if "stdout.buffer" in path.read_text(encoding="utf-8")}
    assert found == ISOLATED

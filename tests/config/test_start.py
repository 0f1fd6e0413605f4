"""Tests of Ctrl-C while a program still imports its modules, or has just done so: it ends without output."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from config.project import ROOT

_INTERRUPTED_AS_IT_IMPORTS = """
import os, runpy, signal, sys

class Interrupt:
    def find_spec(self, name, path=None, target=None):
        if name == LIBRARY:
            sys.meta_path.remove(self)
            os.kill(os.getpid(), signal.SIGINT)

program, LIBRARY = sys.argv[1:]
sys.meta_path.insert(0, Interrupt())
# Python itself has this value in sys.argv while it looks for the module that -m names.
sys.argv = ["-m"]
runpy.run_module(program, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(
    ("program", "library"),
    [
        ("bot", "config.privacy"),
        ("bot", "config.start"),
        ("bot", "discord"),
        ("tts_server", "config.privacy"),
        ("tts_server", "numpy"),
        ("sandbox", "config.start"),
        ("sandbox", "aiohttp"),
        ("benchmarks.receive", "numpy"),
        ("benchmarks.reply_latency", "rich.console"),
    ],
)
def test_ctrl_c_while_a_program_imports_ends_it_without_a_word(program: str, library: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_AS_IT_IMPORTS, program, library],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")


_INTERRUPTED_BEFORE_IT_BEGINS = """
import os, runpy, signal, sys

restore = signal.signal

def restored(number, handler):
    before = restore(number, handler)
    if handler is signal.default_int_handler:
        os.kill(os.getpid(), signal.SIGINT)
    return before

signal.signal = restored
(program,) = sys.argv[1:]
sys.argv = ["-m"]
runpy.run_module(program, run_name="__main__", alter_sys=True)
"""


@pytest.mark.parametrize(("program", "status"), [("bot", 130), ("tts_server", 0), ("sandbox", 0)])
def test_ctrl_c_after_the_imports_ends_a_program_without_a_word(program: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_BEFORE_IT_BEGINS, program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")

"""The beginning of programs: Ctrl-C ends them without output, NumPy has one thread, and threads share memory."""

from __future__ import annotations

import os
import platform
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.cores import usable_cores
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
def test_ctrl_c_during_the_imports_ends_a_program_without_output(program: str, library: str) -> None:
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
def test_ctrl_c_after_the_imports_ends_a_program_without_output(program: str, status: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _INTERRUPTED_BEFORE_IT_BEGINS, program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


_BUSY_THREADS = """
import os, bot.__main__
bot.__main__.main(["version"])
import numpy
matrix = numpy.ones((512, 512), numpy.float32)
matrix @ matrix
print(len(os.listdir("/proc/self/task")))
"""


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux lists the threads of a process there")
@pytest.mark.parametrize(("chosen", "threads"), [(None, 1), ("2", 2)], ids=["usual", "the operator's choice"])
def test_the_bot_multiplies_matrices_on_one_thread(chosen: str | None, threads: int) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.endswith("_NUM_THREADS")}
    if chosen is not None:
        environment["OPENBLAS_NUM_THREADS"] = chosen
    ran = subprocess.run(
        [sys.executable, "-c", _BUSY_THREADS], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert int(ran.stdout.split()[-1]) == min(threads, usable_cores())


_THREADS_THAT_FREE_BLOCKS = """
import sys
from pathlib import Path
from threading import Event, Thread
from config.start import share_one_memory_pool

def held():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096

def use_and_free():
    blocks = [(bytearray(100 * 2**10), bytearray(2**10)) for _ in range(50)]
    return [small for _, small in blocks]

if sys.argv[1] == "one":
    share_one_memory_pool()

def work(turn, done):
    turn.wait()
    small.append(use_and_free())
    done.set()
    end.wait()

before, small, end = held(), [], Event()
for _ in range(8):
    # Each thread has its turn, and stays alive with its pool. The small blocks keep the pools from shrinking.
    turn, done = Event(), Event()
    Thread(target=work, args=(turn, done)).start()
    turn.set()
    done.wait()
print(held() - before)
end.set()
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has pools that grow like this")
def test_threads_use_the_memory_that_others_have_freed() -> None:
    environment = {
        name: value for name, value in os.environ.items() if "MALLOC" not in name and name != "GLIBC_TUNABLES"
    }

    def held(pools: str) -> int:
        ran = subprocess.run(
            [sys.executable, "-c", _THREADS_THAT_FREE_BLOCKS, pools],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        return int(ran.stdout)

    assert held("many") > 30 * 2**20
    assert held("one") < 10 * 2**20


_BEGINNING_OF_A_PROGRAM = """
import importlib, sys
import config.start

def share():
    print("shared")
    sys.exit()

config.start.share_one_memory_pool = share
module, function, *arguments = sys.argv[1:]
getattr(importlib.import_module(module), function)(*(arguments and [arguments]))
"""


@pytest.mark.parametrize(
    "program",
    [
        ("bot.command_line", "run", "version"),
        ("tts_server.command_line", "run"),
        ("bot.voice.transcribe.worker", "main", "no machine"),
    ],
    ids=["bot", "speech server", "transcriber"],
)
def test_the_threads_of_programs_with_engines_share_one_pool_of_memory(program: tuple[str, ...]) -> None:
    ran = subprocess.run(
        [sys.executable, "-c", _BEGINNING_OF_A_PROGRAM, *program],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert ran.stdout == "shared\n"

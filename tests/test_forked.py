"""Tests that a forked program behaves like a started one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import pytest

from tests.fork_server import Order
from tests.forked import DEVNULL, PIPE, STDOUT, Forked, Forks

RUN = ("timeit", "-n", "1", "-r", "1")
"""The module and its options with which ``python -m`` runs a line of code."""


@pytest.fixture(scope="module")
def server() -> Iterator[Forks]:
    server = Forks("json")
    yield server
    server.close()


async def started(
    server: Forks, code: str, folder: Path, *, stdin: int = DEVNULL, stdout: int = PIPE, stderr: int = STDOUT
) -> Forked:
    return await server.start(
        *(*RUN, code),
        folder=folder,
        environment={"ONLY": "this"},
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        new_session=True,
    )


async def started_file(
    server: Forks, program: str, folder: Path, *, stdout: int = PIPE, stderr: int = STDOUT
) -> Forked:
    """Start a program whose code is in a file."""
    (folder / "program.py").write_text(program)
    return await server.start(
        "program", folder=folder, environment={"PYTHONPATH": str(folder)}, stdout=stdout, stderr=stderr
    )


async def test_a_forked_process_has_its_own_folder_environment_and_session(server: Forks, tmp_path: Path) -> None:
    asked = "import os; print(os.getcwd(), os.environ.get('ONLY'), os.environ.get('HOME'), os.getsid(0) == os.getpid())"
    process = await started(server, asked, tmp_path)
    said, _ = await process.communicate()
    assert said.decode().splitlines()[0] == f"{tmp_path} this None True"
    assert process.returncode == 0
    assert process.pid != os.getpid()


async def test_the_exit_status_of_a_forked_process_is_reported(server: Forks, tmp_path: Path) -> None:
    assert await (await started(server, "import os; os._exit(7)", tmp_path)).wait() == 7
    failed = await started(server, "raise OSError('no')", tmp_path)
    said, _ = await failed.communicate()
    assert failed.returncode == 1
    assert b"OSError: no" in said
    sleeping = await started(server, "import time; time.sleep(60)", tmp_path)
    sleeping.kill()
    assert await sleeping.wait() == -signal.SIGKILL


@pytest.mark.parametrize(
    ("end", "status", "last"),
    [("None", 0, b""), ("0", 0, b""), ("3", 3, b""), ("'No bot is here.'", 1, b"No bot is here.\n")],
)
async def test_a_forked_process_ends_in_order(
    server: Forks, tmp_path: Path, end: str, status: int, last: bytes
) -> None:
    program = f"""
import atexit, sys, threading, time
atexit.register(print, "registered")
def work():
    time.sleep(0.2)
    print("waited for")
threading.Thread(target=work).start()
print("said")
sys.exit({end})
"""
    process = await started_file(server, program, tmp_path, stderr=PIPE)
    assert await process.communicate() == (b"said\nwaited for\nregistered\n", last)
    assert process.returncode == status


async def test_a_forked_process_whose_output_nobody_reads_fails_like_a_started_one(
    server: Forks, tmp_path: Path
) -> None:
    read, write = os.pipe()
    os.close(read)
    # This output has a buffer even where Python was told to buffer nothing.
    program = "import sys; sys.stdout = open(1, 'w', closefd=False); print('unread')"
    process = await started_file(server, program, tmp_path, stdout=write, stderr=PIPE)
    os.close(write)
    _, complaint = await process.communicate()
    assert b"BrokenPipeError" in complaint
    assert process.returncode == 120


async def test_a_forked_process_has_separate_streams_and_its_input_ends(server: Forks, tmp_path: Path) -> None:
    echo = "import os, sys; print(sys.stdin.read(), flush=True); print('oh', file=sys.stderr); os._exit(0)"
    process = await started(server, echo, tmp_path, stdin=PIPE, stderr=PIPE)
    assert process.stdin is not None
    process.stdin.write(b"hello")
    process.stdin.close()
    assert await process.communicate() == (b"hello\n", b"oh\n")
    silent = await started(server, echo, tmp_path, stdout=DEVNULL)
    assert await silent.communicate() == (b"", b"")


async def test_no_forked_process_is_left_behind(tmp_path: Path) -> None:
    server = Forks()
    sleeping = await started(server, "import time; time.sleep(60)", tmp_path)
    server.close()
    with pytest.raises(ProcessLookupError):
        os.kill(sleeping.pid, 0)
    # The process that reports its exit status is gone as well.
    with pytest.raises(ValueError, match="invalid literal"):
        await sleeping.wait()


async def test_a_start_that_is_cancelled_leaves_nothing(server: Forks, tmp_path: Path) -> None:
    def held() -> list[str]:
        return sorted(str(found.readlink()) for found in Path("/proc/self/fd").iterdir() if found.is_symlink())

    await (await started(server, "pass", tmp_path)).communicate()
    before = len(held())
    for steps in range(12):
        starting = asyncio.create_task(started(server, "import time; time.sleep(60)", tmp_path, stdin=PIPE))
        for _ in range(steps):
            await asyncio.sleep(0)
        starting.cancel()
        if isinstance(forked := (await asyncio.gather(starting, return_exceptions=True))[0], Forked):
            forked.kill()
            await forked.wait()
    async with asyncio.timeout(30):
        while len(held()) > before:
            await asyncio.sleep(0.02)


async def test_a_forked_process_finds_the_modules_of_its_own_pythonpath(server: Forks, tmp_path: Path) -> None:
    (tmp_path / "found_nowhere_else.py").write_text("print('found')")
    process = await server.start("found_nowhere_else", folder=tmp_path, environment={"PYTHONPATH": str(tmp_path)})
    assert await process.communicate() == (b"found\n", b"")


async def test_a_start_that_nobody_waits_for_does_not_end_the_server(server: Forks, tmp_path: Path) -> None:
    order = Order(RUN[0], ("-n", "1", "-r", "1", "pass"), str(tmp_path), {}, new_session=True)
    nobody_reads, telling = os.pipe()
    os.close(nobody_reads)
    nothing = os.open(os.devnull, os.O_RDWR)
    socket.send_fds(server._orders, [json.dumps(asdict(order)).encode()], [nothing, nothing, nothing, telling])
    os.close(nothing)
    os.close(telling)
    assert await (await started(server, "pass", tmp_path)).wait() == 0

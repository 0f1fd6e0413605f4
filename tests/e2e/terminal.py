"""Runs a program in its own terminal, as a person does, and watches its child processes."""

from __future__ import annotations

import asyncio
import os
import pty
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Self

import psutil

from config.project import ROOT
from tests.e2e.program import SAID_LIMIT

_SHELL = 'exec 0<"$0" 1>"$0" 2>&1; "$@"; echo "status $?"'
"""The shell opens the terminal, which then belongs to the shell's session. The kernel tells the session when the
terminal is closed.
"""
_CTRL_C = b"\x03"
_POLL = 0.05


class Family:
    """A process with all its descendants, and the addresses on which they listen."""

    def __init__(self, process: psutil.Process) -> None:
        self.processes = [process, *process.children(recursive=True)]
        self.addresses = {address for each in self.processes for address in _listens_on(each)}

    def member(self, *words: str) -> psutil.Process:
        """The process whose command line has these words."""
        (found,) = self._members(words)
        return found

    def has(self, *words: str) -> bool:
        """Whether there is a process whose command line has these words."""
        return bool(self._members(words))

    def _members(self, words: tuple[str, ...]) -> list[psutil.Process]:
        return [each for each in self.processes if all(word in _command_line(each) for word in words)]

    async def left_after(self, seconds: float) -> list[str]:
        """The processes and listening addresses that are still there after at most these seconds."""
        _, alive = await asyncio.to_thread(psutil.wait_procs, self.processes, seconds)
        return [str(each) for each in alive] + [str(each) for each in self.addresses if _is_listened_on(each)]


class Terminal:
    """The terminal. Made by :func:`in_terminal`."""

    def __init__(self, master: int, shell: psutil.Process, folder: Path) -> None:
        self._master = master
        self._folder = folder
        self._shell = shell
        self._said = bytearray()
        self._open = True
        asyncio.get_running_loop().add_reader(master, self._read)

    def _read(self) -> None:
        try:
            self._said += os.read(self._master, 65_536)
        except OSError:
            # Nobody writes to the terminal any more.
            asyncio.get_running_loop().remove_reader(self._master)

    @property
    def said(self) -> str:
        """The whole output so far."""
        return self._said.decode(errors="replace")

    @property
    def temporary_files(self) -> list[str]:
        """The temporary files that the program has left."""
        return [path.name for path in (self._folder / "tmp").iterdir()]

    async def until(self, condition: Callable[[Self], bool]) -> None:
        """Wait until a condition is true."""
        try:
            async with asyncio.timeout(SAID_LIMIT):
                while not condition(self):
                    await asyncio.sleep(_POLL)
        except TimeoutError:
            raise AssertionError(f"waited in vain; it said: {self.said}") from None

    async def until_said(self, words: str) -> None:
        """Wait until the output has these words."""
        await self.until(lambda terminal: words in terminal.said)

    @property
    def program(self) -> psutil.Process:
        """The process that the shell runs."""
        return self._shell.children()[0]

    def has_loaded(self, library: str) -> bool:
        """Whether a file of this library is mapped in the program's memory."""
        return any(library in each.path for each in self.program.memory_maps())

    def family(self) -> Family:
        """The program with all its descendants."""
        return Family(self.program)

    def press_ctrl_c(self) -> None:
        """Type Ctrl+C: the kernel sends SIGINT to all processes in the foreground."""
        os.write(self._master, _CTRL_C)

    async def answer(self, question: str, line: str) -> None:
        """Wait until a question is the last output, and type the answer."""
        await self.until(lambda terminal: terminal.said.rstrip().endswith(question))
        os.write(self._master, f"{line}\n".encode())

    def close(self) -> None:
        """Close the terminal's window."""
        if self._open:
            self._open = False
            asyncio.get_running_loop().remove_reader(self._master)
            os.close(self._master)


@asynccontextmanager
async def in_terminal(*arguments: str, folder: Path, **environment: str) -> AsyncIterator[Terminal]:
    """Run ``python -m bot`` in a terminal, in an empty folder, without this machine's settings, with toy weights.

    Temporary files go to ``folder/tmp``.
    """
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    (folder / "tmp").mkdir(exist_ok=True)
    master, slave = pty.openpty()
    program = (sys.executable, "-m", "bot", *arguments)
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", _SHELL, os.ttyname(slave), *program),
        cwd=folder,
        env={
            **kept,
            "PYTHONPATH": str(ROOT),
            "TTS_BIND": "127.0.0.1:0",
            "WEB_BIND": "127.0.0.1:0",
            "COLUMNS": "200",
            "TERM": "dumb",
            "WEIGHTS": "toys",
            "TMPDIR": str(folder / "tmp"),
            **environment,
        },
        start_new_session=True,
    )
    terminal = Terminal(master, psutil.Process(process.pid), folder)
    started: set[psutil.Process] = set()
    try:
        await terminal.until(lambda terminal: bool(terminal._shell.children()))
        started.add(terminal.program)
        # The program has opened the terminal by now. The terminal can be closed only if this process does not keep the
        # program's end open.
        os.close(slave)
        yield terminal
    finally:
        with suppress(psutil.NoSuchProcess):
            started.update(psutil.Process(process.pid).children(recursive=True))
        for each in started:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        terminal.close()


def _command_line(process: psutil.Process) -> list[str]:
    with suppress(psutil.NoSuchProcess):
        return process.cmdline()
    return []


def _listens_on(process: psutil.Process) -> set[tuple[str, int]]:
    with suppress(psutil.NoSuchProcess):
        connections = process.net_connections("tcp4")
        return {(each.laddr.ip, each.laddr.port) for each in connections if each.status == psutil.CONN_LISTEN}
    return set()


def _is_listened_on(address: tuple[str, int]) -> bool:
    try:
        socket.create_connection(address, timeout=1.0).close()
    except OSError:
        return False
    return True

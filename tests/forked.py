"""Starts programs of the project as forked processes, which is faster; see :mod:`tests.fork_server`."""

from __future__ import annotations

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Protocol

from config.project import ROOT
from tests.fork_server import Order

BOT = ("bot.command_line", "bot.demo.run", "bot.models.command", "bot.backup.command", "bot.health")
SPEECH_SERVER = ("tts_server.command_line",)
RECORDINGS = ("audio.encoders", "tts_server.voices.preparation", "faster_whisper.vad")
MODELS = ("bot.models.command", "huggingface_hub.file_download")
PIP = (
    "pip._internal.cli.main",
    "pip._internal.commands.download",
    "pip._internal.metadata.importlib",
    "pip._internal.metadata.pkg_resources",
    "pip._internal.resolution.resolvelib.resolver",
)
MUSIC = ("bot.music.decoding_process",)
READERS = tuple(
    f"bot.knowledge.readers.{name}"
    for name in ("child", "html", "json_records", "markdown", "pdf", "splitting", "text")
)
EARS = ("bot.voice.transcribe.worker", "bot.voice.transcribe.whisper_model")
"""Each constant above lists the modules that a fork server imports once, before it forks processes of one program."""

DEVNULL, PIPE, STDOUT = subprocess.DEVNULL, subprocess.PIPE, subprocess.STDOUT


class Running(Protocol):
    """A process, forked or started."""

    @property
    def pid(self) -> int: ...
    @property
    def stdout(self) -> asyncio.StreamReader | None: ...
    @property
    def returncode(self) -> int | None: ...
    def send_signal(self, number: int, /) -> None: ...
    def terminate(self) -> None: ...
    def kill(self) -> None: ...
    async def wait(self) -> int: ...
    async def communicate(self) -> tuple[bytes, bytes]: ...


class Forked:
    """One forked process, with the methods of :class:`asyncio.subprocess.Process`. Use it on one event loop."""

    def __init__(
        self,
        pid: int,
        reports: asyncio.StreamReader,
        stdin: asyncio.StreamWriter | None,
        stdout: asyncio.StreamReader | None,
        stderr: asyncio.StreamReader | None,
    ) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.returncode: int | None = None
        self._ending = asyncio.create_task(self._end(reports), name=f"end of {pid}")

    async def _end(self, reports: asyncio.StreamReader) -> int:
        self.returncode = int(await reports.readline())
        return self.returncode

    async def wait(self) -> int:
        """Wait for its end; returns the exit status, which is negative for a signal."""
        return await asyncio.shield(self._ending)

    async def communicate(self) -> tuple[bytes, bytes]:
        """Wait for its end; returns its output on both streams."""
        said = await asyncio.gather(*(_all_of(stream) for stream in (self.stdout, self.stderr)))
        await self.wait()
        return said[0], said[1]

    async def finish(self, limit: float) -> tuple[int, str]:
        """Wait for its end, up to ``limit`` seconds; returns its exit status and its output. Then it is gone."""
        try:
            said, _ = await asyncio.wait_for(self.communicate(), limit)
        finally:
            self.kill()
            await self.wait()
        return await self.wait(), said.decode()

    def send_signal(self, number: int, /) -> None:
        """Send a signal, if the process is still there."""
        if self.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    def terminate(self) -> None:
        """Send SIGTERM."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """Send SIGKILL."""
        self.send_signal(signal.SIGKILL)


class Forks:
    """A :class:`~tests.fork_server.ForkServer` in its own process, for programs of the project at ``root``."""

    def __init__(self, *modules: str, root: Path = ROOT) -> None:
        self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # A fork has none of OpenBLAS's own threads, so OpenBLAS must not start any. The tested programs don't compute
        # with OpenBLAS.
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(root), str(ROOT))), "OPENBLAS_NUM_THREADS": "1"}
        with theirs:
            self._process = subprocess.Popen(
                (sys.executable, "-m", "tests.fork_server", str(theirs.fileno()), *modules),
                cwd=root,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )

    def close(self) -> None:
        """End the server and its forked processes."""
        self._orders.close()
        self._process.wait()

    async def start(
        self,
        module: str,
        *arguments: str,
        folder: Path,
        environment: Mapping[str, str],
        stdin: int = DEVNULL,
        stdout: int = PIPE,
        stderr: int = STDOUT,
        new_session: bool = False,
        limit: int = 2**16,
    ) -> Forked:
        """Start ``python -m module arguments``. The options are those of :func:`asyncio.create_subprocess_exec`.

        If this is cancelled, the process is gone afterwards.
        """
        order = Order(module, arguments, str(folder), dict(environment), new_session)
        starting = asyncio.create_task(self._start(order, stdin, stdout, stderr, limit), name=f"starting {module}")
        try:
            return await asyncio.shield(starting)
        except asyncio.CancelledError:
            forked = await starting
            forked.kill()
            await forked.wait()
            if forked.stdin is not None:
                forked.stdin.close()
            raise

    async def _start(self, order: Order, stdin: int, stdout: int, stderr: int, limit: int) -> Forked:
        reports, status_pipe = await _pipe()
        writer, in_ = await _input(stdin)
        reader, out = await _output(stdout, limit)
        errors, err = (None, out) if stderr == STDOUT else await _output(stderr, limit)
        try:
            socket.send_fds(self._orders, [json.dumps(asdict(order)).encode()], [in_, out, err, status_pipe])
        finally:
            for descriptor in {in_, out, err, status_pipe} - ({stdin} if stdin >= 0 else set()):
                os.close(descriptor)
        return Forked(int(await reports.readline()), reports, writer, reader, errors)


@cache
def forks(*modules: str) -> Forks:
    """The fork server that has imported these modules. All tests of this process share it."""
    server = Forks(*modules)
    atexit.register(server.close)
    return server


async def _pipe(limit: int = 2**16) -> tuple[asyncio.StreamReader, int]:
    """Make a pipe; returns its reader and the descriptor to write to."""
    read, write = os.pipe()
    reader = asyncio.StreamReader(limit)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(read, "rb", 0)
    )
    return reader, write


async def _output(wanted: int, limit: int) -> tuple[asyncio.StreamReader | None, int]:
    if wanted == PIPE:
        return await _pipe(limit)
    return None, os.open(os.devnull, os.O_WRONLY) if wanted == DEVNULL else os.dup(wanted)


async def _input(wanted: int) -> tuple[asyncio.StreamWriter | None, int]:
    if wanted == PIPE:
        ours, theirs = socket.socketpair()
        _, writer = await asyncio.open_unix_connection(sock=ours)
        return writer, theirs.detach()
    return None, os.open(os.devnull, os.O_RDONLY) if wanted == DEVNULL else wanted


async def _all_of(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()

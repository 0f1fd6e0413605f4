"""A program that imports modules once and forks a process for each order.

Its command line is ``python -m tests.fork_server SOCKET MODULE …``. Most of the time of a short program goes to
imports, and tests start some hundred programs. A forked process has a folder, an environment, streams, a session and an
exit status of its own. Forked processes share only the imports and the model of the language detection, which is loaded
before. Tests use :mod:`tests.forked`.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import runpy
import select
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from config.privacy import keep_private

MAX_BYTES = 100_000
"""Maximum number of bytes of one order."""
DESCRIPTORS = 4
"""Number of file descriptors with each order: three standard streams, and one for the process's id and exit status."""


@dataclass(frozen=True, slots=True)
class Order:
    """The program that a forked process has to run."""

    module: str
    arguments: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    new_session: bool

    @classmethod
    def read(cls, message: bytes) -> Order:
        """Read an order that :mod:`tests.forked` has sent."""
        fields = json.loads(message)
        return cls(**{**fields, "arguments": tuple(fields["arguments"])})


class ForkServer:
    """Forks processes until its parent is gone, and reports the exit status of each."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._status_pipes: dict[int, int] = {}
        self._woken, self._waking = os.pipe()
        for descriptor in (self._woken, self._waking):
            os.set_blocking(descriptor, False)

    def serve(self) -> Order | None:
        """Serve orders. Returns each order in its forked process, and ``None`` in this process after the last one."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waking)
        orders = self._orders.fileno()
        while True:
            ready, _, _ = select.select([orders, self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 1_000)
                self._report_ended()
            if orders in ready:
                message, descriptors, _, _ = socket.recv_fds(self._orders, MAX_BYTES, DESCRIPTORS)
                if not message:
                    self._end_all()
                    return None
                order = Order.read(message)
                pid = os.fork()
                if pid == 0:
                    self._become(order, descriptors)
                    return order
                *streams, status_pipe = descriptors
                self._status_pipes[pid] = status_pipe
                self._report(status_pipe, pid)
                for stream in streams:
                    os.close(stream)

    def _report_ended(self) -> None:
        for pid in list(self._status_pipes):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                status_pipe = self._status_pipes.pop(pid)
                self._report(status_pipe, os.waitstatus_to_exitcode(status))
                os.close(status_pipe)

    @staticmethod
    def _report(status_pipe: int, number: int) -> None:
        # The test that started the process may have given up, so that nobody reads.
        with suppress(BrokenPipeError):
            os.write(status_pipe, b"%d\n" % number)

    def _end_all(self) -> None:
        for pid in self._status_pipes:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)

    def _become(self, order: Order, descriptors: list[int]) -> None:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        if order.new_session:
            os.setsid()
        for standard, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, standard)
        self._orders.close()
        for descriptor in (*descriptors, *self._status_pipes.values(), self._woken, self._waking):
            os.close(descriptor)
        os.chdir(order.folder)
        os.environ.clear()
        os.environ.update(order.environment)
        # Python itself reads PYTHONPATH only when it starts. Modules that are imported already stay the same.
        given = [folder for folder in order.environment.get("PYTHONPATH", "").split(os.pathsep) if folder]
        sys.path[1:1] = [folder for folder in given if folder not in sys.path]
        # Each program does this before its imports.
        keep_private()
        if library := sys.modules.get("huggingface_hub.constants"):
            # The library reads the environment when it is imported.
            importlib.reload(library)


class Leaving:
    """Ends a forked process after all that Python does at an exit, but before Python deletes each object.

    Deleting them would take most of the time of a short program, since it writes to all the memory that forks share.
    """

    def __init__(self) -> None:
        self._status: int | None = None

    def after(self, module: str) -> None:
        """Run a program. After an error, or with an exit status that is a text, Python itself ends the process."""
        try:
            runpy.run_module(module, run_name="__main__", alter_sys=True)
        except SystemExit as end:
            if end.code is None or isinstance(end.code, int):
                self._status = end.code or 0
            raise
        self._status = 0

    def __call__(self) -> None:
        """End the process, if its program has ended without an error."""
        if self._status is None:
            return
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            # Nobody reads any more. Python has a message and an exit status for that.
            return
        os._exit(self._status)


def main() -> None:
    """Import the modules and serve. In a forked process, run its program."""
    descriptor, *modules = sys.argv[1:]
    leave = Leaving()
    # What is registered first is called last.
    atexit.register(leave)
    orders = socket.socket(fileno=int(descriptor))
    for module in modules:
        importlib.import_module(module)
    if guess := sys.modules.get("languages.guess"):
        # Unpacking the model of the language detection takes longer than most of what these programs do.
        guess.LanguageGuesser(()).load()
    if session := sys.modules.get("pip._internal.network.session"):
        # pip finds out once in each process what it tells registries about this machine. It runs other programs for
        # that.
        session.user_agent()
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError(f"Importing {modules} starts threads, which a fork would not have.")
    # The garbage collector does not write to frozen objects, so that forks share their memory.
    gc.collect()
    gc.freeze()
    order = ForkServer(orders).serve()
    if order is not None:
        sys.argv = [order.module, *order.arguments]
        leave.after(order.module)


if __name__ == "__main__":
    main()

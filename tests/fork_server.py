"""``python -m tests.fork_server SOCKET MODULE …``: imports these modules once, and forks a program for each order.

Importing is most of what a short program costs, and tests start some hundred. What is forked is a process like any
other, with a folder, an environment, streams, a session and an exit status of its own: only its imports were done
before.
:mod:`tests.forked` is what tests use of it.
"""

from __future__ import annotations

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

MOST_BYTES = 100_000
"""Of one order."""
DESCRIPTORS = 4
"""Come with each order: the three standard streams, and where the process's id and its exit status are written."""


@dataclass(frozen=True, slots=True)
class Order:
    """The program that a fork is to become."""

    module: str
    arguments: tuple[str, ...]
    folder: str
    environment: dict[str, str]
    new_session: bool

    @classmethod
    def read(cls, message: bytes) -> Order:
        """One order as :mod:`tests.forked` sends it."""
        fields = json.loads(message)
        return cls(**{**fields, "arguments": tuple(fields["arguments"])})


class ForkServer:
    """Forks until whoever started it is gone, and tells of each program how it ended."""

    def __init__(self, orders: socket.socket) -> None:
        self._orders = orders
        self._told_to: dict[int, int] = {}
        self._woken, self._waking = os.pipe()
        for descriptor in (self._woken, self._waking):
            os.set_blocking(descriptor, False)

    def serve(self) -> Order | None:
        """Returns an order in the process that is to carry it out, and ``None`` in this one when there are no more."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._waking)
        orders = self._orders.fileno()
        while True:
            ready, _, _ = select.select([orders, self._woken], [], [])
            if self._woken in ready:
                os.read(self._woken, 1_000)
                self._tell_of_ended()
            if orders in ready:
                message, descriptors, _, _ = socket.recv_fds(self._orders, MOST_BYTES, DESCRIPTORS)
                if not message:
                    self._end_all()
                    return None
                order = Order.read(message)
                pid = os.fork()
                if pid == 0:
                    self._become(order, descriptors)
                    return order
                *streams, told_to = descriptors
                self._told_to[pid] = told_to
                os.write(told_to, b"%d\n" % pid)
                for stream in streams:
                    os.close(stream)

    def _tell_of_ended(self) -> None:
        for pid in list(self._told_to):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                told_to = self._told_to.pop(pid)
                # Nobody may listen any more.
                with suppress(BrokenPipeError):
                    os.write(told_to, b"%d\n" % os.waitstatus_to_exitcode(status))
                os.close(told_to)

    def _end_all(self) -> None:
        for pid in self._told_to:
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
        for descriptor in (*descriptors, *self._told_to.values(), self._woken, self._waking):
            os.close(descriptor)
        os.chdir(order.folder)
        os.environ.clear()
        os.environ.update(order.environment)
        # Python looks at the variable as it starts; what is imported already stays as it is.
        given = [folder for folder in order.environment.get("PYTHONPATH", "").split(os.pathsep) if folder]
        sys.path[1:1] = [folder for folder in given if folder not in sys.path]
        # Each program does this before it imports anything.
        keep_private()
        if library := sys.modules.get("huggingface_hub.constants"):
            # It reads the environment as it is imported.
            importlib.reload(library)


def main() -> None:
    """Import, serve; in a fork, be the program."""
    descriptor, *modules = sys.argv[1:]
    orders = socket.socket(fileno=int(descriptor))
    for module in modules:
        importlib.import_module(module)
    if len(list(Path("/proc/self/task").iterdir())) > 1:
        raise RuntimeError(f"Importing {modules} starts threads, which a fork would not have.")
    # What is collected no more is written to no more, so forks share its memory.
    gc.collect()
    gc.freeze()
    order = ForkServer(orders).serve()
    if order is not None:
        sys.argv = [order.module, *order.arguments]
        runpy.run_module(order.module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()

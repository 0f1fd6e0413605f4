"""The processes in which the toy is made. Any thread can end them, and they end when the bot ends."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable

from config.project import child_environment


class MakingEndedError(Exception):
    """The making of the toy was ended before it was complete."""


class Processes:
    """Runs the processes. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._ended = False

    @property
    def ended(self) -> bool:
        """Whether :meth:`end` was called."""
        return self._ended

    def run(self, module: str, *arguments: str, on_share: Callable[[float], None]) -> None:
        """Run a module as a process, and wait for its end. ``on_share`` gets each number that the process prints.

        Raises:
            MakingEndedError: :meth:`end` was called, before or meanwhile.
            ChildProcessError: the process failed. The message is the last line of its error output.
        """
        with tempfile.TemporaryFile() as errors, self._started(module, arguments, errors.fileno()) as process:
            assert process.stdout is not None  # noqa: S101
            try:
                for line in process.stdout:
                    on_share(float(line))
                status = process.wait()
            finally:
                self._running.discard(process)
            if self._ended:
                raise MakingEndedError
            if status != 0:
                errors.seek(0)
                last = errors.read().decode(errors="replace").strip().rpartition("\n")[2]
                raise ChildProcessError(last or str(status))

    def end(self) -> None:
        """Kill all processes. No further ones are started."""
        with self._lock:
            self._ended = True
            for process in list(self._running):
                process.kill()

    def _started(self, module: str, arguments: tuple[str, ...], errors: int) -> subprocess.Popen[bytes]:
        # The matrices are many and small: threads of the algebra library would only wait for each other.
        environment = child_environment({"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})
        with self._lock:
            if self._ended:
                raise MakingEndedError
            process = subprocess.Popen(  # noqa: S603
                (sys.executable, "-m", module, str(os.getpid()), *arguments),
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
            )
            self._running.add(process)
        return process

"""Measures whether another process is active, to distinguish a hanging process from a busy one."""

from __future__ import annotations

import psutil


class Pulse:
    """The activity of one process. Each measurement takes well under a millisecond.

    Args:
        pid: the process. A process that has ended is inactive.
    """

    def __init__(self, pid: int) -> None:
        self._work = 0.0
        try:
            self._process: psutil.Process | None = psutil.Process(pid)
        except psutil.Error:
            self._process = None
        self.beats()

    def beats(self) -> bool:
        """Whether the process has used CPU time or the disk since the last call, or is just about to."""
        if self._process is None:
            return False
        try:
            with self._process.oneshot():
                before, self._work = self._work, self._work_so_far(self._process)
                status = self._process.status()
        except psutil.Error:
            return False
        if status in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return False
        return self._work != before or status in (psutil.STATUS_RUNNING, psutil.STATUS_DISK_SLEEP)

    @staticmethod
    def _work_so_far(process: psutil.Process) -> float:
        """A number that grows with CPU time and disk access. Its unit has no meaning."""
        times = process.cpu_times()
        # Not every system reports what a process reads and writes.
        io = process.io_counters() if hasattr(process, "io_counters") else None
        return times.user + times.system + (io.read_bytes + io.write_bytes if io else 0)

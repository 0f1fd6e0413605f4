"""What a bot and its child processes hold: memory, handles and threads of each process, from ``/proc`` (Linux)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import psutil

_OWN_MEMORY = ("Pss_Anon:", "Pss_Shmem:", "SwapPss:")
"""The fields of ``smaps_rollup`` that count memory which the process has written. Shared pages count in part.

Mapped files are left out: how many of their pages are in memory, and who else maps them, is not the bot's doing.
"""
_ROLES: Mapping[str, str] = {
    "bot": "bot",
    "tts_server": "speech server",
    "bot.voice.transcribe.worker": "recogniser",
}
"""Names of the processes by the module that Python runs."""


@dataclass(frozen=True, slots=True)
class ProcessHoldings:
    """One process at one moment.

    Attributes:
        pid: id of the process.
        memory: bytes that it has written and still holds.
        files: open files, pipes and so on, without sockets.
    """

    pid: int
    memory: int
    files: int
    sockets: int
    threads: int

    @property
    def handles(self) -> int:
        """All open handles."""
        return self.files + self.sockets


def holdings_of(pid: int) -> dict[str, ProcessHoldings]:
    """What a process and all processes beneath it hold, by the name of each. Blocks for some milliseconds.

    Raises:
        psutil.NoSuchProcess: the process has ended.
    """
    root = psutil.Process(pid)
    found: dict[str, ProcessHoldings] = {}
    counts: Counter[str] = Counter()
    for process in [root, *sorted(root.children(recursive=True), key=lambda each: each.create_time())]:
        try:
            role, held = _role(process.cmdline()), _held(process.pid)
        except (psutil.Error, OSError):
            continue  # It has ended meanwhile.
        counts[role] += 1
        found[role if counts[role] == 1 else f"{role} {counts[role]}"] = held
    return found


def _role(command: Sequence[str]) -> str:
    for option, module in pairwise(command):
        if option == "-m":
            return _ROLES.get(module, module)
    return Path(command[0]).name if command else "ended"


def _held(pid: int) -> ProcessHoldings:
    place = Path("/proc") / str(pid)
    rollup = (place / "smaps_rollup").read_text(encoding="ascii")
    memory = sum(int(line.split()[1]) for line in rollup.splitlines() if line.startswith(_OWN_MEMORY))
    targets = [_target(entry) for entry in (place / "fd").iterdir()]
    sockets = sum(target.startswith("socket:") for target in targets)
    threads = sum(1 for _ in (place / "task").iterdir())
    return ProcessHoldings(pid, 1024 * memory, len(targets) - sockets, sockets, threads)


def _target(handle: Path) -> str:
    try:
        return str(handle.readlink())
    except FileNotFoundError:
        return ""

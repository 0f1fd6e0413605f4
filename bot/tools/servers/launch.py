"""Starts an MCP server's program so that it ends with the bot: ``python launch.py PIPE SECONDS COMMAND [ARGUMENTS…]``.

This file is run on its own, by a Python that reads no environment and imports nothing of the project. It becomes the
program. Before that it leaves a watcher behind: a process that waits until the bot is gone, even if the bot was killed,
and then ends the program and everything that it has started.
"""

from __future__ import annotations

import os
import signal
import sys
import time


def main() -> None:
    """Become the program; the arguments are those of the command line."""
    pipe, seconds, command = int(sys.argv[1]), float(sys.argv[2]), sys.argv[3:]
    # The watcher is a grandchild: the program does not expect a child that it has not started.
    if (child := os.fork()) == 0:
        if os.fork() == 0:
            watch(pipe, seconds)
        os._exit(0)
    os.waitpid(child, 0)
    os.close(pipe)
    # The operator has named this program in TOOLS_FILE.
    os.execvp(command[0], command)  # noqa: S606


def watch(pipe: int, seconds: float) -> None:
    """Wait until the other end of the pipe, which only the bot has, is closed. Then end this process group."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # The program's own streams must end with the program.
    for number in range(3):
        os.close(number)
    os.read(pipe, 1)
    # As long as this process is in the group, no other group has its number.
    os.killpg(0, signal.SIGTERM)
    time.sleep(seconds)
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()

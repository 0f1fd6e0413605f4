"""A bare clock: a process whose only work is to send a datagram every 20 ms.

It is the control beside the bot's packets: what it is late by, this machine is late by.
``python -m benchmarks.bare_clock PORT`` sends to that port on loopback until it is ended, or nobody listens there.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time

FRAME_SECONDS = 0.02


def main(port: int) -> None:
    """Send, count up, wait for the next 20 ms by the absolute clock."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(("127.0.0.1", port))
    due, number = time.monotonic(), 0
    while True:
        sender.send(number.to_bytes(8, "big"))
        number += 1
        due += FRAME_SECONDS
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    # Loopback reports a port that was closed: the benchmark is gone, however it ended.
    with contextlib.suppress(ConnectionRefusedError, KeyboardInterrupt):
        main(int(sys.argv[1]))

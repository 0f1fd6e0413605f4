"""A bare clock: a process that only sends a datagram every 20 ms.

The benchmarks compare the bot's packets with these datagrams, which nothing but the machine can delay.
``python -m benchmarks.bare_clock PORT`` sends to that port on loopback until it is killed, or until nobody listens
there.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time

FRAME_SECONDS = 0.02


def main(port: int) -> None:
    """Send numbered datagrams, one every 20 ms. If one is late, the next one is still sent at its time."""
    sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sender.connect(("127.0.0.1", port))
    due, number = time.monotonic(), 0
    while True:
        sender.send(number.to_bytes(8, "big"))
        number += 1
        due += FRAME_SECONDS
        time.sleep(max(0.0, due - time.monotonic()))


if __name__ == "__main__":
    # Loopback refuses a datagram to a closed port. Then the benchmark has ended.
    with contextlib.suppress(ConnectionRefusedError, KeyboardInterrupt):
        main(int(sys.argv[1]))

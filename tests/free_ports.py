"""Ports that are free, for the programs that tests start."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

_HOST = "127.0.0.1"
_FIRST, _LAST = 20_000, 32_767
"""Linux gives away none of these ports by itself. A port that it gives away could go to another program before it is
bound.
"""
_ATTEMPTS = 500
_CHANCE = random.SystemRandom()
"""Tests that begin with the same seed must not try the same ports at the same time."""


def free_port() -> int:
    """A port that is free now for UDP and TCP."""
    return free_ports(1).start


def free_ports(count: int = 40) -> range:
    """A row of ports that are free now for UDP and TCP. The first one is even. Each call tries others, by chance."""
    for _ in range(_ATTEMPTS):
        ports = range(start := _CHANCE.randrange(_FIRST, _LAST - count, 2), start + count)
        with ExitStack() as sockets:
            try:
                for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                    for port in ports:
                        sockets.enter_context(socket.socket(socket.AF_INET, kind)).bind((_HOST, port))
            except OSError:
                continue
        return ports
    raise AssertionError("no free ports")

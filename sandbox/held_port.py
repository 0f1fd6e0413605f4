"""A port that a stand-in keeps while it is down, so that it can listen there again."""

from __future__ import annotations

import socket

_HOST = "127.0.0.1"


def hold_port() -> socket.socket:
    """A socket that is bound to a free port of loopback and does not listen. The port is kept until the socket is
    closed.

    Servers of this user can listen at the port, one after another, if they set ``SO_REUSEADDR``, as asyncio's servers
    do. Between two of them, connections are refused. Without the socket, the system may give the port of a server that
    is down to any other program, for example for one end of a connection.
    """
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind((_HOST, 0))
    return held


def port_of(held: socket.socket) -> int:
    """The port that a bound socket has."""
    return int(held.getsockname()[1])

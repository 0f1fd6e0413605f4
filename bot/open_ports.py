"""Finds out whether an address of this machine is taken, and on which address a process listens."""

from __future__ import annotations

import errno
import socket

import psutil

TAKEN = "%s is taken by another program, perhaps another Seiyuu; %s takes %s"
"""The log line if a usual address is taken: the address, who wanted it, and what they take instead."""


def is_taken(bind: str) -> bool:
    """Whether another program listens on ``HOST:PORT``. If the host is a name, all its addresses are checked."""
    host, _, port = bind.rpartition(":")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (OSError, ValueError):
        return False
    return any(_is_taken(family, address) for family, _, _, _, address in found)


def _is_taken(family: int, address: tuple[object, ...]) -> bool:
    try:
        with socket.create_server(address, family=family):
            return False
    except OSError as error:
        return error.errno == errno.EADDRINUSE


def listening_address(pid: int) -> str | None:
    """The address on which a process listens, as ``HOST:PORT``; ``None`` if it does not listen."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return None
    for each in connections:
        if each.status == psutil.CONN_LISTEN:
            host, port = each.laddr
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return None

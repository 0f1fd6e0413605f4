"""The pairs of UDP ports for sound and its reports."""

from __future__ import annotations

import errno
import random
import socket
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PortPair:
    """Two bound sockets: an even port for sound, and the next one for reports. Neither blocks."""

    sound: socket.socket
    reports: socket.socket

    @property
    def port(self) -> int:
        """The port for sound."""
        return int(self.sound.getsockname()[1])

    def close(self) -> None:
        """Close both."""
        self.sound.close()
        self.reports.close()


def bind_pair(host: str, ports: Sequence[int]) -> PortPair | None:
    """Bind a free pair at random. Returns ``None`` if there is none.

    aiortp's allocator is not used: it closes the ports that it has found, and others may take them before they are
    used.
    """
    pairs = [port for port in ports if port % 2 == 0 and port + 1 in ports]
    for port in random.sample(pairs, len(pairs)):
        sound = _bind(host, port)
        if sound is None:
            continue
        reports = _bind(host, port + 1)
        if reports is not None:
            return PortPair(sound, reports)
        sound.close()
    return None


def find_bind_error(host: str, port: int) -> OSError | None:
    """Try whether SIP could listen on this address. Returns what is in the way; ``None`` if nothing is."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM) as probe:
            probe.bind((host, port))
    except OSError as error:
        return error
    return None


def bind_error_text(host: str, port: int, error: OSError) -> str:
    """Why SIP can't listen on this address, and what helps, for the operator."""
    where = f"SIP_BIND: can't listen on {host}:{port}"
    if error.errno == errno.EADDRINUSE:
        return f"{where}: another program listens there already. End that program, or choose another port."
    return f"{where}: {error.strerror or error}."


def _bind(host: str, port: int) -> socket.socket | None:
    bound = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    try:
        bound.setblocking(False)
        bound.bind((host, port))
    except OSError:
        bound.close()
        return None
    return bound


def local_host(bound: str, other: str) -> str:
    """The address of this machine that ``other`` can reach. It is ``bound``, unless ``bound`` means all addresses."""
    if bound not in ("0.0.0.0", "::"):  # noqa: S104  # nothing is bound here
        return bound
    family = socket.AF_INET6 if ":" in other else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            # Connecting a UDP socket sends nothing; it only asks which address would be used. Any port will do.
            probe.connect((other, 9))
        except OSError:
            return bound
        return str(probe.getsockname()[0])

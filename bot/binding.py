"""Takes the ports of the bot's two HTTP servers: one serves the page, the other one Twilio's requests."""

from __future__ import annotations

import errno
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack

from bot.open_ports import TAKEN
from config.phone_sections import PhoneSettings
from config.sections import WebSettings

_log = logging.getLogger(__name__)

TRIED_PORTS = 10
"""Number of ports that are tried if the operator has not set ``WEB_BIND``."""
_WAITING_CONNECTIONS = 128
_TAKEN = "another program listens there already. End that program, or choose another port."
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)
"""Errors of an address family that this machine does not have, such as IPv6 for ``localhost``."""


class WebBindError(Exception):
    """No port could be taken. The text is for the operator."""


def take_port(settings: WebSettings) -> tuple[socket.socket, ...]:
    """Listen on the address of the settings: one socket, or for ``localhost`` one per address family.

    If the operator has not set ``WEB_BIND`` and the port is taken, the next ports are tried, and the log says which one
    it became. Blocks, because a name may be looked up.

    Raises:
        WebBindError: the port can't be taken.
    """
    chosen = "bind" in settings.chosen
    ports = (settings.port,) if chosen or not settings.port else tuple(_next_ports(settings.port))
    for port in ports:
        try:
            listening = _listen(settings.host, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise WebBindError(f"WEB_BIND: can't listen on {settings.bind}: {_reason(error)}.") from error
        else:
            if port != ports[0]:
                _log.warning(TAKEN, settings.bind, "the page", f"port {port}")
            return listening
    if chosen:
        raise WebBindError(f"WEB_BIND: can't listen on {settings.bind}: {_TAKEN}")
    raise WebBindError(
        f"The page needs a port, but other programs listen on {ports[0]} to {ports[-1]}. "
        "Choose another one, for example WEB_BIND=127.0.0.1:8790, or WEB_BIND=127.0.0.1:0 for any free one."
    )


def take_phone_port(settings: PhoneSettings) -> tuple[socket.socket, ...]:
    """Listen on ``PHONE_BIND``. No other port is tried, because the operator's proxy uses this one. Blocks.

    Raises:
        WebBindError: the port can't be taken.
    """
    try:
        return _listen(settings.host, settings.port)
    except OSError as error:
        raise WebBindError(phone_bind_error_text(settings, error)) from error


def find_phone_bind_error(settings: PhoneSettings) -> OSError | None:
    """Find out whether the bot can listen on ``PHONE_BIND``. Returns what is in the way, or ``None``. Blocks."""
    try:
        listening = _listen(settings.host, settings.port)
    except OSError as error:
        return error
    for each in listening:
        each.close()
    return None


def phone_bind_error_text(settings: PhoneSettings, error: OSError) -> str:
    """Why ``PHONE_BIND`` can't be listened on, and what helps, for the operator."""
    why = _TAKEN if error.errno == errno.EADDRINUSE else f"{_reason(error)}."
    return f"PHONE_BIND: can't listen on {settings.bind}: {why}"


def web_url(listening: tuple[socket.socket, ...]) -> str:
    """The address of the page, as a browser on this machine opens it."""
    host, port = listening[0].getsockname()[:2]
    # A server that listens on all addresses is reached by loopback too, where a browser allows the microphone.
    here = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)  # noqa: S104
    return f"http://{here}:{port}/"


def _next_ports(first: int) -> Iterator[int]:
    return iter(range(first, first + TRIED_PORTS))


def _listen(host: str, port: int) -> tuple[socket.socket, ...]:
    found = dict.fromkeys(
        (family, address[0])
        for family, _, _, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        if family in (socket.AF_INET, socket.AF_INET6)
    )
    listening: list[socket.socket] = []
    with ExitStack() as opened:
        missing: OSError | None = None
        # IPv4 comes first, because its address is the one that is printed.
        for family, address in sorted(found, key=lambda each: each[0] != socket.AF_INET):
            try:
                listener = opened.enter_context(socket.socket(family, socket.SOCK_STREAM))
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if family == socket.AF_INET6:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                listener.bind((address, port))
                listener.listen(_WAITING_CONNECTIONS)
                listener.setblocking(False)
            except OSError as error:
                if error.errno not in _NOT_HERE:
                    raise
                missing = error
            else:
                port = port or listener.getsockname()[1]
                listening.append(listener)
        if not listening:
            raise missing or OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
        opened.pop_all()
    return tuple(listening)


def _reason(error: OSError) -> str:
    if isinstance(error, socket.gaierror):
        return "no such host is known"
    return (os.strerror(error.errno) if error.errno else str(error)).lower()

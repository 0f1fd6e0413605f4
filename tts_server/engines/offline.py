"""Keeps local engines offline: they can neither resolve a host name nor open a connection to another machine.

``config/privacy.py`` sets variables that keep Hugging Face's libraries offline. This module stops all other libraries
with an audit hook (PEP 578), which Python calls before it looks up a host name, opens a connection or starts a program.
"""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

ONLINE_ENGINES = frozenset(
    {
        "azure",
        "camb",
        "cartesia",
        "edge",
        "elevenlabs",
        "gtts",
        "higgs",
        "minimax",
        "modelslab",
        "openai",
        "orpheus",
        "typecast",
    }
)
"""RealtimeTTS's engines that use an online service; all others run on this machine."""

_FETCHING_FORBIDDEN = ContextVar("fetching_forbidden", default=False)
_NAME_EVENTS = frozenset({"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"})
_ADDRESS_EVENTS = frozenset({"socket.connect", "socket.sendto", "socket.sendmsg"})
_MISSING_FILE_ERRORS = frozenset({"LocalEntryNotFoundError", "OfflineModeIsEnabled"})
_FETCHING_WORDS = frozenset({"install", "download"})


class FetchRefusedError(OSError):
    """A connection to another machine, or an installation, was refused; the message names the machine or package."""


def forbid_connections(*, everywhere: bool, allowed: Collection[str] = ()) -> None:
    """Refuse outgoing connections to other machines, and pip, until the process ends. Incoming connections still work.

    Args:
        everywhere: whether this holds for the whole process; if not, only for code inside :func:`nothing_fetched`.
        allowed: host names that count as this machine.
    """
    local_names = frozenset({"", "localhost", socket.gethostname(), *allowed})

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if event not in _NAME_EVENTS | _ADDRESS_EVENTS and event != "subprocess.Popen":
            return
        if not everywhere and not _FETCHING_FORBIDDEN.get():
            return
        if event == "subprocess.Popen":
            _refuse_installing(arguments[1])
        elif (host := _host(event, arguments)) is not None and not _is_here(host, local_names):
            raise FetchRefusedError(f"it wanted to ask {host}")

    sys.addaudithook(watch)


@contextmanager
def nothing_fetched(*, forbidden: bool = True) -> Iterator[None]:
    """If ``forbidden``, refuse connections to other machines, and pip, in this thread while the block runs."""
    token = _FETCHING_FORBIDDEN.set(forbidden or _FETCHING_FORBIDDEN.get())
    try:
        yield
    finally:
        _FETCHING_FORBIDDEN.reset(token)


def what_is_missing(error: BaseException | None) -> str | None:
    """Say what is missing on this machine, if that is the cause of the error; else return ``None``."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, FetchRefusedError):
            return str(error)
        if type(error).__name__ in _MISSING_FILE_ERRORS or "HF_HUB_OFFLINE" in str(error):
            return "its files are not in Hugging Face's cache"
        error = error.__cause__ or error.__context__
    return None


def _host(event: str, arguments: tuple[Any, ...]) -> str | None:
    asked = arguments[0] if event in _NAME_EVENTS else arguments[1]
    if event in _ADDRESS_EVENTS:
        # An address that is not a tuple is the path of a local socket.
        if not isinstance(asked, tuple) or not asked:
            return None
        asked = asked[0]
    if asked is None:
        return None
    return asked.decode(errors="replace") if isinstance(asked, bytes) else str(asked)


def _is_here(host: str, local_names: Collection[str]) -> bool:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower().rstrip(".") in local_names
    return address.is_loopback or address.is_unspecified


def _refuse_installing(command: object) -> None:
    words = [str(word) for word in command] if isinstance(command, list | tuple) else str(command).split()
    if "pip" in words and _FETCHING_WORDS.intersection(words):
        raise FetchRefusedError(f"it wanted to install {words[-1]}")

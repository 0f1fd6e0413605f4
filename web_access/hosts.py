"""Host names in requests, and which of them always mean this machine or its local network."""

from __future__ import annotations

import re
from collections.abc import Collection
from urllib.parse import urlsplit

_HOST = re.compile(r"([A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]+\])(:\d{0,5})?")
_LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(name: str | None) -> bool:
    """Whether a host name without port always means this machine."""
    if name is None:
        return False
    name = name.rstrip(".").lower()
    return (
        name in _LOOPBACK_NAMES or name.endswith(".localhost") or re.fullmatch(r"127(\.\d{1,3}){3}", name) is not None
    )


def is_safe_name(name: str | None, known: Collection[str] = ()) -> bool:
    """Whether a host name is safe from DNS rebinding: a stranger's DNS server can't make it point to this server.

    Safe names are loopback names, names without a dot, which a stranger's DNS server can't define, and ``known`` names.
    """
    if name is None:
        return False
    # An IPv6 address has no dot either, but it is no name.
    return is_loopback(name) or name in known or not ("." in name.rstrip(".") or ":" in name)


def host_name(host: str) -> str | None:
    """The name in a ``Host`` header, without its port; ``None`` if the header is not valid."""
    return host_of(f"//{host}") if _HOST.fullmatch(host) else None


def host_of(address: str) -> str | None:
    """The host name in a web address or an origin; ``None`` if the address is not valid."""
    try:
        return urlsplit(address).hostname
    except ValueError:
        return None

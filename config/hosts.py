"""Tells servers on this machine or the local network from servers on the internet, by their addresses alone."""

from __future__ import annotations

import ipaddress
from urllib.parse import urlsplit

from pydantic import SecretStr

_LOCAL_NAMES = (
    *(".localhost", ".local", ".lan", ".home", ".home.arpa", ".internal", ".intranet", ".private", ".localdomain"),
    ".ts.net",
)
"""Endings of names that no public server has. The last one belongs to machines in a private Tailscale network."""
_TAILSCALE = ipaddress.ip_network("100.64.0.0/10")


def is_local(url: str) -> bool:
    """Whether the server at ``url`` is on this machine or the local network. No name is looked up.

    A name without a dot is local: it is ``localhost``, a machine of the local network, or a container.
    """
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return False
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return bool(host) and ("." not in host or f".{host}".endswith(_LOCAL_NAMES))
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return address.is_private or address.is_link_local or address in _TAILSCALE


def costs_money(url: str | None, key: SecretStr | str | None) -> bool:
    """Whether requests to a server probably cost money: it is on the internet and gets an API key."""
    secret = key.get_secret_value() if isinstance(key, SecretStr) else key
    return url is not None and bool(secret) and not is_local(url)

"""The clients of the HTTP server, told apart by their addresses, for limits per client."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from aiohttp import hdrs, web


def client_of(request: web.Request) -> str:
    """The address from which a request comes. Clients with IPv6 have 2**64 addresses each, so their network counts."""
    address = _address(request.remote)
    return (request.remote or "") if address is None else _network(address)


def distant_client(request: web.Request) -> str | None:
    """The address of a client on another machine, as :func:`client_of` writes it; ``None`` for this machine's programs.

    A proxy on this machine is believed when it names its client. Any program of this machine may claim to be a proxy.
    So use this only for limits that don't hold for this machine's programs anyway.
    """
    address = _address(request.remote)
    if address is not None and address.is_loopback:
        # The last address is the one that the proxy has seen itself; a client may have written those before it.
        told = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, [])).rpartition(",")[2]
        address = _address(told.strip())
    return None if address is None or address.is_loopback else _network(address)


def _address(text: str | None) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address((text or "").partition("%")[0])
    except ValueError:
        return None


def _network(address: IPv4Address | IPv6Address) -> str:
    return str(ip_network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)

"""Tells which network addresses are public. Files that people or the model ask for are fetched only from those."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

IPAddress = IPv4Address | IPv6Address

_NOT_PUBLIC_V4 = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
            *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            # Azure's servers of metadata and names. The address looks public, but is answered by the machine's host.
            "168.63.129.16/32",
        ),
    )
)
"""IANA's special ranges of IPv4: private, shared, loopback, link-local with clouds' metadata, multicast and so on.

The standard library's ``is_global`` is not used, because its answers for several ranges differ between versions of
Python, and because multicast counts as global there.
"""
_GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
"""The range of all public IPv6 addresses. Some addresses in it are not public: see :data:`_NOT_PUBLIC_V6`.

Loopback, link-local, private and multicast addresses are outside of it, and so are mapped IPv4 addresses
(``::ffff:0:0/96``) and those of NAT64 (``64:ff9b::/96``).
"""
_NOT_PUBLIC_V6 = tuple(
    map(
        IPv6Network,
        # Teredo and other protocols, documentation, 6to4 (which contains an IPv4 address), documentation.
        ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)


def is_public(address: IPAddress) -> bool:
    """Whether an address is that of a machine on the public internet."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network in _NOT_PUBLIC_V4)
    if address.scope_id is not None or address not in _GLOBAL_UNICAST_V6:
        return False
    return not any(address in network for network in _NOT_PUBLIC_V6)

"""Lists of servers that stand in for each other: addresses, models and keys, each parted by commas."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.hosts import is_local


@dataclass(frozen=True, slots=True)
class ListedServer:
    """One server of a list. ``model`` and ``key`` are ``None`` where none is set."""

    url: str
    model: str | None = None
    key: str | None = field(default=None, repr=False)


def read_servers(urls: str | None, models: str | None, keys: str | None) -> tuple[ListedServer, ...]:
    """Read a list of servers. Those on this machine or in the local network come first, as they cost nothing.

    If there is one address, the other values are taken as they are, with their commas.

    Raises:
        ValueError: there are several models or keys, but not as many as addresses. The message names the difference.
    """
    if urls is None:
        return ()
    addresses = urls.split(",")
    if len(addresses) == 1:
        return (ListedServer(urls, models, keys),)
    columns = (_one_for_each(models, len(addresses), "models"), _one_for_each(keys, len(addresses), "keys"))
    servers = [ListedServer(url, model, key) for url, model, key in zip(addresses, *columns, strict=True)]
    return tuple(sorted(servers, key=lambda server: not is_local(server.url)))


def _one_for_each(values: str | None, count: int, what: str) -> list[str | None]:
    """One value for each server; a value alone is for all of them. An empty value becomes ``None``."""
    parts = [part.strip() or None for part in (values or "").split(",")]
    if len(parts) == 1:
        return parts * count
    if len(parts) != count:
        raise ValueError(f"it has {len(parts)} {what} for {count} addresses")
    return parts

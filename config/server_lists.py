"""Lists of servers that stand in for each other: addresses, models and keys, each parted by commas."""

from __future__ import annotations

from dataclasses import dataclass, field

from config.errors import shown
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


def mistake_in_list(name: str, urls: str | None, models: str | None, keys: str | None) -> str | None:
    """What is wrong with a list of servers, for people; ``None`` if nothing is. Keys are not shown.

    Args:
        name: the setting of the addresses, which ends with ``_URL``.
    """
    if urls is None:
        return None
    addresses, of = urls.split(","), name.removesuffix("URL")
    parallel = {f"{of}MODEL": models, f"{of}API_KEY": keys}
    for variable, values in parallel.items():
        count = len((values or "").split(","))
        if len(addresses) > 1 and count not in (1, len(addresses)):
            secret = variable.endswith("KEY")
            given = "its value" if secret else shown(values)
            example = ",".join(f"{'key' if secret else 'model'}-{number + 1}" for number in range(len(addresses)))
            return (
                f"{variable}: {given} is not valid. It must have one value for all servers of {name}, or "
                f"{len(addresses)} separated by commas, one for each, for example {variable}={example}"
            )
    servers = read_servers(urls, models, keys)
    twice = next((each.url for number, each in enumerate(servers) if each in servers[:number]), None)
    if twice is None:
        return None
    listed = [variable for variable, values in parallel.items() if "," in (values or "")]
    too = f", and {' and '.join(listed)} must have one value for each address that is left" if listed else ""
    return (
        f"{name}: {shown(twice)} is listed twice, but no server can stand in for itself. It must be listed once{too}, "
        f"for example {name}={','.join(dict.fromkeys(addresses))}"
    )


def notice_of_list(name: str, urls: str | None, models: str | None, keys: str | None) -> str | None:
    """A warning if one server's model or key is probably meant as several; ``None`` if there is nothing to say."""
    if urls is None or "," in urls:
        return None
    of = name.removesuffix("URL")
    meant = {f"{of}MODEL={models}": models, f"{of}API_KEY": keys}
    several = [variable for variable, values in meant.items() if "," in (values or "")]
    if not several:
        return None
    return (
        f"{' and '.join(several)} with a comma counts as one value, because {name} has one address. "
        f"If several servers are meant, list their addresses: {name}={urls},…"
    )

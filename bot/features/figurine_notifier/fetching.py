"""Fetches feeds over HTTP if they have changed, and reads their items in a child process."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.features.figurine_notifier import parser
from bot.fetching.errors import FetchError
from bot.fetching.fetcher import Fetcher, FetchLimits, FetchRequest
from config.children import run_child

MAX_BYTES = 5 * 1024 * 1024
"""Maximum number of bytes of a feed. A larger feed counts as a failure."""
FETCH_LIMIT = 20.0
"""Seconds in which a feed must be fetched. If it takes longer, the fetch fails."""
READ_LIMIT = 20.0
"""Seconds in which the items of a feed must be read. If it takes longer, reading fails."""
_MAX_REDIRECTS = 3
_MAX_VALIDATOR = 500
"""Maximum number of characters of a validator. Longer validators are ignored."""
_ACCEPT = "application/rss+xml, application/atom+xml, application/feed+json, application/xml;q=0.9, */*;q=0.5"


class FeedError(Exception):
    """A feed can't be fetched or read. The text says why."""


@dataclass(frozen=True, slots=True)
class Validators:
    """HTTP validators, with which a server can tell whether a feed has changed: ``ETag`` and ``Last-Modified``."""

    etag: str | None = None
    modified: str | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a feed: its key, its title on one line, and its http or https link (may be empty)."""

    key: str
    title: str
    link: str


@dataclass(frozen=True, slots=True)
class FetchedFeed:
    """A fetched feed: its bytes and its HTTP validators."""

    data: bytes
    validators: Validators


async def fetch_feed(fetcher: Fetcher, url: str, known: Validators) -> FetchedFeed | None:
    """Fetch a feed that the operator named; ``None`` if it has not changed.

    Raises:
        FeedError: the feed can't be fetched.
    """
    headers = {"Accept": _ACCEPT}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.modified:
        headers["If-Modified-Since"] = known.modified
    limits = FetchLimits(MAX_BYTES, seconds=FETCH_LIMIT, idle_seconds=FETCH_LIMIT, redirects=_MAX_REDIRECTS)
    try:
        found = await fetcher.fetch(FetchRequest(url, limits, by_operator=True, headers=headers))
    except FetchError as error:
        raise FeedError(str(error)) from error
    return None if found.not_modified else FetchedFeed(found.body, _validators(found.headers))


async def read_items(data: bytes) -> list[Item]:
    """The items of a feed, in the feed's order, at most :data:`~bot.features.figurine_notifier.parser.MAX_ITEMS`.

    Raises:
        FeedError: the bytes are not a feed, or reading takes too much time or memory.
    """
    try:
        child = await run_child("-I", str(Path(parser.__file__)), given=data, limit=READ_LIMIT)
    except TimeoutError as error:
        raise FeedError(f"it could not be read within {READ_LIMIT:.0f} s") from error
    if child.status == parser.NO_FEED:
        raise FeedError("it is not an RSS, Atom or JSON feed")
    if child.status:
        raise FeedError("reading it took too much time or memory")
    return [Item(*each) for each in json.loads(child.output)]


def _validators(headers: Mapping[str, str]) -> Validators:
    etag, modified = headers.get("ETag"), headers.get("Last-Modified")
    return Validators(
        etag if etag and len(etag) <= _MAX_VALIDATOR else None,
        modified if modified and len(modified) <= _MAX_VALIDATOR else None,
    )

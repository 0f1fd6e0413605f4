"""Fetches feeds over HTTP if they have changed, and reads their items in a child process."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import aiohttp

from bot.features.figurine_notifier import parser
from bot.identity import USER_AGENT
from config.children import end_child

MAX_BYTES = 5 * 1024 * 1024
"""Maximum number of bytes of a feed. A larger feed counts as a failure."""
FETCH_LIMIT = 20.0
"""Seconds in which a feed must be fetched. If it takes longer, the fetch fails."""
READ_LIMIT = 20.0
"""Seconds in which the items of a feed must be read. If it takes longer, reading fails."""
_MAX_REDIRECTS = 3
_MAX_VALIDATOR = 500
"""Maximum number of characters of a validator. Longer validators are ignored."""
_CHUNK = 64 * 1024
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
class Page:
    """A fetched feed: its bytes and its HTTP validators."""

    data: bytes
    validators: Validators


async def fetch_page(http: aiohttp.ClientSession, url: str, known: Validators) -> Page | None:
    """Fetch a feed; ``None`` if it has not changed.

    Raises:
        FeedError: the feed can't be fetched.
    """
    headers = {"Accept": _ACCEPT, "User-Agent": USER_AGENT}
    if known.etag:
        headers["If-None-Match"] = known.etag
    if known.modified:
        headers["If-Modified-Since"] = known.modified
    try:
        async with (
            asyncio.timeout(FETCH_LIMIT),
            http.get(url, headers=headers, max_redirects=_MAX_REDIRECTS) as response,
        ):
            if response.status == HTTPStatus.NOT_MODIFIED:
                return None
            if response.status != HTTPStatus.OK:
                raise FeedError(f"its server answered with status {response.status}")
            return Page(await _bounded_body(response), _validators(response))
    except TimeoutError as error:
        raise FeedError(f"it did not come within {FETCH_LIMIT:.0f} s") from error
    except (aiohttp.ClientError, OSError) as error:
        raise FeedError(f"its server can't be reached ({type(error).__name__})") from error


async def read_items(data: bytes) -> list[Item]:
    """The items of a feed, in the feed's order, at most :data:`~bot.features.figurine_notifier.parser.MAX_ITEMS`.

    Raises:
        FeedError: the bytes are not a feed, or reading takes too much time or memory.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(Path(parser.__file__))),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(READ_LIMIT):
            found, _ = await process.communicate(data)
    except TimeoutError as error:
        raise FeedError(f"it could not be read within {READ_LIMIT:.0f} s") from error
    finally:
        await end_child(process)
    if process.returncode == parser.NO_FEED:
        raise FeedError("it is not an RSS, Atom or JSON feed")
    if process.returncode:
        raise FeedError("reading it took too much time or memory")
    return [Item(*each) for each in json.loads(found)]


async def _bounded_body(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_chunked(_CHUNK):
        body += chunk
        if len(body) > MAX_BYTES:
            raise FeedError(f"it has more than {MAX_BYTES // 1024 // 1024} MB")
    return bytes(body)


def _validators(response: aiohttp.ClientResponse) -> Validators:
    etag, modified = response.headers.get("ETag"), response.headers.get("Last-Modified")
    return Validators(
        etag if etag and len(etag) <= _MAX_VALIDATOR else None,
        modified if modified and len(modified) <= _MAX_VALIDATOR else None,
    )

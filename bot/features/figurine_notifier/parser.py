"""Child program: reads a feed (RSS, Atom or JSON Feed) from standard input, and prints its items as JSON.

A malicious feed can keep an XML parser busy for minutes. Therefore the parser is a program of its own: unlike a thread,
a process can be killed. The program imports no module of the bot, so that it starts quickly.
"""

from __future__ import annotations

import hashlib
import html
import io
import json
import os
import re
import sys
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote, urlsplit

import feedparser  # type: ignore[import-untyped]

MAX_ITEMS = 2_000
"""Maximum number of items of a feed that are read."""
MAX_TITLE = 150
"""Maximum number of characters of a title. Longer titles are cut."""
MAX_LINK = 400
"""Maximum number of characters of a link. Longer links are left out."""
UNTITLED = "(untitled)"
NO_FEED = 65
"""Exit code if the input is not a feed."""
_CPU_SECONDS = 15
"""Seconds of CPU time after which the system kills this program."""
_MEMORY_BYTES = 1024 * 1024 * 1024
"""Maximum number of bytes of memory that this program can use."""
_TAG = re.compile(r"</?[A-Za-z!][^<>]*>")
_IN_LINKS = "!#$%&'()*+,/:;=?@[]~"
_HOST = re.compile(r"[a-z0-9.-]+|[0-9a-f:.]+")


class NotAFeedError(Exception):
    """The bytes are not a feed in a known format."""


def read_feed(data: bytes) -> list[tuple[str, str, str]]:
    """The items as (key, title, link), in the feed's order. The key is a hash of the item's id; a link may be empty.

    Raises:
        NotAFeedError: the bytes are not a feed.
    """
    items = _json_items(data) if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{") else _xml_items(data)
    return list({key: (key, title, link) for key, title, link in map(_plain, items)}.values())


def _xml_items(data: bytes) -> Iterable[tuple[object, object, object]]:
    # feedparser gets a stream, because it would take a string for an address or a path.
    try:
        feed = feedparser.parse(io.BytesIO(data), sanitize_html=False, resolve_relative_uris=False)
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        # Damaged XML ends in errors of feedparser's own code.
        raise NotAFeedError from error
    if not feed.entries and not feed.get("version"):
        raise NotAFeedError
    return [(entry.get("id"), entry.get("title"), entry.get("link")) for entry in feed.entries[:MAX_ITEMS]]


def _json_items(data: bytes) -> Iterable[tuple[object, object, object]]:
    try:
        feed = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise NotAFeedError from error
    match feed:
        case {"version": str(version), "items": [*items]} if "jsonfeed.org" in version:
            return [_json_item(item) for item in items[:MAX_ITEMS] if isinstance(item, dict)]
        case _:
            raise NotAFeedError


def _json_item(item: dict[str, Any]) -> tuple[object, object, object]:
    return item.get("id"), item.get("title") or item.get("content_text"), item.get("url") or item.get("external_url")


def _plain(item: tuple[object, object, object]) -> tuple[str, str, str]:
    name, title, link = (str(part) if isinstance(part, str | int) else "" for part in item)
    # Titles are cut first, because the steps below are slow for long texts.
    words = html.unescape(_TAG.sub(" ", title[: 20 * MAX_TITLE]))
    line = " ".join("".join(char if char.isprintable() else " " for char in words).split())
    key = hashlib.sha256((name or link or title).encode("utf-8", "surrogatepass")).hexdigest()[:32]
    return key, line[:MAX_TITLE] or UNTITLED, _safe_link(link.strip()[: 4 * MAX_LINK])


def _safe_link(link: str) -> str:
    """The link in ASCII; empty if it is not http or https, is too long, or could hide its real host."""
    try:
        safe = quote(link, _IN_LINKS, errors="replace")
        parts = urlsplit(safe)
        honest = parts.scheme in ("http", "https") and "@" not in parts.netloc
        found = _HOST.fullmatch(parts.hostname or "")
    except ValueError:
        return ""
    return safe if honest and found and len(safe) <= MAX_LINK else ""


def _limit_resources() -> None:
    if sys.platform != "win32":
        import resource

        os.nice(10)
        resource.setrlimit(resource.RLIMIT_CPU, (_CPU_SECONDS, _CPU_SECONDS))
        resource.setrlimit(resource.RLIMIT_AS, (_MEMORY_BYTES, _MEMORY_BYTES))


if __name__ == "__main__":
    _limit_resources()
    try:
        found = read_feed(sys.stdin.buffer.read())
    except NotAFeedError:
        sys.exit(NO_FEED)
    sys.stdout.write(json.dumps(found))

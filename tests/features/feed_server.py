"""A web server with feeds, on loopback: RSS, Atom and JSON Feed, unchanged, failing, slow, or too large."""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from email.utils import formatdate
from xml.sax.saxutils import escape

from aiohttp import web
from typing_extensions import override

from tests.http_server import LocalServer, app_of

_RSS = "application/rss+xml"
_ATOM = "application/atom+xml"
_JSON = "application/feed+json"


@dataclass(frozen=True, slots=True)
class Entry:
    """An item of a feed."""

    name: str
    title: str
    link: str = "https://shop.example/item"


@dataclass(slots=True)
class Source:
    """The feed at one path, and its errors.

    Attributes:
        body: the bytes of the answer if ``status`` is 200.
        seconds: how long the server waits before each answer.
        endless: whether the answer never ends.
        validates: whether it sends ``ETag`` and ``Last-Modified``, and answers 304.
        asked: the headers of all requests.
        answered: the statuses of all answers.
    """

    body: bytes = b""
    content_type: str = _RSS
    status: int = 200
    seconds: float = 0.0
    endless: bool = False
    validates: bool = True
    modified: str = formatdate(1_800_000_000, usegmt=True)
    asked: list[dict[str, str]] = field(default_factory=list)
    answered: list[int] = field(default_factory=list)

    def rss(self, entries: Sequence[Entry]) -> None:
        """Publish these, newest first."""
        items = "".join(
            f"<item><title>{escape(each.title)}</title><link>{escape(each.link)}</link>"
            f'<guid isPermaLink="false">{escape(each.name)}</guid></item>'
            for each in entries
        )
        self.body = f'<?xml version="1.0"?><rss version="2.0"><channel>{items}</channel></rss>'.encode()
        self.content_type = _RSS

    def atom(self, entries: Sequence[Entry]) -> None:
        """Publish these, newest first."""
        items = "".join(
            f'<entry><title>{escape(each.title)}</title><link href="{escape(each.link)}"/>'
            f"<id>{escape(each.name)}</id></entry>"
            for each in entries
        )
        self.body = f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{items}</feed>'.encode()
        self.content_type = _ATOM

    def json(self, entries: Sequence[Entry]) -> None:
        """Publish these, newest first."""
        items = [{"id": each.name, "title": each.title, "url": each.link} for each in entries]
        self.body = json.dumps({"version": "https://jsonfeed.org/version/1.1", "items": items}).encode()
        self.content_type = _JSON

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()[:16]}"'


class FeedServer(LocalServer):
    """The server, an async context manager. A source is created when its address is requested."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        super().__init__(app_of("/{name}", self._answer, method="GET"), cancels=True)
        self._ending = asyncio.Event()

    @override
    async def stop(self) -> None:
        self._ending.set()
        await super().stop()

    def source(self, name: str) -> Source:
        return self.sources.setdefault(name, Source())

    def address(self, name: str) -> str:
        self.source(name)
        return f"{self.url}/{name}"

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        source = self.sources[request.match_info["name"]]
        source.asked.append(dict(request.headers))
        if source.seconds:
            await asyncio.sleep(source.seconds)
        response = await self._respond(request, source)
        source.answered.append(response.status)
        return response

    async def _respond(self, request: web.Request, source: Source) -> web.StreamResponse:
        if source.status != 200:
            return web.Response(status=source.status)
        headers = {"Content-Type": source.content_type}
        if source.validates:
            headers |= {"ETag": source.etag, "Last-Modified": source.modified}
            if request.headers.get("If-None-Match") == source.etag:
                return web.Response(status=304, headers=headers)
        if not source.endless:
            return web.Response(body=source.body, headers=headers)
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        while not self._ending.is_set():
            await response.write(b"<" * 65536)
        return response

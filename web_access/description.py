"""``GET /openapi.json``: the interface of a server as an OpenAPI 3.1 document."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web


class Description:
    """The endpoint. The document is read for the first client that asks, as reading takes up to 0.1 s and few ask.

    Args:
        read: returns the document. It is called in a thread.
    """

    def __init__(self, read: Callable[[], Mapping[str, Any]]) -> None:
        self._read = read
        self._body: bytes | None = None

    async def show(self, _: web.Request) -> web.Response:
        """``GET /openapi.json``."""
        if self._body is None:
            self._body = json.dumps(await asyncio.to_thread(self._read)).encode()
        return web.Response(body=self._body, content_type="application/json")

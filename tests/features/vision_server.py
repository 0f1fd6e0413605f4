"""A fake vision model with OpenAI's API. It records its requests, and unloads its model as known servers do."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from tests.http_server import LocalServer, app_of


@dataclass(frozen=True, slots=True)
class Look:
    """One request: all texts, one per line, and all pictures."""

    model: str
    text: str
    jpegs: list[bytes]


class VisionServer(LocalServer):
    """The server, on loopback. It is an async context manager.

    Args:
        unloading: the request that unloads a model, as ``METHOD /path``. All other requests to unload get 404.

    Attributes:
        answer: what the server answers to each request for a description.
        asked: set once a request for a description has come.
        looks: all requests for descriptions.
        unloaded: the requests to unload, with their bodies.
        status: the HTTP status of the answers to requests for descriptions, except those that it refuses.
        refusing: the name of a field that the server refuses.
        usage: the tokens that the server reports; ``None`` if it reports none.
        seeing: while cleared, requests for descriptions wait.
    """

    def __init__(self, unloading: str = "POST /api/models/unload/seer") -> None:
        self.answer: Any = "A red cat."
        self.status = 200
        self.refusing: str | None = None
        self.usage: dict[str, int] | None = None
        self.seeing = asyncio.Event()
        self.seeing.set()
        self.asked = asyncio.Event()
        self.looks: list[Look] = []
        self.unloaded: list[tuple[str, Any]] = []
        self._unloading = unloading
        app = app_of("/v1/chat/completions", self._describe, largest=64 << 20)
        app.router.add_route("*", "/{rest:.*}", self._unload)
        super().__init__(app, "/v1", cancels=True)

    async def _describe(self, request: web.Request) -> web.Response:
        body = await request.json()
        if self.refusing in body:
            complaint = f"Unsupported parameter: '{self.refusing}' is not supported with this model."
            return web.json_response({"error": {"message": complaint, "param": self.refusing}}, status=400)
        parts = body["messages"][-1]["content"]
        urls = [part["image_url"]["url"] for part in parts if part["type"] == "image_url"]
        assert all(url.startswith("data:image/jpeg;base64,") for url in urls)
        self.looks.append(
            Look(
                body.get("model", ""),
                "\n".join(part["text"] for part in parts if part["type"] == "text"),
                [base64.b64decode(url.partition(",")[2]) for url in urls],
            )
        )
        self.asked.set()
        await self.seeing.wait()
        if self.status != 200:
            return web.json_response({"error": {"message": "out of memory"}}, status=self.status)
        message = {"role": "assistant", "content": self.answer}
        choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
        return web.json_response({"choices": choices, "usage": self.usage})

    async def _unload(self, request: web.Request) -> web.Response:
        asked = f"{request.method} {request.path}"
        if asked != self._unloading:
            return web.Response(status=404)
        self.unloaded.append((asked, await request.json() if request.can_read_body else None))
        return web.Response()

"""A server for embeddings that knows the meaning of a few words, and can be slow or broken."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from tests.http_server import LocalServer, app_of

MEANINGS = (("car", "automobile", "wagen"), ("doctor", "physician", "arzt"), ("warm", "hot", "heiß"))
"""Groups of words that mean the same. Each group is a dimension of the vectors."""


def vector_of(text: str) -> list[float]:
    folded = text.casefold()
    return [float(any(word in folded for word in words)) for words in MEANINGS] + [0.1]


class EmbeddingsServer(LocalServer):
    """The server. ``asked`` has the texts of all requests, ``headers`` and ``fields`` are those of the last one.

    While ``may_answer`` is not set, the server does not answer. ``answer``, if it is set, is the body of its answers,
    and ``status`` is their status. ``usage`` is its report of the tokens that it used.
    """

    def __init__(self) -> None:
        super().__init__(app_of("/v1/embeddings", self._answer), "/v1", cancels=True)
        self.asked: list[str] = []
        self.headers: dict[str, str] = {}
        self.fields: dict[str, Any] = {}
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.usage: dict[str, int] | None = None
        self.answer: str | None = None
        self.status = 200

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.fields = await request.json()
        self.headers = dict(request.headers)
        texts: list[str] = self.fields["input"]
        self.asked += texts
        await self.may_answer.wait()
        if self.answer is not None:
            return web.Response(text=self.answer, status=self.status, content_type="application/json")
        # The API promises no order of the vectors.
        data = [{"index": at, "embedding": vector_of(text)} for at, text in reversed(list(enumerate(texts)))]
        return web.json_response({"data": data, "usage": self.usage}, status=self.status)

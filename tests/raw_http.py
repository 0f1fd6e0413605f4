"""A client that writes the bytes of requests itself, for requests that no HTTP library sends."""

from __future__ import annotations

import asyncio
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractStreamWriter

from tests.timing import LIMIT, wait_until

COMPRESSED_BODIES = [
    ("gzip", b"hello"),
    ("GZIP", zlib.compress(b'{"input": "Hello."}', wbits=31)),
    ("gzip", zlib.compress(b'{"input": "Hello."}', wbits=31)[:-9]),
    ("deflate", b"\xff\xff\xff\xff"),
    ("deflate", zlib.compress(b"{}")),
    ("identity, gzip", b"hello"),
    ("br", b"hello"),
    ("zstd", b""),
    ("x" * 2000, b"{}"),
]
"""Compressed bodies, whole and broken, each with its Content-Encoding."""


@dataclass(frozen=True, slots=True)
class RawAnswer:
    """An answer with a JSON body."""

    status: int
    headers: Mapping[str, str]
    json: Any


async def post_raw(port: int, path: str, body: bytes, *headers: str, late: bool = False) -> RawAnswer:
    """Send a body that the request calls JSON.

    Args:
        late: send the body only when the answer has begun.
    """
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: close",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    head = "\r\n".join([*lines, "", ""]).encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(head if late else head + body)
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
        if late:
            writer.write(body)
        answer += await asyncio.wait_for(reader.read(), LIMIT)
    finally:
        writer.close()
    start, _, rest = answer.partition(b"\r\n")
    fields, _, content = rest.partition(b"\r\n\r\n")
    pairs = (line.partition(": ") for line in fields.decode().split("\r\n"))
    return RawAnswer(int(start.split()[1]), {name.lower(): value for name, _, value in pairs}, json.loads(content))


class Impatient:
    """Clients that are gone when their answer, or their WebSocket, begins."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._begun = 0
        self._ended = 0
        for kind in (web.StreamResponse, web.WebSocketResponse):
            self._make_late(monkeypatch, kind)

    def _make_late(self, monkeypatch: pytest.MonkeyPatch, kind: type[web.StreamResponse]) -> None:
        prepare = kind.prepare

        async def prepare_late(response: web.StreamResponse, request: web.BaseRequest) -> AbstractStreamWriter | None:
            self._begun += 1
            await wait_until(lambda: request.transport is None)
            try:
                return await prepare(response, request)
            finally:
                self._ended += 1

        monkeypatch.setattr(kind, "prepare", prepare_late)

    async def ask(self, port: int, request: bytes) -> None:
        """Send a request and go away before its answer. Returns when the server has found nobody there."""
        begun, ended = self._begun, self._ended
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request)
        await wait_until(lambda: self._begun > begun)
        writer.transport.abort()
        await wait_until(lambda: self._ended > ended)


def upgrade(path: str, *headers: str) -> bytes:
    """The request for a WebSocket."""
    lines = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()

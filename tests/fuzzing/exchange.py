"""Sends the bytes of a request, reads its answer, and says what is wrong with the answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from tests.fuzzing.requests import Request

LIMIT = 120.0
"""Time limit of an answer, in seconds."""
MOST = 4 * 1024**2
"""Number of bytes of an answer after which no more is read."""
ALLOWED = frozenset({200, 201, 204, 206, 304, 400, 401, 403, 404, 405, 408, 409, 413, 415, 416, 417, 429, 503})
EXPECTATION = 417
"""aiohttp answers this itself, before anything of the project runs."""
INSIDE = (b"Traceback", b"site-packages", b"/usr/lib/", b"/proc/", b"root:x:")
"""Words that would show the inside of the server or of this machine."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its status (0 if the connection was closed without one), its head and its body."""

    status: int
    head: bytes
    body: bytes

    @property
    def error(self) -> Any:
        """``error`` of a JSON answer; ``None`` if there is none."""
        if b"application/json" not in self.head.lower():
            return None
        told = json.loads(self.body)
        return told.get("error") if isinstance(told, dict) else None


async def send(port: int, request: Request) -> Answer:
    """Send a request. If it is ``patient``, read the answer to its end, or until :data:`MOST` bytes have come."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        async with asyncio.timeout(LIMIT):
            sending = asyncio.create_task(_write(writer, request.data))
            try:
                if not request.patient:
                    await sending
                    return Answer(0, b"", b"")
                got = await _read(reader)
            finally:
                sending.cancel()
                await asyncio.gather(sending, return_exceptions=True)
    except ConnectionError:
        return Answer(0, b"", b"")
    finally:
        writer.transport.abort()
    head, _, body = got.partition(b"\r\n\r\n")
    if not head:
        return Answer(0, b"", b"")
    if b"transfer-encoding: chunked" in head.lower():
        body = _unchunked(body)
    return Answer(int(head.split(maxsplit=2)[1]), head, body)


def complaint(answer: Answer, secrets: Collection[bytes], fields: Collection[str]) -> str | None:
    """What is wrong with an answer; ``None`` if nothing is.

    Args:
        secrets: texts that no answer may contain: keys, tokens, folders of this machine.
        fields: the names of the fields of the server's errors.
    """
    if answer.status == 0:
        return None
    if answer.status not in ALLOWED:
        return f"status {answer.status}"
    whole = answer.head + answer.body
    if found := [each for each in (*secrets, *INSIDE) if each in whole]:
        return f"it tells {found[0]!r}"
    if answer.status >= 400 and answer.status != EXPECTATION and answer.body:
        if not isinstance(answer.error, dict) or set(answer.error) != set(fields):
            return "the error has another form"
        if not answer.error["message"]:
            return "the error has no words"
    return None


async def _write(writer: asyncio.StreamWriter, data: bytes) -> None:
    try:
        writer.write(data)
        await writer.drain()
    except ConnectionError:
        pass


async def _read(reader: asyncio.StreamReader) -> bytes:
    got = bytearray()
    try:
        while len(got) < MOST and (piece := await reader.read(65_536)):
            got += piece
            if got.startswith(b"HTTP/1.1 101"):
                break
            if got.startswith(b"HTTP/1.1 100") and b"\r\n\r\n" in got:
                del got[: got.index(b"\r\n\r\n") + 4]
    except ConnectionError:
        pass
    return bytes(got)


def _unchunked(data: bytes) -> bytes:
    whole = bytearray()
    while data:
        size, _, data = data.partition(b"\r\n")
        try:
            length = int(size.partition(b";")[0], 16)
        except ValueError:
            break
        whole += data[:length]
        data = data[length + 2 :]
    return bytes(whole)

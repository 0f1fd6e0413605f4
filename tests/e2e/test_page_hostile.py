"""While somebody talks with the bot on Discord, two hundred hostile requests come to its page: each is refused."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from collections.abc import Iterator
from contextlib import AsyncExitStack, closing
from pathlib import Path
from typing import Any

import psutil

from sandbox.server import Sandbox
from tests.e2e.program import SAID_LIMIT, output, pointed_at, program
from tests.watching.event_schema import checked

SECRET = "correct horse"
LIMIT = 60.0
GROWTH = 10 * 1024**2
"""Largest growth of the bot's memory, in bytes. A body of a refused request would be larger."""
LONG = "One, two, three, four, five, six, seven, eight, nine, ten. " * 3
HOSTS = (
    "evil.example@127.0.0.1",
    "127.0.0.1/x",
    "[::1",
    "a b",
    "",
    "x" * 300,
    "a。b".encode().decode("latin-1"),
    "[evil]",
)
ORIGINS = (
    "https://evil.example",
    "null",
    "file://",
    "http://127.0.0.1.evil.example",
    "http://localhost:3000",
    "app://127.0.0.1",
    "http://[",
    "*",
    "x" * 2000,
)
TOKENS = ("", "wrong", "Bearer", "Bearer wrong", f"Basic {SECRET}", f"bearer {SECRET}x", "Bearer " + "y" * 4000)
COOKIES = ("seiyuu=", f"seiyuu={SECRET}", "seiyuu=9999999999." + 64 * "a", "seiyuu=" + 2000 * "1", ";;=;seiyuu")
BODIES = (
    b"",
    b"[]",
    b"{",
    b'{"token": NaN}',
    b'{"token": 1e999}',
    b'{"token": null}',
    b"\xff\xfe",
    b'{"a":' * 600,
    b"9" * 4000,
)
GARBAGE = (
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + 200 * b"\x00" + b"\r\n\r\n",
    b"GET / HTTP/9.9\r\n\r\n",
    f"GET /ws/chat?token={SECRET} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode(),
    b"BREW /pot HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    b"GET /" + 20_000 * b"x" + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + 20_000 * b"x" + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + 1_000 * b"X: y\r\n" + b"\r\n",
    b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n",
)


def written(method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
    """A request with these headers, whose names have ``_`` for ``-``."""
    lines = [f"{method} {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def upgrade(**headers: str) -> bytes:
    key = {"Sec_WebSocket_Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec_WebSocket_Version": "13"}
    return written("GET", "/ws/chat", b"", Connection="Upgrade", Upgrade="websocket", **key, **headers)


def hostile_requests() -> Iterator[bytes]:
    """Some two hundred requests without the token, each of which has to be refused."""
    for host in HOSTS:
        for path in ("/", "/ws/chat", "/login", "/health"):
            yield written("GET", path, Host=host)
            yield written("POST", path, Host=host, Content_Length="0")
        yield upgrade(Host=host)
    for origin in ORIGINS:
        for method in ("GET", "POST", "DELETE", "PATCH", "OPTIONS"):
            yield written(method, "/ws/chat", Host="127.0.0.1", Origin=origin, Content_Length="0")
        yield upgrade(Host="127.0.0.1", Origin=origin, Authorization=f"Bearer {SECRET}")
    for token in TOKENS:
        yield written("GET", "/ws/chat", Host="127.0.0.1", Authorization=token)
        yield written("GET", f"/ws/chat?token={SECRET.replace(' ', '%20')}", Host="127.0.0.1", Authorization=token)
        yield upgrade(Host="127.0.0.1", Authorization=token)
    for cookie in COOKIES:
        yield written("POST", "/ws/chat", Host="127.0.0.1", Cookie=cookie, Content_Length="0")
        yield upgrade(Host="127.0.0.1", Cookie=cookie)
    for body in BODIES:
        for kind in ("application/json", "text/plain", "multipart/form-data"):
            size = str(len(body))
            yield written("POST", "/login", body, Host="127.0.0.1", Content_Type=kind, Content_Length=size)
    for size in ("999999999999", "5000", "-1", "1e9", "99999999999999999999999999"):
        kind = "application/json"
        yield written("POST", "/login", b"{", Host="127.0.0.1", Content_Type=kind, Content_Length=size)
    for path in (
        "/../.env",
        "/%2e%2e/.env",
        "//etc/passwd",
        "/%00",
        "/.git/config",
        "/app.js/../../server.py",
        "/" + 4000 * "a",
    ):
        yield written("GET", path, Host="127.0.0.1")
    yield from GARBAGE


async def answer_to(port: int, request: bytes) -> tuple[int, str]:
    """The status and the rest of the answer, up to its end or for a WebSocket its closing."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    with closing(writer):
        writer.write(request)
        async with asyncio.timeout(LIMIT):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status = int(head.split()[1])
            length = re.search(r"(?i)content-length: (\d+)", head)
            rest = await (reader.readexactly(int(length[1])) if length else reader.read(65_536))
    return status, rest.decode("latin-1")


async def until(process: Any, kind: str) -> dict[str, Any]:
    async with asyncio.timeout(SAID_LIMIT):
        while True:
            line = await process.stdout.readline()
            assert line, f"ended before {kind}"
            # The log is on the same stream.
            if line.startswith(b'{"type"') and (event := checked(line))["type"] == kind:
                return event


async def send_hostile_requests(port: int) -> None:
    """Send all, twenty at once, and check that each is refused, or that its WebSocket gets an error."""
    requests = list(hostile_requests())
    assert len(requests) >= 200
    for first in range(0, len(requests), 20):
        answers = await asyncio.gather(*(answer_to(port, each) for each in requests[first : first + 20]))
        for request, (status, rest) in zip(requests[first:], answers, strict=False):
            refused = status in (400, 401, 403, 404, 405, 413, 415, 429)
            ended = status == 101 and '"type": "error"' in rest
            assert refused or ended, (request[:200], status, rest[:200])
            assert SECRET not in rest


async def test_a_call_goes_on_through_two_hundred_hostile_requests(tmp_path: Path, cache_dir: Path) -> None:
    settings = {"WEB_TOKEN": SECRET, "CACHE_DIR": str(cache_dir)}
    async with (
        Sandbox() as sandbox,
        program("run", "--events", folder=tmp_path, **pointed_at(sandbox), **settings) as process,
        AsyncExitStack() as stack,
    ):
        ada = await sandbox.add_guest("Ada")
        await ada.join_voice(sandbox.voice_channel)
        port = int((await until(process, "web.ready"))["url"].rstrip("/").rpartition(":")[2])
        await ada.say(sandbox.text_channel, "!join")
        await until(process, "call.started")
        for _ in range(50):
            # Half-open: these send the beginning of a request, and nothing more.
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            stack.callback(writer.close)
            writer.write(b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ")
        sizes = []
        for _ in range(2):
            await ada.say(sandbox.text_channel, f"!speak {LONG}")
            await until(process, "response.output_audio_transcript.delta")
            await send_hostile_requests(port)
            done = await until(process, "response.done")
            assert (done["status"], done["heard"].split()) == ("completed", LONG.split())
            sizes.append(psutil.Process(process.pid).memory_info().rss)
        assert sizes[1] - sizes[0] < GROWTH, "the first round loads what any call needs"
        status, rest = await answer_to(port, written("GET", "/health", Host="127.0.0.1"))
        assert (status, json.loads(rest)["discord"]) == (200, "connected")
        process.send_signal(signal.SIGTERM)
        said = await output(process)
        assert process.returncode == 0
    assert "Traceback" not in said
    assert SECRET not in said

"""Requests of any size, speed and form cost the server little, and a refusal says why."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.http import bodies, connection
from bot.http.bodies import MAX_BYTES
from bot.http.serving import Serving
from tests.bot.http.web_stage import WebStage, web_stage
from tests.timing import LIMIT

JSON = {"Content-Type": "application/json"}


async def endless(pieces: list[int]) -> AsyncIterator[bytes]:
    while True:
        pieces.append(1)
        yield 65_536 * b" "
        if len(pieces) > 1_000:
            return


async def exchange(stage: WebStage, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
    finally:
        writer.close()


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{}", 200, ""),
        (b'{"b": 1, "a": 2}', 200, ""),
        (b"", 400, "bad_json"),
        (b"[]", 400, "bad_json"),
        (b'"text"', 400, "bad_json"),
        (b"{", 400, "bad_json"),
        (b"\xff\xfe{}", 400, "bad_json"),
        (b'{"a": NaN}', 400, "bad_json"),
        (b'{"a": 1e999}', 400, "bad_json"),
        (b'{"a": ' + 30_000 * b"[" + b"}", 400, "bad_json"),
        (b'{"a": ' + 5_000 * b"9" + b"}", 400, "bad_json"),
        (b" " * (MAX_BYTES + 1), 413, "too_large"),
    ],
)
async def test_bodies_of_any_form_are_answered(local: WebStage, body: bytes, status: int, code: str) -> None:
    answer = await local.ask("/thing", "POST", data=body, headers=JSON)
    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_only_json_is_accepted_because_a_strangers_form_can_not_send_it(local: WebStage, kind: str) -> None:
    for path in ("/thing", "/login"):
        answer = await local.ask(path, "POST", data=b'{"token": "x"}', headers={"Content-Type": kind})
        assert (answer.status, answer.code) == (415, "unsupported_media_type")


async def test_an_announced_size_is_refused_before_anything_is_read(local: WebStage) -> None:
    head = "POST /thing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    answer = await exchange(local, f"{head}Content-Length: 999999999999\r\n\r\n".encode())
    assert b" 413 " in answer.partition(b"\r\n")[0]


async def test_a_body_without_an_announced_size_is_refused_as_soon_as_it_is_too_large(local: WebStage) -> None:
    pieces: list[int] = []
    try:
        answer = await local.ask("/thing", "POST", data=endless(pieces), headers=JSON)
    except (ConnectionError, OSError):
        pass
    else:
        assert answer.code == "too_large"
    assert len(pieces) < 500


async def test_a_body_that_does_not_come_is_not_awaited_for_long(
    local: WebStage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bodies, "READ_LIMIT", 0.05)
    head = "POST /thing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
    answer = await exchange(local, f"{head}Content-Length: 100\r\n\r\n{{".encode())
    assert b" 408 " in answer.partition(b"\r\n")[0]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + 20_000 * b"x" + b"\r\n\r\n",
        b"GET /" + 20_000 * b"x" + b" HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n" + 500 * b"X: y\r\n" + b"\r\n",
        b"POST /thing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: -1\r\n\r\n",
        b"POST /thing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
)
async def test_invalid_requests_are_refused_and_valid_ones_are_still_answered(
    local: WebStage, request_bytes: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await exchange(local, request_bytes)
    assert b" 400 " in answer.partition(b"\r\n")[0]
    assert b"Content-Security-Policy: default-src 'none'" in answer
    assert b"Content-Type: application/json" in answer
    assert (await local.ask("/thing")).status == 200
    assert caplog.messages == [], "strangers can't fill the log"


@pytest.mark.parametrize("begun", [b"", b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: "])
async def test_a_connection_without_a_whole_request_is_closed(begun: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "IDLE_LIMIT", 0.05)
    async with web_stage() as stage:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.port)
        writer.write(begun)
        assert await asyncio.wait_for(reader.read(), LIMIT) == b""
        writer.close()


async def test_connections_above_the_limit_are_refused_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Serving.__init__, "__defaults__", (3,))
    async with web_stage() as stage:
        idle = [await asyncio.open_connection("127.0.0.1", stage.port) for _ in range(3)]
        try:
            for reader, writer in idle:
                writer.write(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
                await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), LIMIT)
            answer = await stage.ask("/health")
            assert (answer.status, answer.code) == (503, "full")
            assert answer.headers["Retry-After"] == "5"
        finally:
            for _, writer in idle:
                writer.close()

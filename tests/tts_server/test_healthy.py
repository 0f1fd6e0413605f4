"""Tests of the health check of the speech server's container."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from tests.http_server import LocalServer, app_of
from tts_server.healthy import main


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
async def test_the_check_prints_the_answer_of_the_server(
    status: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "told"}, status=status)

    async with LocalServer(app_of("/health", health, method="GET")) as server:
        monkeypatch.setenv("TTS_BIND", f"0.0.0.0:{server.port}")
        assert await asyncio.to_thread(main) == code
        assert "told" in capsys.readouterr().out
    assert await asyncio.to_thread(main) == 1, "nothing listens there now"
    assert "refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"SSH-2.0-OpenSSH_9\r\n", "is not HTTP"),
        (b"\x15\x03\x03\x00\x02\x02\x16", "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 200, "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\na: " + b"b" * 70_000, "is not HTTP"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n", "breaks off"),
        (b"", "closed connection"),
    ],
)
async def test_another_program_at_the_port_is_reported_in_one_line(
    answer: bytes, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(4096)
        writer.write(answer)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as running:
        port = running.sockets[0].getsockname()[1]
        monkeypatch.setenv("TTS_BIND", f"0.0.0.0:{port}")
        assert await asyncio.to_thread(main) == 1
    said = capsys.readouterr().out
    assert told in said
    assert str(port) in said
    assert said.count("\n") == 1


def test_an_impossible_port_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTS_BIND", "0.0.0.0:99999")
    assert main() == 1
    assert capsys.readouterr().out.count("\n") == 1

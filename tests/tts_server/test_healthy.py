"""Tests of the health check of the speech server's container."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web

from tests.http_server import LocalServer, app_of
from tts_server.healthy import main


@pytest.mark.parametrize(("status", "code"), [(200, 0), (503, 1)])
async def test_the_check_says_what_the_server_says(
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

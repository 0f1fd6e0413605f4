"""Clients that go away before their answer begins leave nothing in the log, whatever they have asked for."""

from __future__ import annotations

import asyncio

import pytest

from tests.bot.http.web_stage import WebStage
from tests.raw_http import Impatient, post_raw, upgrade
from tests.timing import wait_until

BEGUN = b"POST /thing HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(upgrade("/ws/echo"), id="a WebSocket"),
        pytest.param(upgrade("/ws/echo", "Origin: https://evil.example"), id="a refused WebSocket"),
        pytest.param(b"GET /thing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", id="an answer"),
        pytest.param(b"GET /nothing HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", id="an error"),
    ],
)
async def test_a_client_that_goes_away_before_its_answer_leaves_no_traceback(
    local: WebStage, request_bytes: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as patch:
        await Impatient(patch).ask(local.port, request_bytes)
    assert (await local.ask("/thing")).status == 200
    assert caplog.messages == []


async def test_a_client_that_goes_away_while_it_sends_leaves_no_traceback(
    local: WebStage, caplog: pytest.LogCaptureFixture
) -> None:
    before = asyncio.all_tasks()
    for _ in range(20):
        _, writer = await asyncio.open_connection("127.0.0.1", local.port)
        writer.write(BEGUN)
        await writer.drain()
        await wait_until(lambda: not asyncio.all_tasks() <= before)
        writer.transport.abort()
        await wait_until(lambda: asyncio.all_tasks() <= before)
    assert (await post_raw(local.port, "/thing", b"{}")).status == 200
    assert caplog.messages == []


async def test_an_internal_error_is_in_the_log_but_not_in_the_answer(
    local: WebStage, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await local.ask("/lost")
    assert (answer.status, answer.code) == (500, "internal_error")
    assert "secret" not in answer.text
    assert "A request could not be answered" in caplog.messages

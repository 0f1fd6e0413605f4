"""Tests of one drawing at a ComfyUI that misbehaves: the drawing is made all the same, and the log stays short."""

from __future__ import annotations

import asyncio
import itertools
import time

import aiohttp
import pytest
from aiohttp import web

from bot.features.image_generation import job
from bot.features.image_generation.comfyui import ComfyUi
from bot.features.image_generation.job import DrawingJob, Progress
from tests.features.comfyui_server import ComfyUiServer
from tests.timing import LIMIT

POLLS = 5


async def draw_until(server: ComfyUiServer, request: str, number: int) -> None:
    """Draw a picture. The server finishes it once ``request`` has come ``number`` times."""
    server.going.clear()

    async def show(_: Progress) -> None:
        if server.requests.count(request) >= number:
            server.going.set()

    async with asyncio.timeout(LIMIT), aiohttp.ClientSession() as http:
        assert len(await DrawingJob(ComfyUi(server.url, http)).run({}, show)) == 1


async def test_a_server_that_reports_its_status_without_end_is_polled_no_faster_than_allowed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(job, "SOONEST_POLL_SECONDS", 0.05)
    async with ComfyUiServer() as server:
        server.chatty = True
        began = time.monotonic()
        await draw_until(server, "GET /queue", POLLS)
        seconds = time.monotonic() - began
    assert server.requests.count("GET /queue") <= seconds / 0.05 + 1


async def test_each_reason_why_the_progress_can_not_be_shown_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(job, "RECONNECT_SECONDS", 0.01)
    refusals = (web.HTTPServiceUnavailable, web.HTTPBadGateway, web.HTTPNotFound)
    async with ComfyUiServer() as server:
        server.refusals = (kind() for kind in itertools.cycle(refusals))
        await draw_until(server, "GET /ws", 3 * len(refusals))
    told = [text for text in caplog.messages if "progress of a drawing can't be shown" in text]
    assert [text[-3:] for text in told] == ["503", "502", "404"]


async def test_an_error_while_events_are_read_is_logged_and_the_drawing_is_made(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job, "POLL_SECONDS", 0.02)

    def broken(_: str) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(job, "read_json", broken)
    async with ComfyUiServer() as server:
        await draw_until(server, "GET /queue", 2)
    assert [text for text in caplog.messages if "progress of a drawing can't be shown" in text] != []
    assert "ZeroDivisionError" in caplog.text


async def test_reasons_that_are_always_new_do_not_fill_the_log(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(job, "POLL_SECONDS", 0.02)
    monkeypatch.setattr(job, "RECONNECT_SECONDS", 0.01)

    def refusal(status: int) -> web.HTTPException:
        made: web.HTTPException = type("Refusal", (web.HTTPServerError,), {"status_code": status})()
        return made

    async with ComfyUiServer() as server:
        server.refusals = map(refusal, range(500, 600))
        await draw_until(server, "GET /ws", 2 * job.MAX_REASONS)
    assert len([text for text in caplog.messages if "progress of a drawing" in text]) == job.MAX_REASONS

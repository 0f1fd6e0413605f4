"""Status endpoints: health, metrics, low-performance mode, and the API description.

``openapi.yaml`` beside this file is written by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiohttp import web

from config.version import VERSION
from config.yaml_files import read_yaml
from hardware.memory import as_json, exposition
from hardware.poll import CardPoll
from tts_server.api.errors import error_response
from tts_server.metrics import CONTENT_TYPE, Metrics
from tts_server.speaking.engine_pool import EnginePool
from web_access.description import Description

_FILE = Path(__file__).with_name("openapi.yaml")
_PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>Seiyuu's speech server</title>
<h1>Seiyuu's speech server</h1>
<p>This server turns text into speech. It is for programs: it has no page to type into.</p>
<ul>
<li><a href="v1/audio/voices">The voices</a></li>
<li><a href="health">Its state</a></li>
<li><a href="openapi.json">Its interface</a>, as an OpenAPI document; docs/api.md explains it</li>
</ul>
<p>Programs that speak OpenAI's API use this address with <code>/v1</code> at its end.</p>
</html>
"""


class StatusApi:
    """``/health``, ``/metrics`` and ``/v1/performance``.

    Args:
        pool: returns the engine pool; ``None`` while it is loading.
        ready: returns the engine pool, or raises the HTTP error that says why there is none yet.
    """

    def __init__(
        self, pool: Callable[[], EnginePool | None], ready: Callable[[], EnginePool], metrics: Metrics, cards: CardPoll
    ) -> None:
        self._pool = pool
        self._ready = ready
        self._metrics = metrics
        self._cards = cards

    def routes(self) -> list[web.RouteDef]:
        """The routes of these endpoints."""
        return [
            web.get("/health", self._health),
            web.get("/metrics", self._show_metrics),
            web.get("/v1/performance", self._performance),
            web.put("/v1/performance", self._set_performance),
        ]

    async def _health(self, _: web.Request) -> web.Response:
        pool = self._pool()
        body = {
            "ready": pool is not None,
            "engine": pool.engine_name if pool else None,
            "speaking": pool.speaking_engine if pool else None,
            "state": pool.state().reason if pool else "loading",
            "loading": pool.lifecycle.progress if pool else None,
            "costs_money": pool.costs_money if pool else False,
            "connections": self._metrics.connections,
            "cards": as_json(self._cards.cards),
            "version": VERSION,
        }
        return web.json_response(body, status=200 if pool else 503)

    async def _show_metrics(self, _: web.Request) -> web.Response:
        text = self._metrics.exposition() + exposition(self._cards.cards)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _performance(self, _: web.Request) -> web.Response:
        pool = self._ready()
        state = pool.state()
        return web.json_response(
            {
                "low": state.reason != "ready",
                "reason": state.reason,
                "speaking": state.engine,
                "costs_money": pool.costs_money,
            }
        )

    async def _set_performance(self, request: web.Request) -> web.Response:
        pool = self._ready()
        try:
            low = json.loads(await request.text()).get("low")
        except (ValueError, AttributeError, RecursionError):
            low = None
        if not isinstance(low, bool):
            return error_response(
                400, 'send {"low": true} to spare the engine, or {"low": false} to use it again', "low"
            )
        pool.breaker.hold_open(low)
        return await self._performance(request)


def document() -> dict[str, Any]:
    """The OpenAPI 3.1 description of the API. Reads a file, which blocks."""
    loaded: dict[str, Any] = read_yaml(_FILE)
    return loaded


class OpenApi:
    """``GET /``, a page for people, and ``GET /openapi.json``."""

    def __init__(self) -> None:
        self._description = Description(document)

    def routes(self) -> list[web.RouteDef]:
        """The routes of these endpoints."""
        return [
            web.get("/", self._page, allow_head=False),
            web.get("/openapi.json", self._description.show, allow_head=False),
        ]

    async def _page(self, _: web.Request) -> web.Response:
        return web.Response(text=_PAGE, content_type="text/html")

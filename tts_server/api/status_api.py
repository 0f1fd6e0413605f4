"""How the server is: ``/health``, ``/metrics``, and ``/v1/performance``, by which the wanted engine can be spared."""

from __future__ import annotations

import json
from collections.abc import Callable

from aiohttp import web

from config.version import VERSION
from hardware.memory import as_json, exposition
from hardware.poll import CardPoll
from tts_server.api.errors import error_response
from tts_server.metrics import CONTENT_TYPE, Metrics
from tts_server.speaking.speech import Speech


class StatusApi:
    """The endpoints.

    Args:
        speech: the voice, once it is there.
        ready: the voice, or raises the HTTP error that says why there is none.
    """

    def __init__(
        self, speech: Callable[[], Speech | None], ready: Callable[[], Speech], metrics: Metrics, cards: CardPoll
    ) -> None:
        self._speech = speech
        self._ready = ready
        self._metrics = metrics
        self._cards = cards

    def routes(self) -> list[web.RouteDef]:
        """To be added to an application."""
        return [
            web.get("/health", self._health),
            web.get("/metrics", self._show_metrics),
            web.get("/v1/performance", self._performance),
            web.put("/v1/performance", self._set_performance),
        ]

    async def _health(self, _: web.Request) -> web.Response:
        speech = self._speech()
        body = {
            "ready": speech is not None,
            "engine": speech.engine_name if speech else None,
            "speaking": speech.speaking_engine if speech else None,
            "state": speech.state().reason if speech else "loading",
            "loading": speech.residency.progress if speech else None,
            "connections": self._metrics.connections,
            "cards": as_json(self._cards.cards),
            "version": VERSION,
        }
        return web.json_response(body, status=200 if speech else 503)

    async def _show_metrics(self, _: web.Request) -> web.Response:
        text = self._metrics.exposition() + exposition(self._cards.cards)
        return web.Response(body=text.encode(), headers={"Content-Type": CONTENT_TYPE})

    async def _performance(self, _: web.Request) -> web.Response:
        state = self._ready().state()
        return web.json_response({"low": state.reason != "ready", "reason": state.reason, "speaking": state.engine})

    async def _set_performance(self, request: web.Request) -> web.Response:
        speech = self._ready()
        try:
            low = json.loads(await request.text()).get("low")
        except (ValueError, AttributeError, RecursionError):
            low = None
        if not isinstance(low, bool):
            return error_response(
                400, 'send {"low": true} to spare the engine, or {"low": false} to use it again', "low"
            )
        speech.performance.ask(low)
        return await self._performance(request)

"""``/api/now`` and ``/metrics``: the figures of the running bot. They have no words, names or ids of people."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from aiohttp import web

from bot.http.api.queries import number_in
from bot.http.errors import HttpError
from bot.monitoring.monitor import CallNow, Monitor
from bot.monitoring.prometheus import PrometheusMetrics
from bot.monitoring.turns import FIGURES, TurnFigures
from bot.voice.call_life import CallState
from bot.voice.metrics import EVENT_STAGES, ReplySoFar
from bot.voice.reply_waits import waits_of

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Prometheus' text format."""
STAGES: Mapping[str, str] = {"begun": "waited", **EVENT_STAGES}
"""The stages of a turn, with the corresponding fields of a trace. ``begun`` is the beginning of the reply."""
_NAMES = {field: name for name, field in STAGES.items()}
_USUAL_FIGURE = "first_packet_ms"


class NowApi:
    """The endpoints.

    Args:
        monitor: the figures.
        metrics: the figures for Prometheus.
    """

    def __init__(self, monitor: Monitor, metrics: PrometheusMetrics) -> None:
        self._monitor = monitor
        self._metrics = metrics

    async def show(self, request: web.Request) -> web.Response:
        """``GET /api/now?after``: what happens now, and the turns with a higher number than ``after``."""
        after = number_in(request, "after") or 0
        monitor, log = self._monitor, self._monitor.log
        calls, queue, engines = monitor.calls(), await monitor.queue(), await monitor.engines()
        summaries = {name: log.summary(name) for name in FIGURES}
        fields = {
            "at": log.now(),
            "call": call_fields(calls[0]),
            "calls": [call_fields(call) for call in calls if call.state is CallState.ACTIVE],
            "live": next((live_fields(call.reply) for call in calls if call.reply is not None), None),
            "newest": log.newest,
            "turns": [turn_fields(turn) for turn in log.after(after)],
            "figures": {name: None if each is None else asdict(each) for name, each in summaries.items()},
            "tokens_per_second": log.tokens_per_second(),
            "engines": [asdict(engine) for engine in engines],
            "cards": card_fields(monitor),
            "held": monitor.lease.held,
            "stuck": monitor.lease.stuck,
            "queue": asdict(queue),
            "warnings": [asdict(warning) for warning in monitor.warnings()],
            "limits": {name: getattr(monitor.limits, name) for name in ("stt_ms", "tts_ms", "first_token_ms", "gpu")},
        }
        return web.json_response(fields)

    async def day(self, request: web.Request) -> web.Response:
        """``GET /api/now/day?figure``: one figure of each turn of the last 24 hours, and its quantiles over time."""
        figure = request.query.get("figure", _USUAL_FIGURE)
        if figure not in FIGURES:
            raise HttpError(400, "bad_parameter", f"figure must be one of {', '.join(FIGURES)}.")
        day = self._monitor.log.day
        rows = day.rows()

        def body() -> bytes:
            curve = day.curve(rows, figure)
            turns = {"at": curve.at, "ms": curve.ms}
            periods = {"at": curve.periods, "median": curve.medians, "p95": curve.p95s}
            return json.dumps({"figure": figure, "turns": turns, "periods": periods}).encode()

        # Thousands of turns take a while, so this is not done on the event loop.
        return web.Response(body=await asyncio.to_thread(body), content_type="application/json")

    async def metrics(self, _: web.Request) -> web.Response:
        """``GET /metrics``."""
        return web.Response(body=await self._metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})


def call_fields(call: CallNow) -> dict[str, Any]:
    """What is known of a call."""
    return {"state": call.state, "transport": call.transport, "since": call.since, "doing": call.doing}


def live_fields(reply: ReplySoFar) -> dict[str, Any]:
    """The timings so far of a reply."""
    stages = {_NAMES[field]: ms for field, ms in reply.stages.items()}
    return {"reply": reply.reply, "elapsed_ms": reply.elapsed, "stages": stages}


def turn_fields(turn: TurnFigures) -> dict[str, Any]:
    """The figures of a turn that is over."""
    trace = turn.trace
    return {
        "number": turn.number,
        "at": turn.at,
        "transport": turn.transport,
        "spoken": turn.spoken,
        "outcome": trace.outcome,
        "stages": {name: ms for name, field in STAGES.items() if (ms := getattr(trace, field)) is not None},
        "waits": {_NAMES[wait.stage]: round(wait.ms, 2) for wait in waits_of(trace)},
        **{name: turn.figure(name) for name in FIGURES},
        "audio_ms": trace.audio,
        "underruns": trace.underruns,
        "prompt_tokens": trace.prompt_tokens,
        "cached_tokens": trace.cached_tokens,
        "answer_tokens": trace.answer_tokens,
        "tokens_per_second": trace.tokens_per_second,
    }


def card_fields(monitor: Monitor) -> list[dict[str, Any]]:
    """The graphics cards: their memory, and how busy they are now and over the last minute."""
    return [
        {
            "name": card.name,
            "kind": card.kind,
            "total_bytes": card.total_bytes,
            "used_bytes": card.used_bytes,
            "utilisation": card.utilisation,
            "mean_utilisation": monitor.cards.mean_utilisation(number),
        }
        for number, card in enumerate(monitor.cards.cards)
    ]

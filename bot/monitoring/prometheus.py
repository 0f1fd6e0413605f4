"""The figures for Prometheus: metrics that begin with ``seiyuu_``. They have no words, names or ids of people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from bot.health import READY
from bot.metering import Paid
from bot.monitoring.monitor import PARTS, Monitor
from bot.monitoring.turns import FIGURES, TurnFigures
from bot.usage.ledger import NOTHING, Amounts, Engine
from bot.usage.usage import Usage
from bot.voice.metrics import EVENT_STAGES
from bot.voice.turn import Outcome

BUCKETS = (0.05, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0)
"""Upper limits of the histograms' buckets, in seconds."""
ENGINES: Mapping[str, str] = MappingProxyType({"stt_ms": "stt", "first_token_ms": "llm", "tts_ms": "tts"})
"""The value of the label ``engine`` for each figure that measures one engine alone."""

UNCOUNTED = frozenset({Outcome.DISCARDED, Outcome.REFUSED})
"""Outcomes of prompts that got no reply. No turn is reported for them."""
TOKEN_KINDS: Mapping[str, str] = MappingProxyType(
    {"prompt": "prompt_tokens", "cached": "cached_tokens", "answer": "answer_tokens"}
)
"""The label ``kind`` of each count of tokens, with the corresponding field of a trace."""


class PrometheusMetrics(Collector):
    """All metrics. Figures of turns are counted as the turns end; all else is read from the monitor when Prometheus
    asks.

    Args:
        monitor: the figures of the running bot.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._messages = 0
        # prometheus_client has a registry for the whole process. This one is the bot's own, so that two bots can run in
        # one process.
        self._registry = CollectorRegistry()
        self._stages = Histogram(
            "seiyuu_turn_stage_seconds",
            "From the last voiced sample, or a typed message, to each stage of the turn.",
            ("stage", "transport"),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._engines = Histogram(
            "seiyuu_engine_seconds",
            "Time of one engine: words (stt), first token (llm), first sound of a clause (tts).",
            ("engine",),
            buckets=BUCKETS,
            registry=self._registry,
        )
        self._turns = Counter("seiyuu_turns", "Turns, by how the reply ended.", ("outcome",), registry=self._registry)
        self._tokens = Counter(
            "seiyuu_tokens",
            "Tokens that the model's server has counted: prompt, of these cached, and answer.",
            ("kind",),
            registry=self._registry,
        )
        self._silence = Counter(
            "seiyuu_underrun_seconds", "Silence in replies because sound came too late.", registry=self._registry
        )
        # A counter that first appears at 1 has no increase for Prometheus, so the first failure would not be seen.
        for outcome in Outcome:
            if outcome not in UNCOUNTED:
                self._turns.labels(outcome.value)
        for kind in TOKEN_KINDS:
            self._tokens.labels(kind)
        self._registry.register(self)
        monitor.log.subscribe(self._note)

    async def exposition(self) -> bytes:
        """All metrics in Prometheus' text format, version 0.0.4."""
        self._messages = (await self._monitor.queue()).messages
        return generate_latest(self._registry)

    def _note(self, turn: TurnFigures) -> None:
        trace = turn.trace
        for stage, name in EVENT_STAGES.items():
            if (ms := getattr(trace, name)) is not None:
                self._stages.labels(stage, turn.transport).observe(ms / 1000)
        for figure, engine in ENGINES.items():
            if (ms := FIGURES[figure](trace)) is not None:
                self._engines.labels(engine).observe(ms / 1000)
        self._turns.labels(trace.outcome.value).inc()
        self._silence.inc(trace.underruns * 0.02)
        for kind, name in TOKEN_KINDS.items():
            self._tokens.labels(kind).inc(getattr(trace, name) or 0)

    def collect(self) -> Iterator[Metric]:
        """The metrics that are read from the monitor when Prometheus asks. prometheus_client calls this method."""
        monitor = self._monitor
        packets = monitor.packets()
        yield CounterMetricFamily(
            "seiyuu_packets_late", "Frames sent more than 20 ms after they were due.", value=packets.late
        )
        yield CounterMetricFamily(
            "seiyuu_decrypt_failures",
            "Packets of people for which no key was found in time.",
            value=packets.not_decrypted,
        )
        calls = len(monitor.manager.calls)
        yield GaugeMetricFamily("seiyuu_call_active", "1 while a call is on.", value=bool(calls))
        yield GaugeMetricFamily("seiyuu_calls", "Calls that are on.", value=calls)
        held = GaugeMetricFamily("seiyuu_held", "1 while a call holds the feature back.", labels=("feature",))
        for name in monitor.lease.names:
            held.add_metric((name,), name in monitor.lease.held)
        yield held
        waiting = monitor.waiting_prompts() + self._messages
        yield GaugeMetricFamily("seiyuu_queue_length", "Prompts and messages that wait.", value=waiting)
        if (speed := monitor.log.tokens_per_second()) is not None:
            yield GaugeMetricFamily(
                "seiyuu_tokens_per_second", "Median speed of the model in the newest turns.", value=speed
            )
        ready = GaugeMetricFamily("seiyuu_engine_ready", "1 if the engine can be used.", labels=("engine",))
        state = monitor.engine_state()
        for known, part in PARTS.items():
            ready.add_metric((part,), state.get(known) == READY)
        yield ready
        yield from self._cards()
        if monitor.usage is not None:
            yield from _used_today(monitor.usage)

    def _cards(self) -> Iterator[Metric]:
        cards = self._monitor.cards.cards
        used = GaugeMetricFamily("seiyuu_vram_bytes", "Memory in use, by any program.", labels=("card",))
        total = GaugeMetricFamily("seiyuu_vram_total_bytes", "Memory of the graphics card.", labels=("card",))
        busy = GaugeMetricFamily("seiyuu_gpu_utilisation", "How busy the graphics card is, 0 to 1.", labels=("card",))
        for number, card in enumerate(cards):
            used.add_metric((str(number),), card.used_bytes)
            total.add_metric((str(number),), card.total_bytes)
            if card.utilisation is not None:
                busy.add_metric((str(number),), card.utilisation)
        yield from (used, total, busy)


def _used_today(usage: Usage) -> Iterator[Metric]:
    """What was used today, by the server of each engine, and the shares of the limits that are set."""
    tokens = GaugeMetricFamily(
        "seiyuu_today_tokens", "Tokens that model servers have read and written today.", labels=("server", "kind")
    )
    sound = GaugeMetricFamily(
        "seiyuu_today_speech_seconds",
        "Sound that speech servers have made today, or that recognisers were sent.",
        labels=("server", "engine"),
    )
    # A server that cost money for only a part of the day has two entries, which are added.
    sums: dict[tuple[Engine, str], Amounts] = {}
    for (engine, server, _), amounts in usage.ledger.by_server_today().items():
        sums[engine, server] = sums.get((engine, server), NOTHING) + amounts
    for (engine, server), amounts in sums.items():
        if engine is Engine.MIND:
            tokens.add_metric((server, "prompt"), amounts.prompt_tokens)
            tokens.add_metric((server, "answer"), amounts.answer_tokens)
        else:
            sound.add_metric((server, "tts" if engine is Engine.VOICE else "stt"), amounts.milliseconds / 1000)
    limits = GaugeMetricFamily(
        "seiyuu_daily_limit_used", "Used share of today's limit for engines that cost money.", labels=("limit",)
    )
    for paid in Paid:
        if (used := usage.limits.used(paid)) is not None:
            limits.add_metric((paid.name.lower(),), used)
    yield from (tokens, sound, limits)

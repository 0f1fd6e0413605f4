"""Benchmark of the speech server: the time it adds to its engine, and its fairness with 1 to 16 connections.

It runs with espeak-ng, and with a stand-in that is as slow as an engine on a GPU. The stand-in has a fixed first-audio
time and speed and records its times, so that they can be subtracted from the server's.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.table import Table

from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.statistics import spread
from benchmarks.tts_clients import HeardReply, ServerProcess, speak, speech_server
from config.plain_parser import PlainParser

CONNECTIONS = (1, 2, 4, 16)
FIRST_AUDIO, REAL_TIME_FACTOR = 0.1, 0.4
CHARACTERS_A_SECOND = 15
"""The stand-in's speed of speech, in characters of text for a second of sound."""
REPLY = (
    "Let me think about that for a moment. The train leaves at nine from the old station, so we should be there "
    "a little early. If it rains, we take the bus instead, and if the bus is late, we walk along the river."
)
FIRST_CLAUSE_SECONDS = len("Let me think about that for a moment.") / CHARACTERS_A_SECOND
ESPEAK_FIRST_AUDIO_MS, ADDED_MS, STARVED_MS = 10.0, 3.0, 20.0
"""Limits that the verdicts test."""
CONNECTING_SECONDS, SETTLING_SECONDS = 0.5, 2.0
WIDTH = 100


@dataclass(frozen=True, slots=True)
class SharedResult:
    """The result for one engine and one number of connections. Times are in ms, memory in MB.

    Attributes:
        first_audio: the median at the client, network included.
        added: the time that the server adds to the engine's first-audio time; ``None`` if it is not known.
        longest_first_audio: the longest time until the first sound of a connection's first reply came.
        starved: the longest time in a reply for which a listener had nothing to play.
        fairness: the share of a reply's time in which its listener had sound, smallest divided by largest. 1 is
            perfectly fair.
        memory: the growth of the server's memory.
    """

    engine: str
    connections: int
    first_audio: float
    first_audio_p95: float
    added: float | None
    longest_first_audio: float
    starved: float
    fairness: float
    memory: float


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, TimeoutError, min_width=WIDTH)


async def _run(run: Run) -> Report:
    results = await measure(run.arguments.replies, run.folder)
    verdicts = _verdicts(results)
    return Report(
        lambda console: console.print(_table(results, run.machine)),
        verdicts.items(),
        {"machine": run.machine, "shared": [asdict(result) for result in results], "verdicts": verdicts},
    )


async def measure(replies: int, folder: Path) -> list[SharedResult]:
    """Measure every engine with every number of connections. Raises :class:`MeasurementError`."""
    results = []
    for connections in CONNECTIONS:
        async with speech_server(folder, "--engine", "espeak") as server:
            results.append(await _measure_shared("espeak-ng", server, connections, replies, None))
    for connections in (number for number in CONNECTIONS if number <= 4):
        timings = folder / f"timings-{connections}.jsonl"
        options = ("--first-audio-ms", str(1000 * FIRST_AUDIO), "--rtf", str(REAL_TIME_FACTOR))
        async with speech_server(folder, "--engine", "stand-in", *options, "--timings", str(timings)) as server:
            results.append(await _measure_shared("stand-in", server, connections, replies, timings))
    return results


async def _measure_shared(
    engine: str, server: ServerProcess, connections: int, replies: int, timings: Path | None
) -> SharedResult:
    before = await _settled_memory(server)
    start = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        clients = [tasks.create_task(speak(server, [REPLY] * replies, start)) for _ in range(connections)]
        await asyncio.sleep(CONNECTING_SECONDS)
        start.set()
    heard = [client.result() for client in clients]
    first = spread([1000 * reply.first_audio for each in heard for reply in each])
    return SharedResult(
        engine=engine,
        connections=connections,
        first_audio=first.median,
        first_audio_p95=first.p95,
        added=_added(timings, heard[0]) if timings and connections == 1 else None,
        longest_first_audio=max(1000 * each[0].first_audio for each in heard),
        starved=max(1000 * reply.starved for each in heard for reply in each),
        fairness=_fairness(heard),
        memory=(server.memory() - before) / 1e6,
    )


async def _settled_memory(server: ServerProcess) -> int:
    """The server's memory once its loading in the background is over, in bytes."""
    before, now = -1, server.memory()
    while now != before:
        await asyncio.sleep(SETTLING_SECONDS)
        before, now = now, server.memory()
    return now


def _added(timings: Path, heard: Sequence[HeardReply]) -> float:
    """How much later the first sound of a reply comes from the server than from the engine: the median, in ms."""
    records = [json.loads(line) for line in timings.read_text(encoding="utf-8").splitlines()]
    spoken = [next(record for record in records if record["received_at"] >= reply.sent) for reply in heard]
    engine_times = [record["first_audio_at"] - record["received_at"] for record in spoken]
    return spread([1000 * (reply.first_chunk - took) for reply, took in zip(heard, engine_times, strict=True)]).median


def _fairness(heard: Sequence[Sequence[HeardReply]]) -> float:
    shares = [reply.audio / (reply.audio + reply.starved) for replies in heard for reply in replies]
    return min(shares) / max(shares)


def _verdicts(results: Sequence[SharedResult]) -> dict[str, bool]:
    espeak = next(result for result in results if result.engine == "espeak-ng" and result.connections == 1)
    alone = next(result for result in results if result.engine == "stand-in" and result.connections == 1)
    two = next(result for result in results if result.engine == "stand-in" and result.connections == 2)
    one_clause = 1000 * (FIRST_AUDIO + FIRST_CLAUSE_SECONDS * REAL_TIME_FACTOR) + alone.first_audio + ADDED_MS
    return {
        f"first audio on espeak-ng within {ESPEAK_FIRST_AUDIO_MS:g} ms of the first clause": (
            espeak.first_audio <= ESPEAK_FIRST_AUDIO_MS
        ),
        f"the server adds at most {ADDED_MS:g} ms": alone.added is not None and alone.added <= ADDED_MS,
        f"two at once, {REAL_TIME_FACTOR:g} s of work for 1 s of sound: nobody waits for more than {STARVED_MS:g} ms": (
            two.starved <= STARVED_MS
        ),
        "two at once: the later first sound comes at most one clause later than on one connection": (
            two.longest_first_audio <= one_clause
        ),
    }


def _table(results: Sequence[SharedResult], machine: dict[str, str]) -> Table:
    table = Table(title=f"The speech server on {machine['processor']}, {machine['cores']} cores")
    for heading in (
        *("engine", "at once", "first audio, ms", "p95", "added", "last to begin", "starved, ms", "fairness", "MB"),
    ):
        table.add_column(heading, justify="right")
    for one in results:
        table.add_row(
            *(one.engine, str(one.connections), f"{one.first_audio:.1f}", f"{one.first_audio_p95:.1f}"),
            "" if one.added is None else f"{one.added:.1f}",
            *(f"{one.longest_first_audio:.0f}", f"{one.starved:.0f}", f"{one.fairness:.2f}", f"{one.memory:+.1f}"),
        )
    return table


def _parser() -> PlainParser:
    parser = make_parser("tts_server", __doc__)
    parser.add_argument("--replies", type=count, default=5, help="number of replies on each connection")
    return parser


if __name__ == "__main__":
    sys.exit(main())

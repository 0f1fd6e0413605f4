"""Tables, lines and JSON of a soak."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Column, Table

from benchmarks.soak.conversation import Tally
from benchmarks.soak.judgement import (
    SHORTEST_FOR_SLOPE,
    WARM_UP,
    Judgement,
    Level,
    ProcessFigures,
    held,
    memory,
    total,
)
from benchmarks.soak.measurement import ClientResult, Measured, Sample
from benchmarks.statistics import spread

MIN_CONSOLE_WIDTH = 140
ERRORS_SHOWN = 5
"""At most this many of the lines that tell of faults are shown from each bot's log."""
SERIES_SECONDS = 60.0
"""Seconds between two values of the series in the JSON file."""


def progress_line(measured: Measured) -> str:
    """One line for the minute that is over."""
    sample = measured.samples[-1]
    clients = measured.clients
    late = total(stream.lateness for client in clients for stream in client.streams)
    clock = total(stream.lateness for stream in measured.clock)
    turns = sum(len(client.tally.turns) for client in clients)
    missed = sum(client.tally.missed for client in clients)
    megabytes = " + ".join(f"{memory(sample, bot):.0f}" for bot in sample.bots)
    handles = " + ".join(str(held(sample, bot, lambda one: one.handles)) for bot in sample.bots)
    threads = " + ".join(str(held(sample, bot, lambda one: one.threads)) for bot in sample.bots)
    lost = sum(len(client.tally.lost) for client in clients)
    return (
        f"minute {measured.seconds / 60:.0f}: {turns - missed} answers, {missed} missed, {lost} calls lost; "
        f"late {late.percent:.3f} % (clock {clock.percent:.3f}); {megabytes} MB; {handles} handles; {threads} threads"
    )


def show(judgement: Judgement, console: Console) -> None:
    """Print the tables."""
    measured = judgement.measured
    console.print(f"{measured.seconds / 60:.1f} minutes, {len(measured.clients)} clients at once.")
    console.print(_clients_table(judgement))
    console.print(_processes_table(judgement))
    for bot in measured.bots:
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in sorted(bot.outcomes.items())) or "none"
        console.print(
            f"{bot.plan.name}: replies: {outcomes}; underruns: {bot.underruns}; faults in its log: {len(bot.errors)}"
        )
        for line in bot.errors[:ERRORS_SHOWN]:
            console.print(f"    {line}", markup=False, highlight=False)
    for client in measured.clients:
        for why in client.tally.lost:
            console.print(f"{client.name}: a call was lost: {why}", markup=False)
    if not judgement.has_slope:
        least = (WARM_UP + SHORTEST_FOR_SLOPE) / 60
        console.print(
            f"No slope of the memory is fitted in less than {least:.0f} minutes: "
            "only handles, threads, answers and late packets are judged.",
            soft_wrap=True,
        )


def _clients_table(judgement: Judgement) -> Table:
    table = Table(
        Column("client", no_wrap=True),
        *("engines", "calls", "lost", "answered", "missed", "first sound in s, median / 95 %"),
        *("packets", "late", "bare clock", "gaps > 40 ms", "longest gap in ms"),
    )
    for client in judgement.measured.clients:
        tally, late = client.tally, judgement.late(client)
        table.add_row(
            *(client.name, client.bot.engines, str(tally.calls), str(len(tally.lost))),
            *(str(len(tally.turns) - tally.missed), str(tally.missed), _answer_times(tally)),
            *(str(late.packets), f"{late.percent:.3f} %", f"{judgement.clock(client).percent:.3f} %"),
            *(str(late.holes), f"{1000 * late.longest_gap:.0f}"),
        )
    return table


def _answer_times(tally: Tally) -> str:
    times = [turn.answered_after for turn in tally.turns if turn.answered_after is not None]
    if not times:
        return "–"
    found = spread(times)
    return f"{found.median:.2f} / {found.p95:.2f}"


def _processes_table(judgement: Judgement) -> Table:
    table = Table("bot", "process", "MB after the warm-up, at the end", "MB an hour", "handles", "threads", "starts")
    for bot in judgement.measured.bots:
        name = bot.plan.name
        for process in judgement.processes:
            if process.bot == name:
                table.add_row(name, process.name, *_columns(process))
        if name in judgement.slopes:
            series = judgement.memory_of(name)
            megabytes = f"{series[0][1]:.1f}, {series[-1][1]:.1f}"
            table.add_row(name, "all together", megabytes, f"{judgement.slopes[name]:+.2f}", "", "", "")
    return table


def _columns(process: ProcessFigures) -> Sequence[str]:
    begin, end = process.megabytes
    slope = "–" if process.slope is None else f"{process.slope:+.2f}"
    return f"{begin:.1f}, {end:.1f}", slope, _level(process.handles), _level(process.threads), str(process.starts)


def _level(held: Level) -> str:
    """Medians of the first and the last third, with the least and the most."""
    return f"{held.first:g} to {held.last:g} ({held.least:g} to {held.most:g})"


def as_json(judgement: Judgement, machine: dict[str, str]) -> dict[str, Any]:
    """The figures for ``--json``. Times are in seconds since the beginning, memory in megabytes."""
    measured = judgement.measured
    return {
        "machine": machine,
        "minutes": measured.seconds / 60,
        "ended": measured.ended,
        "targets": [{"text": text, "met": met} for text, met in judgement.verdicts()],
        "slopes": judgement.slopes,
        "clients": [_client(judgement, client) for client in measured.clients],
        "processes": [
            {
                "bot": one.bot,
                "process": one.name,
                "megabytes": one.megabytes,
                "slope": one.slope,
                "handles": _level(one.handles),
                "threads": _level(one.threads),
                "starts": one.starts,
            }
            for one in judgement.processes
        ],
        "bots": [
            {
                "name": bot.plan.name,
                "engines": bot.plan.engines,
                "outcomes": bot.outcomes,
                "underruns": bot.underruns,
                "faults": list(bot.errors),
            }
            for bot in measured.bots
        ],
        "series": _series(measured),
    }


def _client(judgement: Judgement, client: ClientResult) -> dict[str, Any]:
    tally, late = client.tally, judgement.late(client)
    return {
        "name": client.name,
        "way": client.plan.way,
        "engines": client.bot.engines,
        "calls": tally.calls,
        "lost": tally.lost,
        "turns": len(tally.turns),
        "missed": tally.missed,
        "first_sound": _answer_times(tally),
        "missed_at": [turn.said - judgement.measured.begun for turn in tally.turns if turn.answered_after is None],
        "packets": late.packets,
        "late": late.late,
        "late_percent": late.percent,
        "clock_percent": judgement.clock(client).percent,
        "gaps": late.holes,
        "longest_gap": late.longest_gap,
    }


def _series(measured: Measured) -> dict[str, Any]:
    """What each bot held, once a minute, each quantity in one line of text, so that the file stays readable."""
    samples = thinned(measured.samples)
    bots = samples[0].bots if samples else {}
    return {
        "minutes": " ".join(f"{sample.at / 60:.1f}" for sample in samples),
        **{
            bot: {
                "megabytes": " ".join(f"{memory(sample, bot):.1f}" for sample in samples),
                "handles": " ".join(str(held(sample, bot, lambda one: one.handles)) for sample in samples),
                "threads": " ".join(str(held(sample, bot, lambda one: one.threads)) for sample in samples),
            }
            for bot in bots
        },
    }


def thinned(samples: Sequence[Sample]) -> list[Sample]:
    """The first sample of each minute."""
    kept: list[Sample] = []
    for sample in samples:
        if not kept or sample.at // SERIES_SECONDS > kept[-1].at // SERIES_SECONDS:
            kept.append(sample)
    return kept

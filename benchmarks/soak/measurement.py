"""Runs the soak: starts bots and clients, lets them talk, and records every ten seconds what the bots hold."""

from __future__ import annotations

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from benchmarks.bare_clock_control import BareClockControl
from benchmarks.measured_call import tokens_of
from benchmarks.soak.bots import SoakBot
from benchmarks.soak.conversation import Tally, keep_talking
from benchmarks.soak.heard import Stream
from benchmarks.soak.holdings import ProcessHoldings, holdings_of
from benchmarks.soak.plan import BotPlan, ClientPlan
from benchmarks.stand_in_model import StandInModel
from benchmarks.stand_in_transcriber import StandInTranscriber
from benchmarks.turn_measurement import HEARD, REPLY
from config.tasks import end_tasks
from sandbox.guest_lines import recorded_lines
from sandbox.voice.opus import Sound

SAMPLE_SECONDS = 10.0
"""Seconds between two looks at what the bots hold."""
LINES = ("hello", "capital", "story", "dog", "memory", "colors", "interruption")
"""The lines that are said, one after another: each asks for an answer, and none is a command."""
INTERRUPTED = "it was interrupted"
"""The reason that is given if Ctrl-C or SIGTERM has ended a soak."""
FIRST_TOKEN, TOKENS_A_SECOND, TRANSCRIPTION = 0.15, 40.0, 0.21
"""The delays of the stand-ins: seconds to the first token, tokens a second, and seconds for a transcript."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What all bots held, ``at`` seconds after the beginning: by the bot's name, and then by the process's name."""

    at: float
    bots: Mapping[str, Mapping[str, ProcessHoldings]]


@dataclass(frozen=True, slots=True)
class ClientResult:
    """The turns, calls and streams of one client. Times are in monotonic seconds."""

    name: str
    bot: BotPlan
    plan: ClientPlan
    tally: Tally
    streams: Sequence[Stream]


@dataclass(frozen=True, slots=True)
class BotResult:
    """The number of a bot's replies by how they ended, and the lines of its log that tell of faults."""

    plan: BotPlan
    outcomes: Mapping[str, int]
    underruns: int
    errors: Sequence[str]


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures of a soak, or of its part so far.

    Attributes:
        begun: when the measurement began, in monotonic seconds.
        seconds: how long it has lasted.
        clock: the bare clock's packets at their arrival by the kernel's clock, in streams of 10 s.
        clock_read: the times at which the benchmark read the same packets. The packets of a client over TCP are
            compared with these, since the kernel tells no arrival times for TCP.
        ended: why it ended before its time; empty if it did not.
    """

    begun: float
    seconds: float
    samples: Sequence[Sample]
    clients: Sequence[ClientResult]
    bots: Sequence[BotResult]
    clock: Sequence[Stream]
    clock_read: Sequence[Stream]
    ended: str


class Soak:
    """One soak.

    Args:
        folder: data and logs of the bots.
        started: called with the name of each bot that has started.
        progress: awaited once a minute with the figures so far.
    """

    def __init__(
        self,
        plan: Sequence[BotPlan],
        folder: Path,
        started: Callable[[str], None],
        progress: Callable[[Measured], Awaitable[None]],
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._started = started
        self._progress = progress
        self._begun = 0.0
        self._seconds = 0.0
        self._samples: list[Sample] = []
        self._bots: list[SoakBot] = []
        self._tallies: list[Tally] = []
        self._clock = BareClockControl()
        self._clock_streams: list[Stream] = []
        self._clock_readings: list[Stream] = []
        self._ended = ""

    async def run(self, minutes: float) -> Measured:
        """Measure for this many minutes, or until this task is cancelled, and return the figures so far.

        Raises:
            MeasurementError: a bot did not start.
        """
        async with self._talking() as tasks:
            try:
                await self._watch(60 * minutes, tasks)
            except asyncio.CancelledError:
                self._stop(INTERRUPTED)
            self._seconds = time.monotonic() - self._begun
        return await asyncio.to_thread(self._measured, with_logs=True)

    @asynccontextmanager
    async def _talking(self) -> AsyncIterator[Sequence[asyncio.Task[None]]]:
        """All bots, with their clients talking to them."""
        files = recorded_lines()
        lines = [await asyncio.to_thread(files[name].read) for name in LINES]
        async with AsyncExitStack() as stack:
            model = StandInModel(tokens_of(REPLY), first_token=FIRST_TOKEN, rate=TOKENS_A_SECOND)
            ears = StandInTranscriber(HEARD, seconds=TRANSCRIPTION)
            await stack.enter_async_context(model)
            await stack.enter_async_context(ears)
            stand_ins = {"LLM_URL": model.url, "STT_URL": ears.url}
            for number, plan in enumerate(self._plan):
                bot = SoakBot(plan, self._folder / f"bot-{number}", stand_ins)
                self._bots.append(await stack.enter_async_context(bot))
                self._started(plan.name)
            await stack.enter_async_context(self._clock)
            # What is there now stays, so the collector need not look at it again.
            gc.collect()
            gc.freeze()
            stack.callback(gc.unfreeze)
            self._begun = time.monotonic()
            self._clock.begin()
            tasks = self._start_clients(lines)
            stack.push_async_callback(end_tasks, *tasks)
            yield tasks

    def _start_clients(self, lines: Sequence[Sound]) -> Sequence[asyncio.Task[None]]:
        tasks = []
        for bot in self._bots:
            for client, plan in zip(bot.clients, bot.plan.clients, strict=True):
                number = len(self._tallies)
                self._tallies.append(tally := Tally())
                # Each client begins with the line after the one with which the client before it begins.
                own = [*lines[number % len(lines) :], *lines[: number % len(lines)]]
                tasks.append(asyncio.create_task(keep_talking(client, plan, own, number, tally), name=f"soak {number}"))
        return tasks

    async def _watch(self, seconds: float, tasks: Sequence[asyncio.Task[None]]) -> None:
        minute = 1
        while (now := time.monotonic() - self._begun) < seconds:
            for task in tasks:
                if task.done():
                    task.result()
            for bot in self._bots:
                if bot.process.returncode is not None:
                    self._ended = f"the bot {bot.plan.name!r} ended with status {bot.process.returncode}"
                    return
            self._samples.append(Sample(now, await asyncio.to_thread(self._look)))
            self._take_clock()
            if now >= 60 * minute:
                minute = int(now / 60) + 1
                self._seconds = now
                await self._progress(self._measured())
            next_look = self._begun + SAMPLE_SECONDS * len(self._samples)
            await asyncio.sleep(max(1.0, min(next_look, self._begun + seconds) - time.monotonic()))

    def _take_clock(self) -> None:
        """End a stream of the bare clock.

        The streams are about as long as a bot's answer. In longer ones, a drifting clock would have more late packets.
        """
        for streams, arrivals in (
            (self._clock_streams, self._clock.stream()),
            (self._clock_readings, self._clock.read_stream()),
        ):
            if arrivals:
                streams.append(Stream.of(arrivals))
        self._clock.begin()

    def _look(self) -> Mapping[str, Mapping[str, ProcessHoldings]]:
        found = {}
        for bot in self._bots:
            try:
                found[bot.plan.name] = holdings_of(bot.process.pid)
            except psutil.NoSuchProcess:
                found[bot.plan.name] = {}
        return found

    def _stop(self, why: str) -> None:
        """Record why the soak ends early, and undo the cancellation of this task, which still has work to do."""
        self._ended = why
        if (task := asyncio.current_task()) is not None:
            task.uncancel()

    def _measured(self, *, with_logs: bool = False) -> Measured:
        tallies = iter(self._tallies)
        clients = [
            ClientResult(_name(bot.plan, plan), bot.plan, plan, next(tallies), tuple(client.heard.streams))
            for bot in self._bots
            for client, plan in zip(bot.clients, bot.plan.clients, strict=True)
        ]
        bots = [
            BotResult(bot.plan, dict(bot.outcomes), bot.underruns, bot.errors() if with_logs else ())
            for bot in self._bots
        ]
        return Measured(
            self._begun,
            self._seconds,
            tuple(self._samples),
            clients,
            bots,
            tuple(self._clock_streams),
            tuple(self._clock_readings),
            self._ended,
        )


def _name(bot: BotPlan, client: ClientPlan) -> str:
    return bot.name if len(bot.clients) == 1 else f"{bot.name}, {client.way}"

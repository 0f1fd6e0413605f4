"""How much longer a spoken turn takes over ``POST /process_call`` and ``/v1/realtime`` than over ``/ws/chat``.

All turns are had with one real bot, whose engines are stand-ins with fixed delays. The three paths take turns, so that
other work of the machine disturbs all of them alike. The benchmark measures the time from the end of the words to the
first sound of the answer.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.browser.turns import REPLY, STAND_INS, TRANSCRIPTION, spoken_line
from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.measured_call import no_collections, tokens_of
from benchmarks.spoken_turns import ChatTurns, ProcessCallTurns, RealtimeTurns, TurnClient
from benchmarks.stand_in_model import StandInModel
from benchmarks.stand_in_transcriber import StandInTranscriber
from benchmarks.statistics import spread
from benchmarks.talking_bot import talking_bot
from benchmarks.turn_measurement import HEARD
from config.plain_parser import PlainParser
from sandbox.voice.opus import Sound

MAX_LONGER_MS = 50.0
"""A turn may take at most this many milliseconds longer than over ``/ws/chat``, in the median."""
LINE = "memory"
"""The name of the recorded line that is said in each turn."""
UNPREPARED: Mapping[str, str] = {"GUESSES": "off", "INTERIM_TRANSCRIPTS": "off"}
"""Settings with which the bot begins to work only when the words are over. Over ``/process_call`` it always does so,
since it gets the whole recording at once.
"""

Turns = Mapping[str, Sequence[float]]
"""How many milliseconds each turn took, by the path of the API that it went over."""


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run)


async def _run(run: Run) -> Report:
    arguments = run.arguments
    words = await asyncio.to_thread(spoken_line, LINE)
    with Progress(console=run.console, transient=True) as bars:
        bar = bars.add_task("Turns", total=arguments.turns)
        turns = await measure(
            run.folder, words, arguments.turns, lambda: bars.advance(bar), {} if arguments.prepared else UNPREPARED
        )
    figures = {"machine": run.machine, "prepared": arguments.prepared, "ms": turns}
    return Report(lambda console: _show(turns, console), verdicts(turns), figures)


async def measure(
    folder: Path, words: Sound, count: int, progress: Callable[[], None], settings: Mapping[str, str]
) -> Turns:
    """Have ``count`` turns over each path. Before them, each path has one turn that is not measured.

    Args:
        folder: data and log.
        words: what is said, 48,000 Hz.
        progress: called after each round, which is one turn over each path.
        settings: further settings of the bot.

    Raises:
        MeasurementError: the bot ended, refused a turn, or gave no sound.
    """
    async with _bot(folder, settings) as url, aiohttp.ClientSession() as session:
        ways: list[TurnClient] = [ChatTurns(session, url), RealtimeTurns(session, url), ProcessCallTurns(session, url)]
        for way in ways:
            await way.turn(words)
        measured: dict[str, list[float]] = {way.name: [] for way in ways}
        for _ in range(count):
            with no_collections():
                for way in ways:
                    measured[way.name].append(await way.turn(words))
            progress()
            # Each round begins with another path.
            ways.append(ways.pop(0))
        return measured


@asynccontextmanager
async def _bot(folder: Path, settings: Mapping[str, str]) -> AsyncIterator[str]:
    """Run the bot, without Discord, while the block runs. Returns the address of its page."""
    model = StandInModel(tokens_of(REPLY), first_token=STAND_INS.first_token, rate=STAND_INS.rate)
    async with StandInTranscriber(HEARD, seconds=TRANSCRIPTION) as transcriber, model:
        engines = {"LLM_URL": model.url, "STT_URL": transcriber.url}
        async with talking_bot(folder, STAND_INS, engines | dict(settings)) as bot:
            yield bot.url


def verdicts(turns: Turns) -> list[tuple[str, bool]]:
    """Whether a turn over each of the other paths takes little longer than over ``/ws/chat``, in the median."""
    medians = {name: spread(each).median for name, each in turns.items()}
    chat = medians.pop(ChatTurns.name)
    return [
        (f"{name} takes {taken - chat:+.0f} ms; at most +{MAX_LONGER_MS:.0f} ms", taken - chat <= MAX_LONGER_MS)
        for name, taken in medians.items()
    ]


def _show(turns: Turns, console: Console) -> None:
    table = Table("words to first sound, milliseconds", "turns", "median", "95 %", "longest")
    for name, each in turns.items():
        one = spread(each)
        table.add_row(name, str(len(each)), *(f"{value:.0f}" for value in (one.median, one.p95, one.greatest)))
    console.print(table)


def _parser() -> PlainParser:
    parser = make_parser("api_turns", __doc__)
    parser.add_argument("--turns", type=count, default=20, help="turns over each path")
    parser.add_argument(
        "--prepared",
        action="store_true",
        help="let the bot prepare answers while somebody still speaks; that is possible only over a WebSocket",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Benchmark of speech engines: time to the first sound and speed, by length of clause and number of speakers.

The engines run alone, without the server. XTTS takes as long with random weights as with trained ones, so random
weights show how fast a machine is. Their speech never ends, so a clause is cut off where real speech would end.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.command_line import Report, Run, count, interruptible, make_parser, run
from benchmarks.random_xtts import FULL, TINY, TOKENS_PER_SECOND, Size, make_random_xtts
from benchmarks.statistics import spread
from benchmarks.tts_native import KOKORO, PIPER, NativeEngine, NativeFigures, measure_native
from config.plain_parser import PlainParser
from config.speech_settings import EngineName, Precision, SpeechSettings
from config.types import Device
from tts_server.engines.base import EngineError, SpeechEngine
from tts_server.engines.factory import create_engine
from tts_server.engines.kokoro.factory import create_kokoro
from tts_server.engines.piper.factory import create_piper
from tts_server.engines.xtts.engine import XttsEngine
from tts_server.voices.profile import VoiceProfile
from wire.parameters import SpeechParameters

CLAUSES = (
    "Well, of course.",
    "The train leaves at nine from the old station.",
    "If it rains, we take the bus instead, and if the bus is late, we walk along the river until we are there.",
)
AT_ONCE = (1, 2)
CHARACTERS_PER_SECOND = 15
CARD_FIRST_AUDIO, CARD_REAL_TIME_FACTOR, ESPEAK_FIRST_AUDIO = 0.2, 0.3, 0.01
WIDTH = 125


@dataclass(frozen=True, slots=True)
class Spoken:
    """The result for one engine, one clause and one number of speakers. Times are medians in seconds.

    Attributes:
        weights: the weights' name.
        place: the processor or GPU that computed.
        characters: the length of the clause.
        at_once: the number of speakers.
        first_audio: from the request to the first sound, with the wait for the engine.
        real_time_factor: the engine's time for a clause, divided by the length of its sound.
    """

    engine: str
    weights: str
    place: str
    characters: int
    at_once: int
    first_audio: float
    first_audio_p95: float
    real_time_factor: float


@dataclass(frozen=True, slots=True)
class Contestant:
    """A loaded engine with its weights and processor. ``endless``: its clauses have to be cut off."""

    engine: SpeechEngine
    weights: str
    place: str
    endless: bool


class _NoClones:
    """A voice library without cloned voices."""

    def all(self) -> Sequence[VoiceProfile]:
        return ()

    def get(self, voice: str) -> VoiceProfile | None:
        return None


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, EngineError, min_width=WIDTH)


def _run(run: Run) -> Report:
    results: list[Spoken] = []
    for contestant in _contestants(run.arguments, run.folder, run.console):
        with closing(contestant.engine):
            results += measure(contestant, run.arguments.repeats)
    piper = _measure(create_piper(run.arguments.piper, {}, None), run.arguments) if run.arguments.piper else None
    kokoro = _measure(create_kokoro(run.arguments.kokoro, {}, None), run.arguments) if run.arguments.kokoro else None
    verdicts = _verdicts(results)
    verdicts |= (piper.verdicts(PIPER) if piper else {}) | (kokoro.verdicts(KOKORO) if kokoro else {})

    def show(console: Console) -> None:
        console.print(_table(results, run.machine))
        for figures in filter(None, (piper, kokoro)):
            for line in figures.lines():
                console.print(line)

    figures = {
        "machine": run.machine,
        "spoken": [asdict(result) for result in results],
        "piper": asdict(piper) if piper else None,
        "kokoro": asdict(kokoro) if kokoro else None,
        "verdicts": verdicts,
    }
    return Report(show, verdicts.items(), figures)


def measure(contestant: Contestant, repeats: int) -> list[Spoken]:
    """Measure every clause with every number of speakers. Each speaker repeats it ``repeats`` times."""
    results = []
    for clause in CLAUSES:
        for at_once in AT_ONCE:
            times = _speak_at_once(contestant, clause, at_once, repeats)
            first = spread([first for first, _ in times])
            factor = spread([factor for _, factor in times]).median
            results.append(
                Spoken(
                    contestant.engine.name,
                    contestant.weights,
                    contestant.place,
                    len(clause),
                    at_once,
                    first.median,
                    first.p95,
                    factor,
                )
            )
    return results


def _speak_at_once(contestant: Contestant, clause: str, at_once: int, repeats: int) -> list[tuple[float, float]]:
    """First audio and real-time factor of each repetition. Speakers take turns after each clause, as in the server."""
    with (
        ThreadPoolExecutor(contestant.engine.concurrency) as turns,
        ThreadPoolExecutor(at_once) as speakers,
    ):

        def speak_over_and_over() -> list[tuple[float, float]]:
            return [turns.submit(_speak, contestant, clause, time.perf_counter()).result() for _ in range(repeats)]

        waiting = [speakers.submit(speak_over_and_over) for _ in range(at_once)]
        return [times for speaker in waiting for times in speaker.result()]


def _speak(contestant: Contestant, clause: str, asked: float) -> tuple[float, float]:
    engine = contestant.engine
    wanted = len(clause) / CHARACTERS_PER_SECOND if contestant.endless else float("inf")
    began, first, audio = time.perf_counter(), 0.0, 0.0
    pieces = engine.synthesize(clause, engine.resolve(None, "en"), SpeechParameters(), threading.Event())
    with closing(pieces):
        for piece in pieces:
            first = first or time.perf_counter() - asked
            audio += piece.size / engine.sample_rate
            if audio >= wanted:
                break
        took = time.perf_counter() - began
    return first, took / audio


def _contestants(arguments: argparse.Namespace, folder: Path, console: Console) -> Iterator[Contestant]:
    """Yield the engines. Each is made after the one before is closed, so that they never share memory."""
    espeak = create_engine(EngineName.ESPEAK, SpeechSettings.read(), _NoClones(), None)
    yield Contestant(espeak, "its own", "the processor", endless=False)
    if arguments.piper is not None:
        piper = create_piper(arguments.piper, {}, None)
        yield Contestant(piper, piper.resolve(None, None).name, "the processor", endless=False)
    if arguments.kokoro is not None:
        kokoro = create_kokoro(arguments.kokoro, {}, None)
        yield Contestant(kokoro, kokoro.resolve(None, None).name, "the processor", endless=False)
    sizes: dict[str, Size] = {}
    if arguments.xtts_tiny:
        sizes["random, tiny"] = TINY
    if arguments.xtts_full:
        sizes["random, full size"] = FULL
    longest = max(map(len, CLAUSES)) / CHARACTERS_PER_SECOND
    for weights, size in sizes.items():
        console.print(f"Making weights for XTTS v2: {weights} …")
        make_random_xtts(folder / weights, size, tokens=round(2 * longest * TOKENS_PER_SECOND))
        yield _load_xtts(arguments, folder / weights, folder, weights, console, endless=True)
    if arguments.xtts is not None:
        yield _load_xtts(arguments, arguments.xtts, folder, f"{arguments.xtts.name}, real", console, endless=False)


def _measure(engine: NativeEngine, arguments: argparse.Namespace) -> NativeFigures:
    with closing(engine):
        return asyncio.run(interruptible(measure_native(engine, arguments.ears, arguments.clauses, arguments.stops)))


def _load_xtts(
    arguments: argparse.Namespace, model: Path, folder: Path, weights: str, console: Console, *, endless: bool
) -> Contestant:
    engine = XttsEngine(
        model,
        _NoClones(),
        arguments.device,
        arguments.precision,
        arguments.deepspeed,
        folder / f"{weights} cache",
    )
    began = time.perf_counter()
    try:
        engine.load(lambda progress: None)
    except EngineError:
        engine.close()
        raise
    console.print(f"XTTS v2 ({weights}) loaded in {time.perf_counter() - began:.1f} s, on {engine.device}")
    return Contestant(engine, weights, str(engine.device), endless)


def _table(results: Sequence[Spoken], machine: dict[str, str]) -> Table:
    table = Table(title=f"Speaking one clause · {machine['processor']}, revision {machine['revision']}")
    for column in ("engine and weights", "on"):
        table.add_column(column, no_wrap=True)
    for column in ("characters", "at once", "first audio, ms", "p95", "real-time factor"):
        table.add_column(column, justify="right")
    for result in results:
        table.add_row(
            f"{result.engine}, {result.weights}",
            result.place,
            str(result.characters),
            str(result.at_once),
            f"{1000 * result.first_audio:.1f}",
            f"{1000 * result.first_audio_p95:.1f}",
            f"{result.real_time_factor:.3f}",
        )
    return table


def _verdicts(results: Sequence[Spoken]) -> dict[str, bool]:
    """All targets, each with whether it was met. Those for a graphics card are included only if one was used."""
    alone = [result for result in results if result.at_once == 1]
    espeak = [result for result in alone if result.engine == "espeak-ng"]
    card = [result for result in alone if "tiny" not in result.weights and "processor" not in result.place]
    verdicts = {"espeak-ng: first audio within 10 ms": max(r.first_audio for r in espeak) <= ESPEAK_FIRST_AUDIO}
    if card:
        soon = max(result.first_audio for result in card) <= CARD_FIRST_AUDIO
        fast = max(result.real_time_factor for result in card) <= CARD_REAL_TIME_FACTOR
        verdicts |= {"a card: first audio within 200 ms": soon, "a card: real-time factor of 0.3 or less": fast}
    return verdicts


def _parser() -> PlainParser:
    parser = make_parser("tts", __doc__)
    parser.add_argument("--repeats", type=count, default=5, help="repetitions of each clause by each speaker")
    parser.add_argument("--xtts-tiny", action="store_true", help="XTTS with a tiny language model, random weights")
    parser.add_argument("--xtts-full", action="store_true", help="XTTS at full size, random weights: 2 GB of disk")
    parser.add_argument("--xtts", type=Path, metavar="FOLDER", help="XTTS with the weights in this folder")
    parser.add_argument("--device", type=Device, choices=list(Device), default=Device.AUTO)
    parser.add_argument("--precision", type=Precision, choices=list(Precision), default=Precision.AUTO)
    parser.add_argument("--deepspeed", action="store_true")
    parser.add_argument("--piper", type=Path, metavar="VOICE", help="Piper with this voice, or one in this folder")
    parser.add_argument("--kokoro", type=Path, metavar="FOLDER", help="Kokoro with the weights in this folder")
    parser.add_argument("--ears", type=Path, metavar="FOLDER", help="a Whisper model that works while engines speak")
    parser.add_argument(
        "--clauses",
        type=count,
        default=50,
        help="clauses that Piper and Kokoro say, with Whisper idle and at work",
    )
    parser.add_argument("--stops", type=count, default=200, help="number of times that Piper and Kokoro are stopped")
    return parser


if __name__ == "__main__":
    sys.exit(main())

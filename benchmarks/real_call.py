"""Benchmark of a call with real engines: three people with natural voices talk to the bot.

First all three speak at once, through Opus and Discord's encryption. The bot only transcribes, and the word error rate
is measured. Then they talk with the bot one after the other. The time from the last voiced sample to the reply's first
packet is measured, for each kind of microphone and each stage of the reply. With ``--telephone``, their sound has come
over a telephone before it reaches Discord.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from audio.g711 import Law
from benchmarks.command_line import Report, Run, count, make_parser, run, setting
from benchmarks.real_call_measurement import (
    AnsweredTurn,
    GuestUtterance,
    HeardUtterance,
    RealCall,
    divided_by_microphone,
)
from benchmarks.speakers.bank import bank
from benchmarks.speakers.natural import NaturalSpeech
from benchmarks.speakers.recorded import read_sentence, recorded_sentences
from benchmarks.speakers.weights import SpeakersError, kokoro_files
from benchmarks.statistics import spread
from benchmarks.telephone import add_telephone, over_telephone
from benchmarks.turn_measurement import PEOPLE
from bot.voice.metrics import STAGES
from config.plain_parser import PlainParser
from config.settings import load_settings
from sandbox.voice.opus import Sound
from sandbox.word_errors import NO_WORDS, WordErrors, word_errors

MIN_CONSOLE_WIDTH = 110
RECORDED = "recorded"
"""The name that stands for the speaker of each recording of real people."""
LONGEST = 15.0
"""Length of the longest recording that is used, in seconds."""


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, SpeakersError, min_width=MIN_CONSOLE_WIDTH)


async def _run(run: Run) -> Report:
    heard, answered = await _measure(run.arguments, run.folder, run.console)
    figures = {
        "machine": run.machine,
        "heard": [_as_json(one) for one in heard],
        "answered": [asdict(one) for one in answered],
    }
    return Report(lambda console: _report(heard, answered, console), figures=figures)


async def _measure(
    arguments: argparse.Namespace, folder: Path, console: Console
) -> tuple[list[HeardUtterance], list[AnsweredTurn]]:
    said = await asyncio.to_thread(_utterances, arguments, console)
    settings = {"PROFILE": "embedded", "WEIGHTS": "real", **dict(arguments.set)}
    talk = [one for one in said if one.speaker != RECORDED and one.text.endswith("?")]
    async with RealCall(folder, settings) as call:
        with _bar(console, "Heard", len(said)) as advance:
            heard = await call.transcribe(divided_by_microphone(said), advance)
        answered: list[AnsweredTurn] = []
        with _bar(console, "Answered", arguments.turns * len(PEOPLE)) as advance:
            for number, kind in enumerate(PEOPLE):
                answered += await call.converse(kind, talk[number :: len(PEOPLE)][: arguments.turns], advance)
    return heard, answered


def _utterances(arguments: argparse.Namespace, console: Console) -> list[GuestUtterance]:
    cache = load_settings().cache_dir
    speech = NaturalSpeech(kokoro_files(cache / "kokoro"), cache / "speech")
    said = []
    with _bar(console, "Speech, synthesised once", arguments.utterances) as advance:
        for line in bank()[: arguments.utterances]:
            said.append(GuestUtterance(line.text, line.speaker, _sent(speech.say(line), arguments.telephone)))
            advance()
    if arguments.recorded:
        for recording in recorded_sentences(cache / "debian"):
            sound = read_sentence(recording)
            if len(sound) <= LONGEST * 48_000:
                said.append(GuestUtterance(recording.text, RECORDED, _sent(sound, arguments.telephone)))
    return said


def _sent(sound: Sound, law: Law | None) -> Sound:
    return sound if law is None else over_telephone(sound, law)


def _report(heard: Sequence[HeardUtterance], answered: Sequence[AnsweredTurn], console: Console) -> None:
    for one in heard:
        if word_errors(one.text, one.heard).errors:
            console.print(f"{one.speaker}: {one.text}  ->  {' / '.join(one.parts) or 'nothing'}", markup=False)
    console.print(_words_table(heard))
    if answered:
        console.print(_times_table(answered))


def _words_table(heard: Sequence[HeardUtterance]) -> Table:
    table = Table("who", "utterances", "words", "errors", "word error rate", "in more than one part", "not heard")
    natural = [one for one in heard if one.speaker != RECORDED]
    groups = {
        "natural voices": natural,
        **{f"  {kind}": [one for one in natural if one.microphone == kind] for kind in PEOPLE},
        "recorded people": [one for one in heard if one.speaker == RECORDED],
    }
    for name, group in groups.items():
        if group:
            errors = sum((word_errors(one.text, one.heard) for one in group), NO_WORDS)
            table.add_row(name, str(len(group)), *_counted(errors), *map(str, _divided_and_unheard(group)))
    return table


def _counted(errors: WordErrors) -> tuple[str, str, str]:
    return str(errors.words), str(errors.errors), f"{errors.percent:.1f} %"


def _divided_and_unheard(group: Sequence[HeardUtterance]) -> tuple[int, int]:
    return sum(len(one.parts) > 1 for one in group), sum(not one.parts for one in group)


def _times_table(answered: Sequence[AnsweredTurn]) -> Table:
    table = Table("milliseconds, median / 95 %", *PEOPLE)
    by_kind = {kind: [turn for turn in answered if turn.microphone == kind] for kind in PEOPLE}
    table.add_row(
        "last voiced sample to first packet",
        *(_spread([1000 * turn.first_packet for turn in turns]) for turns in by_kind.values()),
    )
    for stage, name in STAGES.items():
        if stage != "last_packet":
            table.add_row(f"  {name}", *(_spread(_stage(turns, stage)) for turns in by_kind.values()))
    table.add_row("underruns", *(str(sum(turn.trace.underruns for turn in turns)) for turns in by_kind.values()))
    table.add_row("turns", *(str(len(turns)) for turns in by_kind.values()))
    return table


def _stage(turns: Sequence[AnsweredTurn], stage: str) -> list[float]:
    return [value for turn in turns if (value := getattr(turn.trace, stage)) is not None]


def _spread(values: Sequence[float]) -> str:
    return spread(values).median_and_p95 if values else "–"


def _as_json(one: HeardUtterance) -> dict[str, object]:
    errors = word_errors(one.text, one.heard)
    return {**asdict(one), "heard": one.heard, "errors": errors.errors, "words": errors.words}


@contextmanager
def _bar(console: Console, what: str, total: int) -> Iterator[Callable[[], None]]:
    with Progress(console=console, transient=True) as progress:
        bar = progress.add_task(what, total=total)
        yield lambda: progress.advance(bar)


def _parser() -> PlainParser:
    parser = make_parser("real_call", __doc__)
    parser.add_argument(
        "--utterances",
        type=count,
        default=200,
        help="number of sentences that are said for the word error rate, at most 200",
    )
    parser.add_argument("--recorded", action="store_true", help="also use recorded people (Debian's announcements)")
    add_telephone(parser)
    parser.add_argument("--turns", type=int, default=10, help="answered turns of each microphone; 0 for none")
    parser.add_argument(
        "--set",
        type=setting,
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="another setting of the bot's, such as LLM_URL",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Benchmark of the bot's name: is it heard at the beginning of a turn, and only where it was said?

Natural voices say each sentence twice: with a name before it, and without a name. Whisper has the name as a hot word.
The quick model for English takes no hot words. It puts the name before its text if the sound makes that likely enough
(:mod:`bot.voice.transcribe.moonshine`). The sounds reach the models directly, without Opus, after the interim
transcripts of the same turn.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr
from rich.console import Console
from rich.progress import track
from rich.table import Table

from audio.samples import HEARING_RATE, Sound16
from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.ears import INTERIM_STEP
from benchmarks.speakers.bank import bank
from benchmarks.speakers.natural import NaturalSpeech, SpeakerLine
from benchmarks.speakers.weights import SpeakersError, kokoro_files
from benchmarks.statistics import Spread, spread
from benchmarks.whisper import open_english_first
from bot.voice.transcribe.english_first import ENGLISH
from bot.voice.transcribe.recogniser import SoundRecogniser
from bot.voice.utterances.names import Names
from config.plain_parser import PlainParser
from config.settings import load_settings
from sandbox.voice.opus import SAMPLE_RATE
from sandbox.word_errors import NO_WORDS, word_errors

NAMES = ("Seiyuu", "Luna", "Aria", "Miku", "Max")
"""The bot's names, in turn. The first is the usual persona's; the others have fewer tokens, down to one."""
FORMS = ("{name}, {words}", "Hey {name}, {words}")


@dataclass(frozen=True, slots=True)
class NamingTurn:
    """A turn that begins with the bot's name, or the same sentence without it. The sound has a rate of 16,000 Hz."""

    text: str
    name: str
    sound: Sound16
    called: bool


@dataclass(frozen=True, slots=True)
class NameFigures:
    """What one recogniser made of the turns.

    Attributes:
        called: turns that begin with the name.
        heard: the number of these turns whose transcript begins with the name, spelt as the bot's name is.
        false: turns without a name whose transcript begins with one all the same.
        percent: the word error rate of the turns with a name.
        ms: the time of a turn with a name, in milliseconds.
    """

    recogniser: str
    called: int
    heard: int
    false: int
    percent: float
    ms: Spread


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, SpeakersError)


def _run(run: Run) -> Report:
    arguments = run.arguments
    cache = load_settings().cache_dir
    calls = _calls(arguments.sentences, cache)
    weights = cache / "weights"
    whisper, english = open_english_first(weights / "moonshine-base", weights / "whisper-base", 1)
    found = [
        _measure("whisper-base", whisper, calls, run.console),
        _measure("moonshine-base before whisper-base", english, calls, run.console),
    ]
    return Report(
        lambda console: _print(found, console),
        (),
        {"machine": run.machine, "names": [asdict(one) for one in found]},
    )


def _calls(sentences: int, cache: Path) -> list[NamingTurn]:
    speech = NaturalSpeech(kokoro_files(cache / "kokoro"), cache / "speech")
    calls = []
    for number, line in enumerate(bank()[:sentences]):
        name, form = NAMES[number % len(NAMES)], FORMS[number // len(NAMES) % len(FORMS)]
        words = line.text if line.text.startswith("I ") else line.text[0].lower() + line.text[1:]
        for text in (form.format(name=name, words=words), line.text):
            sound = soxr.resample(speech.say(SpeakerLine(line.speaker, text)), SAMPLE_RATE, HEARING_RATE)
            calls.append(NamingTurn(text, name, np.asarray(sound, np.float32), text != line.text))
    return calls


def _measure(label: str, recogniser: SoundRecogniser, calls: Sequence[NamingTurn], console: Console) -> NameFigures:
    errors, times, heard, false = NO_WORDS, [], 0, 0
    recogniser.transcribe(calls[0].sound, calls[0].name, ENGLISH)
    for call in track(calls, label, console=console, transient=True):
        for end in range(INTERIM_STEP, len(call.sound), INTERIM_STEP):
            recogniser.transcribe(call.sound[:end], call.name, ENGLISH, once=True)
        began = time.perf_counter()
        found = recogniser.transcribe(call.sound, call.name, ENGLISH)
        took = 1000 * (time.perf_counter() - began)
        text = " ".join(segment.text for segment in found.segments)
        if call.called:
            heard += call.name in text.split(",")[0].split() or call.name in text.split()[:2]
            errors += word_errors(call.text, text, ENGLISH)
            times.append(took)
        else:
            false += Names([call.name]).called_first(text)
    called = sum(call.called for call in calls)
    return NameFigures(label, called, heard, false, errors.percent, spread(times))


def _print(found: Sequence[NameFigures], console: Console) -> None:
    table = Table("recogniser", "called", "heard", "false", "errors %", "ms median", "95 %")
    for one in found:
        figures = (one.called, one.heard, one.false, f"{one.percent:.1f}", f"{one.ms.median:.0f}", f"{one.ms.p95:.0f}")
        table.add_row(one.recogniser, *map(str, figures))
    console.print(table)


def _parser() -> PlainParser:
    parser = make_parser("names", __doc__)
    parser.add_argument("--sentences", type=count, default=50, help="number of sentences that are said, at most 200")
    return parser


if __name__ == "__main__":
    sys.exit(main())

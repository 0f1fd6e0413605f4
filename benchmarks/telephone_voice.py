"""Benchmark of the bot's voice on a telephone: whether its words are understood there as well as at full band.

The bot's voice, Piper, says the sentences of the bank. The bot encodes its sound as G.711, as in a phone call. The
network passes only the frequencies from 300 to 3,400 Hz, and encodes them as G.711 once more. Whisper hears the sound
at full band, and as it comes out of the network.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import soxr
from rich.console import Console
from rich.progress import track
from rich.table import Table

from audio.encoders import write_audio_file
from audio.g711 import Law, encode_g711
from audio.narrow_band import ToTelephone
from audio.pcm import to_int16
from audio.samples import HEARING_RATE, Samples, Sound16
from audio.telephony import TELEPHONE_RATE
from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.speakers.bank import SENTENCES_FILE
from benchmarks.telephone import decoded, in_frames, through_telephone
from benchmarks.whisper import open_whisper
from bot.voice.transcribe.recogniser import SHORT_CONTEXT, Recogniser
from config.plain_parser import PlainParser
from config.settings import load_settings
from sandbox.voice.opus import SAMPLE_RATE, Sound
from sandbox.word_errors import NO_WORDS, word_errors
from tts_server.engines.base import EngineError
from tts_server.engines.piper.factory import create_piper
from wire.parameters import SpeechParameters

MAX_MORE_ERRORS = 2.0
"""On a telephone, at most this many percentage points more words may be misunderstood."""
FULL_BAND = "full band"
LAWS: Sequence[Law] = ("alaw", "ulaw")


@dataclass(frozen=True, slots=True)
class Understood:
    """The word error rate of the bot's words at full band, or with one law of G.711."""

    way: str
    words: int
    errors: int
    percent: float


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, EngineError)


def _run(run: Run) -> Report:
    arguments, weights = run.arguments, load_settings().cache_dir / "weights"
    recogniser = Recogniser(open_whisper(weights / "whisper-base"), "en", "int8", SHORT_CONTEXT)
    texts = SENTENCES_FILE.read_text(encoding="utf-8").splitlines()[: arguments.sentences]
    sounds = list(
        track(
            _spoken(texts, arguments.piper or weights / "piper-joe"),
            "speaking",
            len(texts),
            console=run.console,
            transient=True,
        )
    )
    ways: Mapping[str, Callable[[Sound], Sound16]] = {
        FULL_BAND: _at_full_band,
        **{law: partial(as_heard_by_caller, law=law) for law in LAWS},
    }
    rows = []
    for name, way in ways.items():
        errors = NO_WORDS
        for text, sound in track(list(zip(texts, sounds, strict=True)), name, console=run.console, transient=True):
            found = recogniser.transcribe(way(sound))
            errors += word_errors(text, " ".join(segment.text for segment in found.segments), "en")
        rows.append(Understood(name, errors.words, errors.errors, errors.percent))
    if arguments.sounds is not None:
        _write(sounds[0], ways, arguments.sounds)
    return Report(
        lambda console: _print(rows, console),
        verdicts(rows),
        {"machine": run.machine, "rows": [asdict(row) for row in rows]},
    )


def as_heard_by_caller(sound: Sound, law: Law) -> Sound16:
    """What a caller hears, at 16,000 Hz, of the bot's sound at 48,000 Hz."""
    sent = encode_g711(to_int16(ToTelephone().convert(in_frames(sound))), law)
    in_network = soxr.resample(decoded(sent, law), TELEPHONE_RATE, SAMPLE_RATE)
    return through_telephone(np.asarray(in_network, np.float32), law)


def verdicts(rows: Sequence[Understood]) -> list[tuple[str, bool]]:
    """The target for each law."""
    (full,) = (row for row in rows if row.way == FULL_BAND)
    return [
        (
            f"{row.way}: at most {MAX_MORE_ERRORS:g} points more word errors than at full band",
            row.percent <= full.percent + MAX_MORE_ERRORS,
        )
        for row in rows
        if row is not full
    ]


def _spoken(texts: Sequence[str], voice: Path) -> Iterator[Sound]:
    """The texts in the bot's voice."""
    with closing(create_piper(voice, {}, None)) as engine:
        for text in texts:
            with closing(
                engine.synthesize(text, engine.resolve(None, "en"), SpeechParameters(), threading.Event())
            ) as pieces:
                sound: Samples = np.concatenate(list(pieces))
            yield np.asarray(soxr.resample(sound, engine.sample_rate, SAMPLE_RATE), np.float32)


def _at_full_band(sound: Sound) -> Sound16:
    return np.asarray(soxr.resample(sound, SAMPLE_RATE, HEARING_RATE), np.float32)


def _write(sound: Sound, ways: Mapping[str, Callable[[Sound], Sound16]], folder: Path) -> None:
    """Write the first sentence as it is heard in each way, for people to listen to."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, way in ways.items():
        write_audio_file(folder / f"{name.replace(' ', '_')}.flac", way(sound), HEARING_RATE, "flac")


def _print(rows: Sequence[Understood], console: Console) -> None:
    table = Table("the bot's voice", "words", "errors", "rate")
    for row in rows:
        table.add_row(row.way, str(row.words), str(row.errors), f"{row.percent:.2f} %")
    console.print(table)


def _parser() -> PlainParser:
    parser = make_parser("telephone_voice", __doc__)
    parser.add_argument("--sentences", type=count, default=100, help="number of sentences that are said, at most 100")
    parser.add_argument("--piper", type=Path, metavar="VOICE", help="another voice of Piper's, or a folder with one")
    parser.add_argument("--sounds", type=Path, metavar="FOLDER", help="write the first sentence as it is heard")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Benchmark of words over music: the word error rate of people whose loudspeakers play the bot's music.

Natural voices speak short turns into a microphone that also hears the music, 200 ms late, in a room. The music is 10 dB
weaker there than it was sent. 0.44 s after the words begin, the bot turns the music down by another 12 dB. It notices
words over music only after that time, as ``benchmarks.echo --music`` has measured. Whisper hears the same turns without
music, with music, and with music in which somebody else speaks. All of them go through Opus.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np
import soxr
from rich.console import Console
from rich.progress import track
from rich.table import Table

from audio.level import at_level
from audio.samples import HEARING_RATE, Sound16
from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.ears import Turn, short_turns
from benchmarks.echo_music import DELAY, MUSIC_LEVEL, WEAKER_DB
from benchmarks.echo_room import Room, through_opus
from benchmarks.speakers.weights import SpeakersError
from benchmarks.whisper import open_whisper
from bot.voice.transcribe.recogniser import SHORT_CONTEXT, Recogniser
from config.plain_parser import PlainParser
from config.settings import load_settings
from sandbox.speech_sounds import music
from sandbox.voice.opus import SAMPLE_RATE, Sound
from sandbox.word_errors import NO_WORDS, WordErrors, word_errors

MAX_PERCENT = 8.0
NOTICED = 0.44
"""Seconds from a person's first word until the bot turns the music down."""
DUCK_DB = 12.0
VOICE_LEVEL = 0.5
"""Level of the voice in the music, as a share of the music's."""
WITHOUT, MUSIC, SONG = "no music", "music", "music with a voice"


@dataclass(frozen=True, slots=True)
class OverMusic:
    """The word error rate with one kind and volume of music."""

    kind: str
    volume: int
    words: int
    errors: int
    percent: float


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, SpeakersError)


def _run(run: Run) -> Report:
    arguments, cache = run.arguments, load_settings().cache_dir
    whisper = Recogniser(open_whisper(cache / "weights" / "whisper-base"), "en", "int8", SHORT_CONTEXT)
    turns = short_turns(arguments.utterances, cache, recorded=arguments.recorded)
    conditions = [(WITHOUT, 0)] + [(kind, volume) for volume in arguments.volumes for kind in (MUSIC, SONG)]
    rows = []
    for kind, volume in conditions:
        errors: WordErrors = NO_WORDS
        sounds = _microphone(turns, kind, volume / 100, arguments.seed)
        named = track(zip(turns, sounds, strict=True), kind, len(turns), console=run.console, transient=True)
        for turn, sound in named:
            found = whisper.transcribe(sound)
            errors += word_errors(turn.text, " ".join(segment.text for segment in found.segments), "en")
        rows.append(OverMusic(kind, volume, errors.words, errors.errors, errors.percent))
    verdicts = [
        (f"{row.kind}, volume {row.volume} %: at most {MAX_PERCENT:g} % word errors", row.percent <= MAX_PERCENT)
        for row in rows
        if row.kind != WITHOUT
    ]
    figures = {"machine": run.machine, "rows": [asdict(row) for row in rows], "seed": arguments.seed}
    return Report(lambda console: _print(rows, console), verdicts, figures)


def _microphone(turns: list[Turn], kind: str, volume: float, seed: int) -> Iterator[Sound16]:
    """What the microphone hears of each turn. The music of a turn is the same in each condition."""
    for number, turn in enumerate(turns):
        random = np.random.default_rng([seed, number])
        words = np.asarray(soxr.resample(turn.sound, HEARING_RATE, SAMPLE_RATE), np.float32)
        length = len(words)
        if kind != WITHOUT:
            sent = at_level(music(length / SAMPLE_RATE + 1, seed=number), MUSIC_LEVEL)
            if kind == SONG:
                voice = np.asarray(soxr.resample(turns[number - 1].sound, HEARING_RATE, SAMPLE_RATE), np.float32)
                voice = at_level(voice, VOICE_LEVEL * MUSIC_LEVEL)
                sent = at_level(sent + np.resize(voice, len(sent)), MUSIC_LEVEL)
            words = words + _echo(sent * np.float32(volume), random)[-length:]
        whole = np.pad(words, (0, -length % 960 + 960))
        yield np.asarray(soxr.resample(through_opus(whole)[:length], SAMPLE_RATE, HEARING_RATE), np.float32)


def _echo(sent: Sound, random: np.random.Generator) -> Sound:
    """The music in the microphone: one second before the words begin, and while they are said."""
    room = replace(Room.draw(random), delay=DELAY)
    echo = room.echo(sent, random) * np.float32(10 ** (-WEAKER_DB / 20))
    turned_down = round((1 + NOTICED + DELAY) * SAMPLE_RATE)
    echo[turned_down:] *= np.float32(10 ** (-DUCK_DB / 20))
    return echo


def _print(rows: list[OverMusic], console: Console) -> None:
    table = Table("music", "volume", "words", "errors", "rate")
    for row in rows:
        table.add_row(row.kind, f"{row.volume} %", str(row.words), str(row.errors), f"{row.percent:.2f} %")
    console.print(table)


def _parser() -> PlainParser:
    parser = make_parser("words_over_music", __doc__)
    parser.add_argument("--utterances", type=count, default=100, help="number of sentences that are said, at most 200")
    parser.add_argument("--recorded", action="store_true", help="also use recorded people (Debian's announcements)")
    parser.add_argument("--volumes", type=count, nargs="+", default=[30, 100], metavar="PERCENT")
    parser.add_argument("--seed", type=int, default=1, help="seed of rooms and music")
    return parser


if __name__ == "__main__":
    sys.exit(main())

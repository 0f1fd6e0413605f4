"""Benchmark of echo detection: how often the bot's echo and other people's speech are recognised, and how fast.

The bot's speech comes back through Opus, a loudspeaker, a room, a microphone and perhaps a poor echo canceller, 80 to
600 ms late. People speak into microphones of their own, also while the bot speaks. All speech is espeak-ng's. A new
detector decides about each sound, so that it knows nothing of the person. With --telephone, the bot's speech and the
microphone's sound go over a telephone in place of Opus; this measures no music and no replies.

With --music it measures music instead: the turns that its echo makes, and the sentences over it that are heard. With
--replies it measures the bot's replies over music: how often their own echo pauses them, and how soon they pause when a
person speaks.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
from rich.console import Console
from rich.progress import track
from rich.table import Table

from audio.samples import HEARING_RATE, Sound16
from benchmarks.command_line import Report, Run, make_parser, run
from benchmarks.echo_music import SHORT_WORDS, SHORT_WORDS_EVERY, listen, make_music_scene
from benchmarks.echo_reply import MUSIC_KINDS, ReplyRow, espeak_voices, measure_replies, natural_voices
from benchmarks.echo_room import Through, through_opus
from benchmarks.echo_scenes import Scene, make_scene, persons_stretch, stretches
from benchmarks.end_of_turn_speech import Espeak
from benchmarks.speakers.weights import SpeakersError
from benchmarks.statistics import Spread, spread
from benchmarks.telephone import add_telephone, over_telephone
from bot.voice.echo.detector import EchoDetector
from bot.voice.turns.turns import load_turn_policy
from config.plain_parser import PlainParser, refuse
from config.settings import load_settings
from sandbox.speech import RepeatableEspeak

PROGRAM = "python -m benchmarks.echo"
FRAME = HEARING_RATE // 50
STRETCHES = (0.13, 0.2, 0.3, 0.4)
"""Lengths of the sounds that the detector decides about, in seconds."""
KINDS = ("echo", "person", "person over an echo", "the bot's own voice, other words")


@dataclass(frozen=True, slots=True)
class Rate:
    """The share of one kind and length of sound that was taken for an echo: ``echoes`` of ``asked``."""

    kind: str
    seconds: float
    asked: int
    echoes: int


@dataclass(frozen=True, slots=True)
class MusicRow:
    """What the bot made of the echo of a piece of music, and of words over it.

    Attributes:
        voice: True if there is a voice in the music.
        seconds: length of the piece.
        began, ended: number of turns that began, and that ended, while nobody spoke.
        sentences, heard: number of sentences that were said over it, and of those that were heard.
        short, short_heard: number of answers of one to three words over it, and of those that were heard.
    """

    voice: bool
    seconds: float
    began: int
    ended: int
    sentences: int
    heard: int
    short: int
    short_heard: int


def answers(scene: Scene, kind: str, seconds: float, random: np.random.Generator) -> Iterator[tuple[bool, float]]:
    """Decide about each stretch of this length; yields whether it counted as an echo, and the milliseconds needed."""
    heard, speech = _sounds(scene, kind)
    for end in stretches(speech, seconds, random):
        begin = end - round(seconds * HEARING_RATE)
        if kind == "person over an echo" and not persons_stretch(scene, begin, end):
            continue
        detector = EchoDetector()
        # The detector keeps less than the five newest seconds.
        for at in range(max(end % FRAME, end - 5 * HEARING_RATE), end - FRAME + 1, FRAME):
            frame = scene.sent[at : at + FRAME]
            if frame.any():
                detector.played(frame, at / HEARING_RATE)
        asked = time.perf_counter()
        echo = detector.is_echo(1, heard[begin:end], end / HEARING_RATE)
        yield echo, 1000 * (time.perf_counter() - asked)


def _sounds(scene: Scene, kind: str) -> tuple[Sound16, Sound16]:
    """The sound at the microphone, and the speech by which its stretches are chosen."""
    match kind:
        case "echo":
            return scene.echo, scene.echo
        case "person":
            return scene.person, scene.person
        case "person over an echo":
            return scene.both, scene.person_alone
        case _:
            return scene.same_voice, scene.same_voice


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, SpeakersError)


def _require_sense(arguments: argparse.Namespace) -> None:
    """Refuse options that would be ignored. Ends the program."""
    if arguments.music and arguments.replies:
        refuse(PROGRAM, "--music and --replies are two measurements: choose one.")
    if arguments.telephone and (arguments.music or arguments.replies):
        refuse(PROGRAM, "--telephone does not go with --music and --replies, which measure calls on Discord.")
    if arguments.natural and not arguments.replies:
        refuse(PROGRAM, "--natural needs --replies.")


def _run(run: Run) -> Report:
    arguments, library = run.arguments, RepeatableEspeak()
    _require_sense(arguments)
    if arguments.music:
        return _music(run, library)
    if arguments.replies:
        return _replies(run, library)
    law = arguments.telephone
    through: Through = through_opus if law is None else partial(over_telephone, law=law)
    found: dict[tuple[str, float], list[bool]] = {}
    took: list[float] = []
    for number in track(range(arguments.scenes), "listening", console=run.console, transient=True):
        scene = make_scene(library, number, arguments.seed, through)
        for kind in KINDS:
            for seconds in STRETCHES:
                random = np.random.default_rng([arguments.seed, number])
                for echo, milliseconds in answers(scene, kind, seconds, random):
                    found.setdefault((kind, seconds), []).append(echo)
                    took.append(milliseconds)
    rates = [Rate(kind, seconds, len(echoes), sum(echoes)) for (kind, seconds), echoes in found.items()]
    return Report(
        lambda console: _print(rates, spread(took), console),
        figures={
            "rates": [asdict(rate) for rate in rates],
            "ms": asdict(spread(took)),
            "seed": arguments.seed,
            "telephone": law,
        },
    )


def _music(run: Run, library: Espeak) -> Report:
    arguments, policy, rows = run.arguments, load_turn_policy(), list[MusicRow]()
    for number in track(range(2 * arguments.pieces), "listening", console=run.console, transient=True):
        sings, seconds = number % 2 == 0, 60 * arguments.music
        make = partial(make_music_scene, library, number // 2, arguments.seed, seconds=seconds, sings=sings)
        scene, short = make(), make(sentences=SHORT_WORDS, every=SHORT_WORDS_EVERY)
        alone = listen(policy, scene, words=False)
        heard, short_heard = (listen(policy, each, words=True).sentences(each) for each in (scene, short))
        spoken = len(scene.spoken), heard, len(short.spoken), short_heard
        rows.append(MusicRow(sings, seconds, alone.started, alone.ended, *spoken))

    def show(console: Console) -> None:
        table = Table(
            "piece",
            "minutes",
            "turns that began",
            "turns that ended",
            "sentences over it that were heard",
            "short words",
        )
        for row in rows:
            kind = "with a voice" if row.voice else "without a voice"
            heard = f"{row.heard} of {row.sentences}", f"{row.short_heard} of {row.short}"
            table.add_row(kind, f"{row.seconds / 60:.1f}", str(row.began), str(row.ended), *heard)
        console.print(table)

    return Report(show, figures={"music": [asdict(row) for row in rows], "seed": arguments.seed})


def _replies(run: Run, library: Espeak) -> Report:
    arguments, policy = run.arguments, load_turn_policy()
    rows: dict[tuple[str, bool], ReplyRow] = {}
    speakers = natural_voices(load_settings().cache_dir) if arguments.natural else espeak_voices(library)
    for number in track(range(arguments.replies), "listening", console=run.console, transient=True):
        for kind in MUSIC_KINDS:
            for loudspeakers in (True, False):
                row = rows.setdefault((kind, loudspeakers), ReplyRow(kind, loudspeakers))
                row.add(*measure_replies(policy, speakers(number), number, arguments.seed, kind, loudspeakers))

    def show(console: Console) -> None:
        table = Table(
            *("music", "echo", "replies", "held by it", "its turns that ended"),
            *("words noticed", "after", "at most", "heard"),
        )
        for row in rows.values():
            noticed = f"{len(row.noticed)} of {row.words}"
            after, most = f"{spread(row.noticed).median:.2f} s", f"{max(row.noticed):.2f} s"
            echo = "loudspeakers" if row.loudspeakers else "none"
            table.add_row(
                *(row.music, echo, str(row.replies), str(row.holds), str(row.turns), noticed, after, most),
                f"{row.heard} of {row.words}",
            )
        console.print(table)

    return Report(show, figures={"replies": [asdict(row) for row in rows.values()], "seed": arguments.seed})


def _print(rates: list[Rate], took: Spread, console: Console) -> None:
    table = Table("taken for an echo", *(f"{seconds * 1000:.0f} ms" for seconds in STRETCHES))
    for kind in KINDS:
        table.add_row(
            kind, *(f"{100 * rate.echoes / rate.asked:.1f} % of {rate.asked}" for rate in rates if rate.kind == kind)
        )
    console.print(table)
    console.print(f"An answer took {took.median:.2f} ms, {took.p95:.2f} at p95, {took.greatest:.2f} at most.")


def _parser() -> PlainParser:
    parser = make_parser("echo", __doc__)
    parser.add_argument("--scenes", type=int, default=24, help="number of scenes, each with a room and voices")
    parser.add_argument("--seed", type=int, default=1, help="seed of rooms, noise and words")
    add_telephone(parser)
    parser.add_argument(
        "--music", type=float, default=0.0, metavar="MINUTES", help="measure music, in pieces of this length"
    )
    parser.add_argument(
        "--replies", type=int, default=0, metavar="SCENES", help="measure four replies a scene, over music"
    )
    parser.add_argument("--natural", action="store_true", help="natural voices in place of espeak-ng's, with --replies")
    parser.add_argument("--pieces", type=int, default=4, help="number of pieces of music with a voice, and without one")
    return parser


if __name__ == "__main__":
    sys.exit(main())

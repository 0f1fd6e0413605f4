"""Benchmark of noise with the real transcriber: minutes of noise and music into three microphones.

The sounds are a fan, keys, breath, coughs, and music without words. The bot must neither answer nor transcribe them.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
from rich.table import Table

from audio.decode import read_sound
from audio.level import at_level
from benchmarks.command_line import BROKEN, Report, Run, count, make_parser, run, setting
from benchmarks.real_call_measurement import RealCall
from benchmarks.speakers.recorded import MUSIC, unpacked
from benchmarks.speakers.weights import SpeakersError
from benchmarks.turn_measurement import PEOPLE
from config.plain_parser import PlainParser
from config.settings import load_settings
from sandbox.speech_sounds import breath, cough, keyboard, music, noise
from sandbox.voice.opus import SAMPLE_RATE, Sound

MIN_CONSOLE_WIDTH = 90
PIECE = 20.0
"""Length of one piece of sound, in seconds."""
MUSIC_LEVEL = 0.1
NOTHING_HEARD = 0


def main() -> int:
    """Run the measurement. The exit status is 1 if the bot recognised words in a sound, or the measurement failed."""
    return run(_parser(), _run, SpeakersError, min_width=MIN_CONSOLE_WIDTH)


async def _run(run: Run) -> Report:
    heard = await _play(run.arguments, run.folder)
    table = Table("sound", "minutes", "taken for words")
    for name, texts in heard.items():
        table.add_row(name, f"{run.arguments.minutes / len(heard):.1f}", " / ".join(texts) or "nothing")
    status = BROKEN if any(heard.values()) else NOTHING_HEARD
    return Report(lambda console: console.print(table), figures={"machine": run.machine, "heard": heard}, status=status)


async def _play(arguments: argparse.Namespace, folder: Path) -> Mapping[str, list[str]]:
    kinds = await asyncio.to_thread(_kinds, load_settings().cache_dir / "debian")
    settings = {"PROFILE": "embedded", "WEIGHTS": "real", **dict(arguments.set)}
    pieces = round(60 * arguments.minutes / len(kinds) / PIECE / len(PEOPLE)) or 1
    heard: dict[str, list[str]] = {}
    async with RealCall(folder, settings) as call:
        for name, make in kinds.items():
            sounds = {
                kind: [make(number * len(PEOPLE) + place) for number in range(pieces)]
                for place, kind in enumerate(PEOPLE)
            }
            heard[name] = await call.reactions_to(sounds)
    return heard


def _kinds(folder: Path) -> dict[str, Callable[[int], Sound]]:
    """The functions that make :data:`PIECE` seconds of each kind of sound, from a seed."""
    tracks = sorted(unpacked(MUSIC, folder).rglob("*.wav"))
    return {
        "a fan in the room": lambda seed: noise(PIECE, seed, level=0.02),
        "keys": lambda seed: keyboard(PIECE, seed),
        "breath": lambda seed: breath(PIECE, seed),
        "coughs": _coughs,
        "synthetic music": lambda seed: music(PIECE, seed),
        "recorded music": lambda seed: _excerpt(tracks[seed % len(tracks)], seed),
    }


def _coughs(seed: int) -> Sound:
    return np.concatenate(list(_spaced(seed)))[: round(PIECE * SAMPLE_RATE)]


def _spaced(seed: int) -> Iterator[Sound]:
    random = np.random.default_rng(seed)
    for number in range(8):
        yield cough(100 * seed + number)
        yield np.zeros(round(random.uniform(1.2, 3.0) * SAMPLE_RATE), np.float32)


def _excerpt(track: Path, seed: int) -> Sound:
    whole = read_sound(track, SAMPLE_RATE)
    begin = (seed * 7 * SAMPLE_RATE) % max(1, len(whole) - round(PIECE * SAMPLE_RATE))
    return at_level(whole[begin : begin + round(PIECE * SAMPLE_RATE)], MUSIC_LEVEL)


def _parser() -> PlainParser:
    parser = make_parser("real_noise", __doc__)
    parser.add_argument("--minutes", type=count, default=20, help="minutes of sound in all, played by three people")
    parser.add_argument(
        "--set", type=setting, action="append", default=[], metavar="NAME=VALUE", help="another setting of the bot's"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Benchmark of the mixer: processor time of the sending thread for a frame of 20 ms, with and without music.

The voice comes from the bot's own playback. Encoding, encryption and sending are not included.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np
from rich.table import Table

from audio.samples import SPEAKING_FRAME
from benchmarks.command_line import Report, Run, make_parser, run
from benchmarks.statistics import Spread, spread
from bot.voice.mixing.levels import to_frame
from bot.voice.mixing.mixer import Mixer
from bot.voice.mixing.stream import Channel, MixedStream
from bot.voice.playback.playback import ReplyPlayback
from config.plain_parser import PlainParser

VOICE = "the voice without a mixer"
CASES = (VOICE, "the voice alone", "music alone", "music under the voice", "music and an effect, limited")
REPLY = "reply"
MAX_SHARE = 0.05
"""Largest share of the 20 ms of a frame that mixing may take."""


@dataclass(frozen=True, slots=True)
class Cost:
    """Processor time of a frame in one case, in microseconds."""

    case: str
    microseconds: Spread


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run)


async def _run(run: Run) -> Report:
    costs = [measure(case, run.arguments.frames) for case in CASES]
    met = all(cost.microseconds.p95 <= MAX_SHARE * 20_000 for cost in costs)
    return Report(
        lambda console: console.print(_table(costs, run.machine)),
        [(f"mixing takes at most {MAX_SHARE:.0%} of a frame's 20 ms (95 of 100 frames)", met)],
        {"machine": run.machine, "frames": run.arguments.frames, "costs": [asdict(cost) for cost in costs]},
    )


def measure(case: str, frames: int) -> Cost:
    """Take frames in one case, and measure each."""
    random = np.random.default_rng(1)
    playback = ReplyPlayback(asyncio.get_running_loop())
    source: ReplyPlayback | Mixer = playback
    if "voice" in case or "limited" in case:
        playback.begin(REPLY)
        playback.write(REPLY, random.uniform(-0.9, 0.9, frames * SPEAKING_FRAME).astype(np.float32))
    if case != VOICE:
        source = Mixer(playback)
        channels = (Channel.MUSIC, Channel.EFFECTS) if "effect" in case else (Channel.MUSIC,)
        for channel in channels if "music" in case else ():
            source.add(_stream(channel, frames, random))
    times = []
    for _ in range(frames):
        began = time.thread_time()
        source.take()
        times.append(1e6 * (time.thread_time() - began))
    return Cost(case, spread(times))


def _stream(channel: Channel, frames: int, random: np.random.Generator) -> MixedStream:
    stream = MixedStream(channel)
    pcm = to_frame(random.uniform(-0.9, 0.9, (SPEAKING_FRAME, 2)).astype(np.float32))
    for _ in range(frames + 1):
        stream.write(pcm)
    return stream


def _table(costs: list[Cost], machine: dict[str, str]) -> Table:
    table = Table(title=f"A frame of 20 ms, µs · {machine['processor']}, revision {machine['revision']}")
    table.add_column("what plays")
    for column in ("median", "p95", "of 20 ms"):
        table.add_column(column, justify="right")
    for cost in costs:
        median, p95 = cost.microseconds.median, cost.microseconds.p95
        table.add_row(cost.case, f"{median:.0f}", f"{p95:.0f}", f"{median / 20_000:.2%}")
    return table


def _parser() -> PlainParser:
    parser = make_parser("mixer", __doc__)
    parser.add_argument("--frames", type=int, default=5_000, help="frames of each case")
    return parser


if __name__ == "__main__":
    sys.exit(main())

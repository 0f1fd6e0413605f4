"""Benchmark of interim transcripts, which show the words of a person who is still speaking.

It measures when words are shown for good, how soon a reply is begun, and how much processor time the transcripts cost.
It also counts the turns in which settled words changed. Settled words are those which the bot expects not to change any
more.

People say sentences, each once with interim transcripts and once without. Turn detection, turn taking, the queue of the
transcriber and the state machine of replies are the bot's own, and the words are real Whisper's. There is no language
model and no speech synthesis: a reply counts as begun when the language model would be asked for it. A reply that is
begun before the turn is over is called a guess. The clock is simulated. Each transcript advances it by the processor
time that Whisper needed. docs/benchmarks.md says more.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from itertools import accumulate
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from audio.samples import Sound16
from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.ears import short_turns
from benchmarks.errors import MeasurementError
from benchmarks.interims_call import HeardTurn, interims_call
from benchmarks.speakers.weights import SpeakersError
from benchmarks.statistics import Spread, spread
from benchmarks.whisper import open_whisper
from bot.text import plain_words
from bot.voice.transcribe.recogniser import Recogniser
from bot.voice.turns.turns import load_turn_policy
from config.plain_parser import PlainParser
from config.settings import load_settings

SHORTEST_TURN = 1.2
"""Length of the shortest turn that is said, in seconds. Shorter ones leave hardly any time for interim transcripts."""
MIN_LEAD = 0.02
"""A reply counts as begun from an interim transcript if it was begun at least this many seconds before the final words
were known."""
MIN_CONSOLE_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of all turns with interim transcripts, or of all turns without them. Times are in milliseconds.

    Attributes:
        turns: number of turns.
        cut_off: number of turns that the bot ended too early. All other figures but ``turns`` leave these turns out.
        interims: average number of interim transcripts in a turn.
        seen_after: from the end of a word until people see it for good, as :func:`seen_after` explains.
        settled_changed: number of turns in which the final words do not begin with the settled words.
        words: from the last voiced sample to the final words.
        words_mean: from the last voiced sample to the final words, on average.
        end_of_turn: from the last voiced sample to the end of the turn.
        reply: from the last voiced sample until a model is asked for the reply that is used.
        reply_mean: from the last voiced sample until a model is asked for the reply that is used, on average.
        early_guesses: number of used replies that were begun from an interim transcript.
        thrown_away: number of replies that were prepared in vain.
        processor: processor time of Whisper, as a share of the time in which somebody speaks.
    """

    turns: int
    cut_off: int
    interims: float
    seen_after: Spread
    settled_changed: int
    words: Spread
    words_mean: float
    end_of_turn: Spread
    reply: Spread
    reply_mean: float
    early_guesses: int
    thrown_away: int
    processor: float


def main() -> int:
    """Run the measurement. The exit status is 0 if it worked, no matter what it found."""
    return run(_parser(), _run, SpeakersError, min_width=MIN_CONSOLE_WIDTH)


async def _run(run: Run) -> Report:
    arguments = run.arguments
    cache = load_settings().cache_dir
    model = arguments.model or cache / "weights" / "whisper-base"
    whisper = open_whisper(model)
    turns = await asyncio.to_thread(short_turns, arguments.utterances, cache, recorded=arguments.recorded)
    sounds = [turn.sound for turn in turns if turn.seconds >= SHORTEST_TURN]
    with Progress(console=run.console, transient=True) as progress:
        heard = await _heard(sounds, Recogniser(whisper, "en", "int8"), arguments.network, progress)
    found = {name: figures(turns) for name, turns in heard.items()}
    same = sum(one.text == other.text for one, other in zip(*heard.values(), strict=True))
    return Report(
        lambda console: _print(found, same, console),
        figures={
            "machine": run.machine,
            "same_text": same,
            **{name: asdict(one) for name, one in found.items()},
        },
    )


async def _heard(
    sounds: Sequence[Sound16], recogniser: Recogniser, network: Path | None, progress: Progress
) -> dict[str, list[HeardTurn]]:
    """All turns, without interim transcripts and with them."""
    policy = await asyncio.to_thread(load_turn_policy, network)
    bar = progress.add_task("speaking", total=2 * len(sounds))
    heard: dict[str, list[HeardTurn]] = {"without": [], "with": []}
    async with AsyncExitStack() as stack:
        calls = {
            name: await stack.enter_async_context(interims_call(policy, recogniser, interims=name == "with"))
            for name in heard
        }
        for sound in sounds:
            for name, call in calls.items():
                heard[name].append(await call.say(sound))
                progress.advance(bar)
    return heard


def figures(turns: Sequence[HeardTurn]) -> Figures:
    """Compute the figures of some turns.

    Raises:
        MeasurementError: the bot ended all of these turns too early.
    """
    whole = [turn for turn in turns if not turn.cut_off]
    if not whole:
        raise MeasurementError("the bot ended every turn too early")
    words, guesses = [1000 * turn.words_at for turn in whole], [1000 * turn.guess_at for turn in whole]
    return Figures(
        turns=len(turns),
        cut_off=len(turns) - len(whole),
        interims=statistics.mean(len(turn.shown) for turn in whole),
        seen_after=spread([1000 * late for turn in whole for late in seen_after(turn)]),
        settled_changed=sum(settled_changed(turn) for turn in whole),
        words=spread(words),
        words_mean=statistics.mean(words),
        end_of_turn=spread([1000 * turn.ended_at for turn in whole]),
        reply=spread(guesses),
        reply_mean=statistics.mean(guesses),
        early_guesses=sum(turn.guess_at < turn.words_at - MIN_LEAD for turn in whole),
        thrown_away=sum(turn.thrown_away for turn in whole),
        processor=sum(turn.processor for turn in whole) / sum(turn.seconds for turn in whole),
    )


def seen_after(turn: HeardTurn) -> list[float]:
    """For each final word, the seconds from its end until people see it for good.

    From then on, neither the word nor a word before it changes. When the turn is over, people see all final words. The
    time at which a word ends is an estimate: all letters of a turn count as equally long.
    """
    words = plain_words(turn.text)
    letters = list(accumulate(map(len, words)))
    ends = [turn.seconds * (done / letters[-1] - 1) for done in letters]
    seen = [max(turn.ended_at, turn.words_at)] * len(words)
    stay = len(words)
    for shown in reversed(turn.shown):
        stay = min(stay, _common_prefix_length(plain_words(shown.text), words))
        seen[:stay] = [shown.at] * stay
    return [at - end for at, end in zip(seen, ends, strict=True)]


def settled_changed(turn: HeardTurn) -> bool:
    """Whether the final words do not begin with all words that were shown as settled."""
    words = plain_words(turn.text)
    return any(_common_prefix_length(settled := plain_words(one.settled), words) < len(settled) for one in turn.shown)


def _common_prefix_length(first: Sequence[str], second: Sequence[str]) -> int:
    """The number of words, from the first one on, that both texts have in common."""
    pairs = zip(first, second, strict=False)
    return next((number for number, (one, other) in enumerate(pairs) if one != other), min(len(first), len(second)))


def _print(found: dict[str, Figures], same: int, console: Console) -> None:
    table = Table("interim transcripts", *found)
    for name, cells in {
        "turns, cut off": [f"{one.turns}, {one.cut_off}" for one in found.values()],
        "interims a turn": [f"{one.interims:.1f}" for one in found.values()],
        "a word is seen after, ms": [one.seen_after.median_and_p95 for one in found.values()],
        "turns whose settled words changed": [str(one.settled_changed) for one in found.values()],
        "final words, ms": [f"{one.words.median_and_p95}, mean {one.words_mean:.0f}" for one in found.values()],
        "end of turn, ms": [one.end_of_turn.median_and_p95 for one in found.values()],
        "the used reply begins, ms": [
            f"{one.reply.median_and_p95}, mean {one.reply_mean:.0f}" for one in found.values()
        ],
        "used replies begun from an interim": [str(one.early_guesses) for one in found.values()],
        "guesses thrown away": [str(one.thrown_away) for one in found.values()],
        "Whisper, share of a core": [f"{100 * one.processor:.0f} %" for one in found.values()],
    }.items():
        table.add_row(name, *cells)
    console.print("Times are median / 95th percentile, from the last voiced sample unless the row says otherwise")
    console.print(table)
    console.print(f"{same} turns have the same final text with and without interim transcripts")


def _parser() -> PlainParser:
    parser = make_parser("interims", __doc__)
    parser.add_argument("--model", type=Path, metavar="FOLDER", help="a Whisper model; by default the downloaded base")
    parser.add_argument("--utterances", type=count, default=40, help="number of sentences that are said, at most 200")
    parser.add_argument("--recorded", action="store_true", help="also use recorded people (Debian's announcements)")
    parser.add_argument("--network", type=Path, help="a file of Silero's network, in place of faster-whisper's copy")
    return parser


if __name__ == "__main__":
    sys.exit(main())

"""Benchmark of a small language model: its answers through the bot's own code, checked by rules.

Each talk is as in a call: the responder with its history, prompt, sampling and filters, and the bot's own llama.cpp.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from pathlib import Path

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.errors import MeasurementError
from benchmarks.small_mind_rules import AnswerRules
from benchmarks.small_mind_talks import PEOPLE, TALKS, Talk
from benchmarks.statistics import spread
from bot.llm.client import ModelClient
from bot.llm.embedded import EmbeddedModelServer
from bot.llm.history import History, Turn
from bot.llm.personas import Character, load_persona
from bot.llm.prompts import CallRoom
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.models.catalogue import load_catalogue
from bot.models.model_store import Condition
from bot.models.needs import store_of
from bot.models.quick_weights import quick_weights
from bot.responder import ModelResponder
from config.plain_parser import PlainParser
from config.settings import Settings, load_settings

MODEL = "smollm2-135m"
TARGET = 46
"""Least number of good answers among the fifty, with each seed."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One checked answer. ``first`` and ``whole`` are the times of its first words and its end, in seconds."""

    seed: int
    question: str
    answer: str
    faults: list[str]
    first: float
    whole: float


def main() -> int:
    """Run the measurement. The exit status tells whether it worked, not what it found."""
    return run(_parser(), _run, min_width=100)


async def _run(run: Run) -> Report:
    judged = await _measure(run.arguments, run.console)
    seeds = [[one for one in judged if one.seed == seed] for seed in sorted({one.seed for one in judged})]
    met = all(sum(not one.faults for one in of_seed) * len(TALKS) >= TARGET * len(of_seed) for of_seed in seeds)
    return Report(
        lambda console: _print(seeds, console, all_answers=run.arguments.answers),
        [(f"at least {TARGET} of {len(TALKS)} answers are good with each seed", met)],
        {"machine": run.machine, "answers": [asdict(one) for one in judged]},
    )


async def _measure(arguments: argparse.Namespace, console: Console) -> list[Judged]:
    settings = load_settings()
    weights = arguments.weights or small_mind_weights(settings)
    if not weights.is_file():
        raise MeasurementError(f"{weights} is not there; get it with python -m bot models download {MODEL}")
    talks = TALKS[: arguments.talks]
    judged: list[Judged] = []
    async with small_mind(settings, weights) as options:
        rules = AnswerRules()
        with Progress(console=console, disable=not console.is_terminal) as progress:
            bar = progress.add_task("Answers", total=arguments.seeds * len(talks))
            for seed in range(1, arguments.seeds + 1):
                for talk in talks:
                    people = PEOPLE[(seed - 1) % len(PEOPLE)]
                    judged.append(await run_talk(options, settings, talk.among(people), seed, rules))
                    progress.advance(bar)
    return judged


def small_mind_weights(settings: Settings) -> Path:
    """The file with the weights of SmolLM2 that the bot loads: their quicker copy, which is made if it is not here.

    If the weights are not downloaded, this is the path of the missing file.
    """
    model = load_catalogue().models[MODEL]
    store, file = store_of(settings, model), model.files[0]
    fetched = store.folder(MODEL) / file.path
    if store.condition(MODEL, model) is not Condition.COMPLETE:
        return fetched
    return quick_weights(fetched, file.sha256, lambda _amount: lambda _step: None)


@asynccontextmanager
async def small_mind(settings: Settings, weights: Path) -> AsyncIterator[ModelOptions]:
    """Run the bot's own model server with these weights; yields the options for its client."""
    async with EmbeddedModelServer(weights, name=MODEL) as server:
        yield replace(ModelOptions.of(settings.llm, server.base_url(settings.llm.api)), model=MODEL)


async def run_talk(options: ModelOptions, settings: Settings, talk: Talk, seed: int, rules: AnswerRules) -> Judged:
    """Have one talk, and check its last answer."""
    persona = load_persona(settings.persona)
    character = Character(settings.persona, persona, persona.default_mood)
    room = CallRoom("Lounge", tuple(dict.fromkeys(name for name, _ in talk.lines)))
    first = whole = 0.0
    answer = ""
    async with ModelClient(replace(options, extra={**options.extra, "seed": seed})) as client:
        history = History()
        mind = ModelResponder(
            lambda: character,
            history,
            lambda: room,
            lambda: datetime.now(UTC),
            client,
            settings.llm.context_messages,
            load_small_prompts(),
        )
        await mind.warm_up()
        for name, text in talk.lines:
            turn = Turn.of_person(name, text)
            asked, first, answer = time.monotonic(), 0.0, ""
            async for piece in mind.answer(turn):
                first = first or time.monotonic() - asked
                answer += piece
            whole = time.monotonic() - asked
            history.add(turn)
            history.add(Turn.of_bot(answer))
    return Judged(seed, talk.lines[-1][1], answer.strip(), rules.faults(answer, talk), first, whole)


def _print(seeds: Sequence[Sequence[Judged]], console: Console, *, all_answers: bool) -> None:
    for one in chain.from_iterable(seeds):
        if one.faults or all_answers:
            told = f" ({', '.join(one.faults)})" if one.faults else ""
            console.print(f"{one.seed}: {one.question}  ->  {one.answer}{told}", markup=False, soft_wrap=True)
    table = Table("seed", "good", "of", "first words, ms (median)", "whole answer, ms (median)", "faults")
    for of_seed in seeds:
        good = sum(not one.faults for one in of_seed)
        faults = Counter(fault for one in of_seed for fault in one.faults)
        table.add_row(
            str(of_seed[0].seed),
            str(good),
            str(len(of_seed)),
            f"{1000 * spread([one.first for one in of_seed]).median:.0f}",
            f"{1000 * spread([one.whole for one in of_seed]).median:.0f}",
            ", ".join(f"{fault} {times}" for fault, times in faults.items()),
        )
    console.print(table)


def _parser() -> PlainParser:
    parser = make_parser("small_mind", (__doc__ or "").split("\n")[0])
    parser.add_argument("--seeds", type=count, default=3, help="number of seeds; all talks are held with each")
    parser.add_argument("--talks", type=count, default=len(TALKS), help="number of talks, of the fifty")
    parser.add_argument("--weights", type=Path, help="a GGUF file in place of SmolLM2's")
    parser.add_argument("--answers", action="store_true", help="print every answer, not only the faulty ones")
    return parser


if __name__ == "__main__":
    sys.exit(main())

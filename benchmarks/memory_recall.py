"""Benchmark of recall from memory: 100,000 facts, asked for by somebody who heard them all and by one who heard few.

Then it measures the time to the first token of an answer, alternately with and without memory. For that, the bot's
responder asks a stand-in for a model server over a real socket.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil
from rich.console import Console

from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.stand_in_model import StandInModel
from benchmarks.statistics import Spread, spread
from bot.database import Database
from bot.llm.client import ModelClient
from bot.llm.history import History, Turn
from bot.llm.personas import Character, load_persona
from bot.llm.prompts import CallRoom
from bot.llm.recollection import Recollection
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.memory.audience import Audiences, MemoryAsker
from bot.memory.finding import FactFinder
from bot.memory.recall import MOST_FOUND, MemoryRecall
from bot.memory.records import Fact
from bot.responder import ModelResponder
from config.plain_parser import PlainParser

PEOPLE = 200
SERVER = 1
WITNESS = 10_000
"""The person who has heard everything."""
TARGET_MS = 20.0
SHARE = 0.95
MATTERS = ("likes", "lives in", "works as", "plays", "is afraid of", "sister is called", "dog is called", "comes from")
QUESTIONS = (
    *(
        "What does {} like?",
        "Where does {} live?",
        "Who is {}'s sister?",
        "What do you know about {}?",
        "Tell me of {}",
    ),
)


@dataclass(frozen=True, slots=True)
class Recalls:
    """Times of the recalls of one asker, in milliseconds, and how often something was found."""

    asker: str
    facts: int
    recalls: int
    found: int
    median_ms: float
    share_95_ms: float
    greatest_ms: float
    processor_ms: float
    grown_mib: float

    def show(self, console: Console) -> None:
        """Print one line."""
        console.print(
            f"{self.asker}, {self.recalls} recalls from {self.facts} facts: {self.median_ms:.1f} ms in the median, "
            f"{self.share_95_ms:.1f} ms at 95 %, {self.greatest_ms:.1f} ms at most; {self.processor_ms:.1f} ms of a "
            f"processor each; {self.found} found something; the process has grown by {self.grown_mib:.1f} MiB",
            highlight=False,
        )


async def store(database: Database, facts: int, vocabulary: Sequence[str]) -> None:
    """Store the facts. A trigger of the database indexes their words, as in the bot."""
    rng, audiences = random.Random(1), Audiences()
    rows = []
    for number in range(facts):
        person, value = rng.randrange(PEOPLE), rng.choice(vocabulary).capitalize()
        matter, name = rng.choice(MATTERS), f"{vocabulary[person]}".capitalize()
        heard = {person, WITNESS, *rng.sample(range(PEOPLE), 4)}
        fact = Fact(
            number,
            SERVER,
            number // 50,
            number % 50,
            person,
            name,
            person,
            name,
            f"{matter} {value}",
            f"Well, you know, my {matter} {value} since {rng.choice(vocabulary)}.",
            float(number),
            audiences.of(SERVER, heard),
        )
        rows.append(
            (
                *(str(SERVER), str(person), name, str(person), name),
                *(fact.text, fact.quote, fact.said_at, fact.words, fact.audience),
            )
        )
    await database.write_many(
        "INSERT INTO fact (server, speaker, speaker_name, person, person_name, fact, quote, said_at, words, audience) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


async def ask(
    finder: FactFinder, name: str, asker: MemoryAsker, facts: int, recalls: int, vocabulary: Sequence[str]
) -> Recalls:
    """Ask for facts ``recalls`` times, each time about a person or thing that is drawn anew."""
    rng = random.Random(2)
    process = psutil.Process()
    taken, found = [], 0
    before, processor = process.memory_info().rss, time.process_time()
    for _ in range(recalls):
        about = vocabulary[rng.randrange(PEOPLE)] if rng.random() < 0.5 else rng.choice(vocabulary)
        question = rng.choice(QUESTIONS).format(about.capitalize())
        began = time.perf_counter()
        found += bool(await finder.find(asker, question, (), MOST_FOUND))
        taken.append(1000 * (time.perf_counter() - began))
    taken.sort()
    return Recalls(
        name,
        facts,
        recalls,
        found,
        taken[recalls // 2],
        taken[min(recalls - 1, int(recalls * SHARE))],
        taken[-1],
        1000 * (time.process_time() - processor) / recalls,
        (process.memory_info().rss - before) / 2**20,
    )


async def measure(folder: Path, facts: int, recalls: int) -> tuple[list[Recalls], FirstTokens]:
    """Store the facts, and measure recalls and first tokens."""
    rng = random.Random(3)
    vocabulary = ["".join(rng.choices("abcdefghijklmnopqrstuvwz", k=rng.randint(5, 9))) for _ in range(20_000)]
    path = folder / "memory.sqlite3"
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.opened(path))
        await store(database, facts, vocabulary)
        finder = FactFinder(path, Audiences())
        stack.push_async_callback(finder.close)
        await finder.open()
        askers = {"Who heard everything": MemoryAsker(WITNESS, SERVER), "Who heard little": MemoryAsker(7, SERVER)}
        # These recalls are not measured. The process grows in them, because SQLite fills its cache of pages.
        for asker in askers.values():
            await ask(finder, "", asker, facts, min(recalls, 200), vocabulary)
        found = [await ask(finder, name, asker, facts, recalls, vocabulary) for name, asker in askers.items()]
        await first_tokens(finder, 20, vocabulary)
        return found, await first_tokens(finder, min(recalls, 500), vocabulary)


@dataclass(frozen=True, slots=True)
class FirstTokens:
    """Milliseconds from a turn to the first token of its answer, with and without memory."""

    turns: int
    without: Spread
    with_memory: Spread

    @property
    def later(self) -> float:
        """How much later the first token comes with memory: the difference of the 95th percentiles."""
        return self.with_memory.p95 - self.without.p95

    def show(self, console: Console) -> None:
        """Print one line."""
        console.print(
            f"Time to the first token in {self.turns} answers, median and 95 %: {self.without.median:.1f} and "
            f"{self.without.p95:.1f} ms without memory, {self.with_memory.median:.1f} and "
            f"{self.with_memory.p95:.1f} ms with it",
            highlight=False,
        )


class MemoryAlone:
    """A :class:`~bot.llm.recollection.Recall` that finds nothing but facts."""

    def __init__(self, recall: MemoryRecall) -> None:
        self._recall = recall

    async def for_turn(self, asked: Turn, *, unfinished: bool) -> Recollection:
        """The facts that fit a turn."""
        return Recollection(memory=await self._recall.section(asked, SERVER, None))


async def first_tokens(finder: FactFinder, turns: int, vocabulary: Sequence[str]) -> FirstTokens:
    """Ask for answers, alternately with and without memory."""
    rng = random.Random(4)
    taken: dict[bool, list[float]] = {False: [], True: []}
    persona = load_persona("seiyuu")
    character = Character("seiyuu", persona, persona.default_mood)
    memory = MemoryAlone(MemoryRecall(finder, lambda _: True, UTC))
    async with (
        StandInModel(["Yes."], first_token=0.0, rate=1000.0) as server,
        ModelClient(ModelOptions(server.url, model="stand-in-70b")) as client,
    ):
        for number in range(2 * turns):
            responder = ModelResponder(
                lambda: character,
                History(),
                lambda: CallRoom("Lounge", ("Ada", "Ben")),
                lambda: datetime.now(UTC),
                client,
                20,
                load_small_prompts(),
                recall=memory if number % 2 else None,
            )
            about = vocabulary[rng.randrange(PEOPLE)].capitalize()
            asked = Turn.of_person("Ada", rng.choice(QUESTIONS).format(about), WITNESS)
            began = time.perf_counter()
            async with aclosing(responder.answer(asked)) as answer:
                await anext(answer)
                taken[bool(number % 2)].append(1000 * (time.perf_counter() - began))
                async for _ in answer:
                    pass
    return FirstTokens(turns, spread(taken[False]), spread(taken[True]))


async def measured(run: Run) -> Report:
    """The report of a run."""
    found, first = await measure(run.folder, run.arguments.facts, run.arguments.recalls)
    slowest = max(each.share_95_ms for each in found)

    def show(console: Console) -> None:
        for each in found:
            each.show(console)
        first.show(console)

    return Report(
        show,
        [
            (f"{SHARE:.0%} of the recalls take at most {TARGET_MS:.0f} ms", slowest <= TARGET_MS),
            (
                f"With memory, the first token comes at most {TARGET_MS:.0f} ms later, at {SHARE:.0%}",
                first.later <= TARGET_MS,
            ),
        ],
        {"machine": run.machine, "recalls": [asdict(each) for each in found], "first_tokens": asdict(first)},
    )


def main() -> int:
    """Measure, and return the exit status."""
    return run(_parser(), measured)


def _parser() -> PlainParser:
    parser = make_parser("memory_recall", __doc__)
    parser.add_argument("--facts", type=count, default=100_000, help="number of facts")
    parser.add_argument("--recalls", type=count, default=1_000, help="number of recalls of each asker")
    return parser


if __name__ == "__main__":
    sys.exit(main())

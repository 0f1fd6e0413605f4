"""Benchmark of requests that list, search, open and delete stored conversations: two with 5,000 turns each."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
from aiohttp import web
from rich.console import Console

from benchmarks.command_line import Report, Run, count, make_parser, run
from benchmarks.errors import MeasurementError
from benchmarks.statistics import Spread, spread
from bot.conversations.archive import ConversationArchive
from bot.conversations.keeping import Conversations
from bot.conversations.recordings import CallRecordings
from bot.conversations.records import ConversationRecords
from bot.database import Database
from bot.http.api.conversations import ConversationsApi
from bot.operator_files import CORRECTIONS_FILE
from bot.voice.transcribe.corrections import Corrections
from bot.voice.transcribe.learning import LearnedCorrections
from config.plain_parser import PlainParser

PEOPLE = ("Ada", "Ben")
WORDS = 3_000
"""Number of different words that are said."""
RARE = "zebrafish"
"""A word in one old turn."""
TARGET_MS = 100.0
LIST = "/api/conversations"
ASKED: Mapping[str, str] = {
    "list": LIST,
    "search, in one turn": f"{LIST}?q={RARE}",
    "search, nowhere": f"{LIST}?q=quagga%20nowhere",
    "search, nowhere, not ASCII": f"{LIST}?q=%C3%BCberall",
    "search, everywhere": f"{LIST}?q=a",
    "open, the first 200 turns": f"{LIST}/1?limit=200",
    "open, the last 200 turns": f"{LIST}/1?limit=200&before=5001",
    "open, all turns": f"{LIST}/1",
}
"""The path of each kind of request, by the name in the report."""


@dataclass(frozen=True, slots=True)
class Times:
    """The milliseconds of each kind of request."""

    taken: Mapping[str, Spread]

    def show(self, console: Console) -> None:
        """Print a line for each kind of request."""
        for name, each in self.taken.items():
            console.print(
                f"{name}: {each.median:.1f} ms in the median, {each.greatest:.1f} ms at most", highlight=False
            )


async def measure(folder: Path, turns: int, requests: int) -> Times:
    """Store the conversations, and ask for them."""
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.opened(folder / "conversations.sqlite3"))
        await store(database, turns)
        conversations = Conversations(ConversationRecords(database), "forever", lambda *_: True)
        api = ConversationsApi(
            ConversationArchive(database, conversations, CallRecordings(folder)),
            LearnedCorrections(folder / CORRECTIONS_FILE, Corrections()),
        )
        app = web.Application()
        app.add_routes(
            [
                web.get(LIST, api.list),
                web.get(LIST + "/{id}", api.open),
                web.delete(LIST + "/{id}", api.delete),
            ]
        )
        runner = web.AppRunner(app)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        session = await stack.enter_async_context(aiohttp.ClientSession(f"http://{host}:{port}"))
        taken = {name: [await ask(session, path) for _ in range(requests)] for name, path in ASKED.items()}
        taken["delete"] = [await ask(session, f"{LIST}/1", "DELETE")]
    return Times({name: spread(each) for name, each in taken.items()})


async def store(database: Database, turns: int) -> None:
    """Store a conversation for each of the people."""
    rng = random.Random(1)
    vocabulary = ["".join(rng.choices("abcdefghijklmnop", k=rng.randint(2, 10))) for _ in range(WORDS)]
    for conversation, name in enumerate(PEOPLE, 1):
        await database.write(
            "INSERT INTO conversations (transport, server, place, started, ended, people) "
            "VALUES ('discord', '1', 'Lounge', 0, 1, json_array(?))",
            name,
        )
        said = [" ".join(rng.choices(vocabulary, k=rng.randint(3, 40))) for _ in range(turns)]
        said[turns // 2] += f" {RARE}"
        rows = [
            (conversation, n, str(conversation) if n % 2 else None, name if n % 2 else "Mia", text, float(n))
            for n, text in enumerate(said, 1)
        ]
        await database.write_many(
            "INSERT INTO turns (conversation, number, person, who, text, at, interrupted) VALUES (?, ?, ?, ?, ?, ?, 0)",
            rows,
        )


async def ask(session: aiohttp.ClientSession, path: str, method: str = "GET") -> float:
    """Send a request. Returns the milliseconds until the answer is complete.

    Raises:
        MeasurementError: the answer is an error.
    """
    began = time.perf_counter()
    async with session.request(method, path) as answer:
        await answer.read()
    if not answer.ok:
        raise MeasurementError(f"{method} {path} was answered with {answer.status}")
    return 1000 * (time.perf_counter() - began)


async def measured(run: Run) -> Report:
    """The report of a run."""
    times = await measure(run.folder, run.arguments.turns, run.arguments.requests)
    greatest = max(each.median for name, each in times.taken.items() if name != "delete")
    figures = {
        "machine": run.machine,
        "turns": run.arguments.turns,
        "ms": {k: asdict(v) for k, v in times.taken.items()},
    }
    return Report(
        times.show, [(f"list, search and open in less than {TARGET_MS:.0f} ms", greatest < TARGET_MS)], figures
    )


def main() -> int:
    """Measure, and return the exit status."""
    return run(_parser(), measured)


def _parser() -> PlainParser:
    parser = make_parser("conversations", __doc__)
    parser.add_argument("--turns", type=count, default=5_000, help="number of turns of each conversation")
    parser.add_argument("--requests", type=count, default=30, help="number of requests of each kind")
    return parser


if __name__ == "__main__":
    sys.exit(main())

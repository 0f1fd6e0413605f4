"""Benchmark of knowledge: how many questions find the passage that answers them, by full text, by vectors and by both.

The documents and questions are in ``benchmarks/knowledge_set``: 60 documents and 100 questions in English, German and
Chinese. ``--documents`` and ``--questions`` name other ones, in the same form. The vectors come from a small model,
which ``--fetch`` downloads, or from the server at ``--url``. The bot's own client asks for the vectors.
"""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import aiohttp
from rich.console import Console
from rich.table import Table

from benchmarks.command_line import Report, Run, make_parser, run
from benchmarks.embeddings.server import MODEL, EmbeddingsServer
from benchmarks.embeddings.weights import SIZES, weights_file
from benchmarks.errors import MeasurementError
from bot.knowledge.following import FolderError, update
from bot.knowledge.index import FILE, Index, KnowledgeError
from bot.knowledge.knowledge import find
from bot.knowledge.vector_stores import IndexStore
from bot.knowledge.vectors import PassageVectors
from bot.question_vectors import opened_questions
from config.engine_sections import EmbeddingsSettings
from config.plain_parser import PlainParser
from config.settings import load_settings

SET = Path(__file__).parent / "knowledge_set"
LIMIT = 5
TARGET = 0.85
SECONDS = 600.0
"""Seconds after which a request for vectors is given up."""
FULL_TEXT, VECTORS, HYBRID = "full text", "vectors", "hybrid"


@dataclass(frozen=True, slots=True)
class Question:
    """A question, and the passage that answers it.

    Attributes:
        language: its language. The document may be in another one.
        document: the document's path in the folder.
        says: words of the passage, exactly as they stand there.
    """

    language: str
    question: str
    document: str
    says: str


@dataclass(frozen=True, slots=True)
class Recall:
    """How many questions one kind of search has answered.

    Attributes:
        first: share of the questions whose passage comes first.
        five: share of the questions whose passage is among the first five.
        halves: ``five`` of the questions with odd numbers, and of those with even ones, counted from 1. The way of
            joining full text and vectors was chosen by the odd ones.
        by_language: ``five`` by the language of the question.
        missed: the questions whose passage is not among the first five.
    """

    search: str
    first: float
    five: float
    halves: tuple[float, float]
    by_language: dict[str, float]
    missed: tuple[str, ...]


def read_questions(file: Path) -> list[Question]:
    """Read a file of tab-separated values with a line of names; raises :class:`MeasurementError`."""
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
        return [Question(**row) for row in rows]
    except (OSError, UnicodeDecodeError, TypeError) as error:
        raise MeasurementError(f"the questions can't be read: {error}") from error


def recall_of(search: str, questions: Sequence[Question], ranks: Sequence[int | None]) -> Recall:
    """The figures of a kind of search.

    Args:
        ranks: the rank of each question's passage, 0 for the first; ``None`` if it is not among the first five.
    """
    found = [rank is not None for rank in ranks]
    languages = {each.language: True for each in questions}
    return Recall(
        search,
        _share(rank == 0 for rank in ranks),
        _share(found),
        (_share(found[::2]), _share(found[1::2])),
        {
            language: _share(hit for hit, each in zip(found, questions, strict=True) if each.language == language)
            for language in languages
        },
        tuple(each.question for hit, each in zip(found, questions, strict=True) if not hit),
    )


def _share(hits: Iterable[bool]) -> float:
    counted = list(hits)
    return sum(counted) / len(counted) if counted else 0.0


async def ask(index: Index, vectors: PassageVectors, questions: Sequence[Question]) -> list[Recall]:
    """Ask all questions with each kind of search."""
    ranks: dict[str, list[int | None]] = {FULL_TEXT: [], VECTORS: [], HYBRID: []}
    for each in questions:
        near = await vectors.nearest(each.question, LIMIT, SECONDS)
        if not near:
            raise MeasurementError("the server for embeddings gave no vector of a question")
        passages = index.passages([*near])
        found = {
            FULL_TEXT: [(one.source, one.text) for one in index.search(each.question, LIMIT)],
            VECTORS: [(passages[key].source, passages[key].text) for key in near if key in passages],
            HYBRID: [
                (one.source, one.text)
                for one in await find(index, vectors, each.question, limit=LIMIT, seconds=SECONDS)
            ],
        }
        for search, passages_found in found.items():
            ranks[search].append(_rank(each, passages_found))
    return [recall_of(search, questions, each) for search, each in ranks.items()]


def _rank(question: Question, found: Sequence[tuple[str, str]]) -> int | None:
    document = question.document
    for rank, (source, text) in enumerate(found):
        if (source == document or source.startswith(f"{document}, ")) and question.says in text:
            return rank
    return None


@asynccontextmanager
async def embeddings(run: Run) -> AsyncIterator[EmbeddingsSettings]:
    """The server for embeddings: the one at ``--url``, or a local one with the small model."""
    arguments = run.arguments
    if arguments.url is not None:
        yield EmbeddingsSettings(url=arguments.url, model=arguments.model)
        return
    weights = weights_file(load_settings().cache_dir / "embeddings", fetch=arguments.fetch)
    async with EmbeddingsServer(weights) as server:
        yield EmbeddingsSettings(url=server.url, model=MODEL)


async def measured(run: Run) -> Report:
    """The report of a run."""
    questions = read_questions(run.arguments.questions)
    async with (
        embeddings(run) as options,
        aiohttp.ClientSession() as session,
        opened_questions(session, options) as question_vectors,
    ):
        if question_vectors is None:
            raise MeasurementError("there is no server for embeddings")
        with Index(run.folder / FILE) as index:
            store = IndexStore(index)
            vectors = PassageVectors(question_vectors, lambda: store)
            read = await update(index, run.arguments.documents)
            began = time.monotonic()
            await vectors.follow(index)
            seconds = time.monotonic() - began
            if len(store.ids(question_vectors.client.model)) < index.count():
                raise MeasurementError("the server for embeddings did not give a vector of each passage")
            found = await ask(index, vectors, questions)
            passages = index.count()
    return _report(run.machine, found, {"documents": read.read, "passages": passages, "seconds": round(seconds, 1)})


def _report(machine: Mapping[str, str], found: Sequence[Recall], sizes: Mapping[str, float]) -> Report:
    by_search = {each.search: each for each in found}
    hybrid = by_search[HYBRID].five
    best = max(by_search[FULL_TEXT].five, by_search[VECTORS].five)

    def show(console: Console) -> None:
        table = Table(title=f"{sizes['documents']} documents, {sizes['passages']} passages: share of the questions")
        for heading in ("search", "first", f"first {LIMIT}", "odd", "even", *by_search[HYBRID].by_language):
            table.add_column(heading)
        for each in found:
            shares = (each.first, each.five, *each.halves, *each.by_language.values())
            table.add_row(each.search, *(f"{share:.2f}" for share in shares))
        console.print(table)
        console.print("Not found by the hybrid search:", *by_search[HYBRID].missed, sep="\n  ", highlight=False)

    verdicts = [
        (f"recall@{LIMIT} of the hybrid search is at least {TARGET}", hybrid >= TARGET),
        (f"recall@{LIMIT} of the hybrid search is not below that of full text or of vectors alone", hybrid >= best),
    ]
    return Report(show, verdicts, {"machine": machine, **sizes, "recall": [asdict(each) for each in found]})


def main() -> int:
    """Measure, and return the exit status."""
    return run(_parser(), measured, FolderError, KnowledgeError)


def _parser() -> PlainParser:
    parser = make_parser("knowledge_recall", __doc__)
    parser.add_argument("--fetch", action="store_true", help=f"get the embedding model if it is not here: {SIZES}")
    parser.add_argument("--url", help="a server for embeddings, as in EMBEDDINGS_URL")
    parser.add_argument("--model", help="the name of the model on the server at --url")
    parser.add_argument("--documents", type=Path, default=SET / "documents", help="the folder of the documents")
    parser.add_argument("--questions", type=Path, default=SET / "questions.tsv", help="the file of the questions")
    return parser


if __name__ == "__main__":
    sys.exit(main())

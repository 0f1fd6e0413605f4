"""``python -m bot knowledge``: indexes the files of ``KNOWLEDGE_DIR``, and searches them. It needs no token."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from dataclasses import asdict
from pathlib import Path

import aiohttp

from bot.command_options import CommandParser
from bot.identity import HEADERS
from bot.knowledge.following import FolderError, Update, problems_of, update
from bot.knowledge.index import Index, KnowledgeError
from bot.knowledge.knowledge import find, summary
from bot.knowledge.opening import open_index, passage_vectors
from bot.knowledge.passage import Passage
from bot.knowledge.vectors import PassageVectors
from bot.question_vectors import opened_questions
from config.errors import SettingsError
from config.examples import EXAMPLES
from config.privacy import keep_files_private
from config.settings import Settings

OK, FAILED, REFUSED = 0, 1, 2
MAX_RESULTS = 50
VECTOR_SECONDS = 30.0
"""Seconds that the question's vector may take: more than in a conversation, where an answer has to begin soon."""


def parser() -> CommandParser:
    """The parser of the command."""
    parser = CommandParser(
        prog="python -m bot knowledge", description="Indexes the files of KNOWLEDGE_DIR, and searches them."
    )
    parts = parser.add_subparsers(dest="part", required=True, metavar="index|search", parser_class=CommandParser)
    index = parts.add_parser(
        "index", help="read the files that are new or have changed, and say what is wrong with them"
    )
    index.add_argument("--again", action="store_true", help="read all files again")
    search = parts.add_parser("search", help="find passages for a question")
    search.add_argument("question", nargs="+", metavar="QUESTION", help="the question, or some words")
    search.add_argument("--limit", type=_count, default=5, metavar="N", help="how many passages, at most (default: 5)")
    for each in (index, search):
        each.add_argument("--json", action="store_true", help="print JSON, for programs")
    return parser


def run_knowledge(arguments: list[str]) -> int:
    """Run the command. Returns 0, 1 if it failed, 2 if the settings can't be used, or 130 if it was interrupted.

    ``index`` names the files that can't be read, indexes the others, and then returns 1.
    """
    keep_files_private()
    logging.basicConfig(level=logging.WARNING, format="! %(message)s", stream=sys.stderr)
    options = parser().read(arguments)
    try:
        settings = Settings.read()
    except SettingsError as error:
        return _refuse(str(error))
    if settings.knowledge_dir is None:
        return _refuse(
            f"KNOWLEDGE_DIR is not set: name a folder, for example KNOWLEDGE_DIR={EXAMPLES['KNOWLEDGE_DIR']}"
        )
    try:
        with open_index(settings) as index:
            return asyncio.run(_run(options, settings, settings.knowledge_dir, index))
    except (FolderError, KnowledgeError) as error:
        print(f"✘ {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    except KeyboardInterrupt:
        print("Stopped. What was indexed so far stays.", file=sys.stderr)  # noqa: T201
        return 130


async def _run(options: argparse.Namespace, settings: Settings, folder: Path, index: Index) -> int:
    async with (
        aiohttp.ClientSession(headers=HEADERS) as session,
        opened_questions(session, settings.embeddings) as questions,
    ):
        return await _run_with(options, folder, index, passage_vectors(settings, index, questions))


async def _run_with(options: argparse.Namespace, folder: Path, index: Index, vectors: PassageVectors | None) -> int:
    if options.part == "index":
        done = await update(index, folder, _progress, again=options.again)
        files = await asyncio.to_thread(index.files)
        problems = [problem for file in files.values() for problem in problems_of(file)]
        if vectors is not None:
            await vectors.follow(index)
        problems += [each for each in done.problems if each not in problems]
        _print_update(done, await asyncio.to_thread(index.count), len(files), problems, as_json=options.json)
        return FAILED if problems else OK
    # The files may have changed since they were indexed. Files that have not changed are not read again.
    await update(index, folder, _progress)
    if vectors is not None:
        await vectors.follow(index)
    found = await find(index, vectors, " ".join(options.question), limit=options.limit, seconds=VECTOR_SECONDS)
    _print_passages(found, as_json=options.json)
    return OK


def _print_update(done: Update, passages: int, files: int, problems: list[str], *, as_json: bool) -> None:
    if as_json:
        fields = {"files": files, "passages": passages, "read": done.read, "removed": done.removed}
        print(json.dumps({**fields, "problems": problems}, ensure_ascii=False))  # noqa: T201
        return
    print(summary(done, passages))  # noqa: T201
    for problem in problems:
        print(f"! {problem}", file=sys.stderr)  # noqa: T201


def _print_passages(found: list[Passage], *, as_json: bool) -> None:
    if as_json:
        print(json.dumps([asdict(each) for each in found], ensure_ascii=False))  # noqa: T201
    elif not found:
        print("Nothing was found.")  # noqa: T201
    else:
        print("\n\n".join(f"{each.source} ({each.score:.3f})\n{each.text}" for each in found))  # noqa: T201


def _progress(told: str) -> None:
    print(told, file=sys.stderr)  # noqa: T201


def _refuse(why: str) -> int:
    print(why, file=sys.stderr)  # noqa: T201
    return REFUSED


def _count(written: str) -> int:
    if not written.isdecimal() or not 1 <= int(written) <= MAX_RESULTS:
        raise argparse.ArgumentTypeError(f"{written[:20]!r} is not a whole number from 1 to {MAX_RESULTS}")
    return int(written)

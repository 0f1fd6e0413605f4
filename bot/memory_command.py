"""``python -m bot memory``: what is stored about a person, for the operator. It needs no token.

Searching and exporting only read, and work beside a running bot. Forgetting does not: a running bot still holds
people's choices and their newest words, and would write them again.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import aiosqlite

from bot.characters import Characters
from bot.command_options import CommandParser
from bot.consent import ListeningConsent
from bot.conversations.recordings import CallRecordings
from bot.conversations.records import ConversationRecords
from bot.conversations.writer import ConversationWriter
from bot.data_dir_lock import DataDirInUseError, data_dir_lock
from bot.database import FILE, Database, DatabaseError
from bot.llm.personas import PERSONAS_DIR, PersonaError
from bot.memory.memory import Memory
from bot.memory.reading import unused_memory
from bot.notes.unused import unused_notes
from bot.personal_data.facts import fact_fields
from bot.personal_data.noted import NotedLines
from bot.personal_data.personal_data import PersonalStores, Subject
from bot.personal_data.remembered import RememberedFacts
from bot.personal_data.stores import all_stores
from bot.personal_data.used import UsedEngines
from bot.speech_server.client import SpeechServerClient
from bot.speech_server.errors import VoicesError
from bot.speech_server.voices import VoiceCatalogue
from bot.store import Store
from bot.usage.usage import Usage
from bot.voice.browser.people import WEB_PREFIX, web_person
from bot.voices.voices import Voices
from config.errors import SettingsError
from config.privacy import keep_files_private
from config.settings import Settings

OK, FAILED, REFUSED = 0, 1, 2
RUNNING = (
    "{error} While it runs, what it holds in its memory could be written again. Or let the person type "
    "`{prefix}erase-me`, which works while the bot runs."
)
NO_DATABASE = "There is no {path} yet, so nothing is stored about anybody. Is DATA_DIR={data_dir} right?"
NO_SPEECH_SERVER = "the speech server has them, and it is not running. They can be deleted while the bot runs."
MAX_DIGITS = 20


class NoSpeechServer(SpeechServerClient):
    """Stands for the speech server, which runs only beside the bot."""

    def __init__(self) -> None:
        """Make one that has no connection."""

    async def catalogue(self) -> VoiceCatalogue:
        """Refuse to list voices.

        Raises:
            VoicesError: always.
        """
        raise VoicesError(NO_SPEECH_SERVER)


def parser() -> CommandParser:
    """The parser of the command."""
    parser = CommandParser(
        prog="python -m bot memory",
        description="Shows what is remembered of people, and all that is stored about one person, or deletes it.",
    )
    parts = parser.add_subparsers(
        dest="part", required=True, metavar="search|export|forget", parser_class=CommandParser
    )
    search = parts.add_parser("search", help="find facts by words in them")
    search.add_argument("words", nargs="+", metavar="WORDS", help="words that a fact must have, all of them")
    export = parts.add_parser("export", help="print everything that is stored about a person, as JSON")
    forget = parts.add_parser("forget", help="delete everything that is stored about a person; no bot may be running")
    for each in (search, export, forget):
        text = f"the person's user id on Discord, or {WEB_PREFIX}NAME for somebody on the page"
        each.add_argument("--person", type=_person, required=each is not search, metavar="ID", help=text)
        each.add_argument("--json", action="store_true", help="print one JSON object, for programs")
    return parser


def run_memory(arguments: list[str]) -> int:
    """Run the command. Returns 0; 1 if it failed or a bot is running; 2 if the settings can't be used."""
    keep_files_private()
    options = parser().read(arguments)
    try:
        settings = Settings.read()
    except SettingsError as error:
        return _end(str(error), REFUSED, as_json=options.json)
    path = settings.data_dir / FILE
    try:
        if not path.exists():
            return _end(NO_DATABASE.format(path=path, data_dir=settings.data_dir), FAILED, as_json=options.json)
        if options.part != "forget":
            return asyncio.run(_show(options, settings, path))
        with data_dir_lock(settings.data_dir):
            return asyncio.run(_forget(options, settings, path))
    except DataDirInUseError as error:
        why = RUNNING.format(error=error, prefix=settings.command_prefix)
    except (DatabaseError, PersonaError, aiosqlite.Error, OSError) as error:
        why = str(error)
    return _end(why, FAILED, as_json=options.json)


async def _show(options: argparse.Namespace, settings: Settings, path: Path) -> int:
    async with Database.only_read(path) as database, _stores(database, settings, path) as (memory, stores):
        if options.part == "search":
            facts = [fact_fields(each) for each in await memory.search(" ".join(options.words), options.person)]
            if options.json:
                _print_json({"facts": facts})
            else:
                lines = [
                    f"{each['id']}  {each['person']}: {each['fact']}  ({each['speaker']}, {each['at']})"
                    for each in facts
                ]
                print("\n".join(lines) or "Nothing was found.")  # noqa: T201
            return OK
        found = await stores.export(Subject(options.person))
        facts = [fact_fields(each) for each in await memory.export(options.person)]
        _print_json(
            {"person": str(options.person), "facts": facts, "stored": found}, indent=None if options.json else 1
        )
        return OK


async def _forget(options: argparse.Namespace, settings: Settings, path: Path) -> int:
    async with Database.opened(path) as database, _stores(database, settings, path) as (_, stores):
        erasure = await stores.erase(Subject(options.person))
    if options.json:
        deleted, left, failed = dict(erasure.counts), [*erasure.left], [*erasure.failed]
        _print_json({"person": str(options.person), "deleted": deleted, "left": left, "failed": failed})
    else:
        lines = [f"✔ {name}: {count}" for name, count in erasure.counts.items()] or ["– There was nothing to delete."]
        print("\n".join([*lines, *(f"– {each}" for each in erasure.left)]))  # noqa: T201
        for each in erasure.failed:
            print(f"✘ {each}", file=sys.stderr)  # noqa: T201
    return FAILED if erasure.failed else OK


@asynccontextmanager
async def _stores(database: Database, settings: Settings, path: Path) -> AsyncIterator[tuple[Memory, PersonalStores]]:
    """All stores over a database, without a bot."""
    writer = ConversationWriter(ConversationRecords(database))
    zone = ZoneInfo(settings.timezone)
    async with (
        unused_memory(database, path, settings.memory, writer, zone) as memory,
        unused_notes(database, settings.data_dir, zone) as notes,
        Usage.opened(database, lambda: datetime.now(zone)) as usage,
    ):
        yield (
            memory,
            all_stores(
                database,
                consent=await ListeningConsent.load(Store(database), settings.call.listening),
                writer=writer,
                recordings=CallRecordings(settings.data_dir),
                voices=await Voices.load(NoSpeechServer(), database, settings.command_prefix),
                characters=await Characters.open(database, PERSONAS_DIR, settings.persona),
                more=(RememberedFacts(memory), NotedLines(notes), UsedEngines(usage)),
            ),
        )


def _print_json(content: Mapping[str, Any], indent: int | None = None) -> None:
    print(json.dumps(content, ensure_ascii=False, indent=indent))  # noqa: T201


def _end(why: str, status: int, *, as_json: bool) -> int:
    print(f"✘ {why}" if status == FAILED else why, file=sys.stderr)  # noqa: T201
    if as_json:
        _print_json({"error": why})
    return status


def _person(written: str) -> int:
    if written.startswith(WEB_PREFIX) and (name := written.removeprefix(WEB_PREFIX).strip()):
        return web_person(name)
    if not (written.isascii() and written.isdecimal() and len(written) <= MAX_DIGITS):
        raise argparse.ArgumentTypeError(
            f"{written[:30]!r} is not a user id: Discord's are numbers, and {WEB_PREFIX}NAME is somebody on the page"
        )
    return int(written)

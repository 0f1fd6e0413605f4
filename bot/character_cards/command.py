"""``python -m bot persona import FILE``: makes a persona of a character card."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from bot.character_cards.card import Card, CardError, read_card, written_book
from bot.character_cards.persona import ImportedPersona, filled_in, import_persona
from bot.command_options import CommandParser
from bot.llm.personas import PERSONAS_DIR
from config.errors import SettingsError
from config.reasons import reason
from config.settings import Settings

OK, FAILED, REFUSED = 0, 1, 2


def parser() -> CommandParser:
    """The parser of the command."""
    parser = CommandParser(prog="python -m bot persona", description="Makes personas of character cards.")
    parts = parser.add_subparsers(dest="part", required=True, metavar="import", parser_class=CommandParser)
    importing = parts.add_parser("import", help="make a persona of a character card (V1 to V3, PNG or JSON)")
    importing.add_argument("file", type=Path, metavar="FILE", help="the card")
    importing.add_argument("--as", dest="called", metavar="NAME", help="the persona's file name, without .yaml")
    return parser


def run_persona(arguments: list[str], folder: Path = PERSONAS_DIR) -> int:
    """Run the command. Returns 0, 1 if the card can't be used, or 2 if the settings can't be used.

    Args:
        folder: where personas are.
    """
    options = parser().read(arguments)
    try:
        settings = Settings.read()
    except SettingsError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return REFUSED
    try:
        card = read_card(options.file)
        imported = import_persona(card, folder, options.called)
        book = _keep_book(card, imported, settings.knowledge_dir)
    except CardError as error:
        print(f"✘ {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    choose = f"PERSONA={imported.file}, or {settings.command_prefix}persona"
    print(f"✔ {imported.persona.name} is the persona {imported.file}: {choose}.")  # noqa: T201
    for line in (*(f"– {imported.persona.name}: {notice}." for notice in imported.notices), *book):
        print(line)  # noqa: T201
    return OK


def _keep_book(card: Card, imported: ImportedPersona, folder: Path | None) -> list[str]:
    """Write the card's lorebook into the folder of the knowledge. Returns what to tell about it."""
    if card.book is None:
        return []
    if folder is None:
        return ["– Its lorebook was not kept. To have it as knowledge, set KNOWLEDGE_DIR, and import the card again."]
    file = folder / f"{imported.file}-lorebook.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as opened:
            name = json.dumps(imported.persona.name, ensure_ascii=False)[1:-1]
            opened.write(filled_in(written_book(card.book), name, "the person"))
    except OSError as error:
        return [f"– Its lorebook was not kept: {file} can't be written: {reason(error)}."]
    except CardError as error:
        return [f"– Its lorebook was not kept: {error}."]
    return [f"✔ Its lorebook is {file}."]

"""Makes a persona file from a character card."""

from __future__ import annotations

import os
import re
import tempfile
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import yaml

from bot.character_cards.card import Card, CardError
from bot.llm.personas import Persona, PersonaError, load_persona
from config.reasons import reason

USUAL = "seiyuu"
"""The persona whose moods an imported one gets, since cards have none."""
MAX_DESCRIPTION = 8_000
_MAX_NAME = 32
_NO_FILE_NAME = re.compile("[^a-z0-9]+")
_FILE_NAME = re.compile("[a-z0-9_-]{1,64}")
_NOT_IN_NAMES = re.compile(r"[\n:*]+")
_HEADING = re.compile(r"^[ \t]*#+[ \t]*", re.MULTILINE)
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})


@dataclass(frozen=True, slots=True)
class ImportedPersona:
    """A persona that was made from a card and written to a file.

    Attributes:
        file: its file name without ``.yaml``.
        notices: the parts of the card that the persona does not have, in words for people.
    """

    file: str
    persona: Persona
    notices: tuple[str, ...]


def import_persona(card: Card, folder: Path, called: str | None = None) -> ImportedPersona:
    """Write a persona. An existing one is never replaced. Blocks on the disk.

    Args:
        called: the file name, without ``.yaml``; ``None`` makes one from the character's name.

    Raises:
        CardError: the persona can't be written, or would not be a valid one.
    """
    name = " ".join(_shown(_NOT_IN_NAMES.sub(" ", card.name)).split())
    if len(name) > _MAX_NAME:
        name = name[:_MAX_NAME].rsplit(" ", 1)[0]
    file = called if called is not None else file_name(name)
    if not _FILE_NAME.fullmatch(file):
        raise CardError(f"no file can be named after {name!r}: choose a name with --as, of a to z, 0 to 9, _ and -")
    if (folder / f"{file}.yaml").exists():
        raise CardError(f"there is a persona {file!r} already: choose another name with --as, or delete its file")
    notices = []
    description = _description(card, name)
    if len(description) > MAX_DESCRIPTION:
        description = description[: MAX_DESCRIPTION - 1].rsplit("\n", 1)[0].rstrip() + "…"
        notices.append(f"it is longer than {MAX_DESCRIPTION:,} characters, so its end was left out")
    if card.instructions:
        notices.append("its own instructions for the model were left out")
    try:
        usual = load_persona(USUAL)
        fields = {
            "name": name,
            "description": description or f"{name} is a character of few words.",
            "moods": dict(usual.moods),
            "default_mood": usual.default_mood,
        }
        _write(folder, file, yaml.safe_dump(fields, allow_unicode=True, sort_keys=False, width=110))
        return ImportedPersona(file, load_persona(file, folder), tuple(notices))
    except PersonaError as error:
        raise CardError(f"this would be no persona: {error}") from error
    except OSError as error:
        raise CardError(f"{folder} can't be written to: {reason(error)}") from error


def file_name(name: str) -> str:
    """A file name that is made from a character's name; ``""`` if the name has no Latin letters or digits."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode("ascii")
    return _NO_FILE_NAME.sub("_", plain).strip("_")[:64]


def filled_in(text: str, name: str, person: str = "the person you talk with") -> str:
    """The text with names in place of the placeholders, which may be written in upper or lower case."""
    for placeholder, value in (("{{char}}", name), ("<bot>", name), ("{{user}}", person), ("<user>", person)):
        text = re.sub(re.escape(placeholder), lambda _, value=value: value, text, flags=re.IGNORECASE)  # type: ignore[misc]
    return text


def _description(card: Card, name: str) -> str:
    parts = (
        ("", card.description),
        ("Personality: ", card.personality),
        ("Scenario: ", card.scenario),
        (f"So {name} begins a conversation:\n", card.greeting),
        (f"So {name} talks:\n", card.examples.replace("<START>", "").strip()),
    )
    whole = "\n\n".join(f"{head}{text}" for head, text in parts if text)
    # A heading would look like a part of the system prompt.
    return _HEADING.sub("", _shown(filled_in(whole, name))).strip()


def _shown(text: str) -> str:
    return "".join(char for char in text if char in "\n\t" or unicodedata.category(char) not in _INVISIBLE)


def _write(folder: Path, file: str, text: str) -> None:
    """Write the file whole or not at all, after checking it; raises :class:`PersonaError` and :class:`OSError`."""
    with tempfile.TemporaryDirectory(dir=folder, prefix=".import-") as trial:
        written = Path(trial, f"{file}.yaml")
        written.write_text(text, encoding="utf-8")
        load_persona(file, Path(trial))
        # Unlike a rename, a link never replaces a file.
        os.link(written, folder / f"{file}.yaml")

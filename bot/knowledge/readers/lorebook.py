"""Reads lorebooks: SillyTavern's world info, and the books of character cards V2."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bot.knowledge.readers.blocks import Block

_MAX_KEYS = 50
_MAX_NAME = 200


def is_lorebook(value: object) -> bool:
    """Whether this JSON is a lorebook: it has entries with keys and a content."""
    entries = _entries(value)
    return bool(entries) and all(isinstance(each.get("content"), str) and _has_keys(each) for each in entries)


def read_lorebook(book: Mapping[str, Any], character: str = "the character") -> Iterator[Block]:
    """A record for each entry that is switched on.

    Args:
        character: the name for the placeholder ``{{char}}``.
    """
    title = book.get("name")
    above = (title[:_MAX_NAME],) if isinstance(title, str) and title.strip() else ()
    for entry in _entries(book):
        if entry.get("disable") is True or entry.get("enabled") is False:
            continue
        keys = [each for name in ("key", "keys", "keysecondary", "secondary_keys") for each in _texts(entry.get(name))]
        names = [each for each in _texts([entry.get("comment"), entry.get("name")]) if each.strip()]
        heading = (names[0] if names else ", ".join(keys))[:_MAX_NAME].strip()
        yield Block(
            fill_in(str(entry["content"]), character).strip(),
            headings=(*above, heading) if heading else above,
            also=" ".join(key[:_MAX_NAME] for key in keys[:_MAX_KEYS]),
        )


def fill_in(text: str, character: str, person: str = "the person") -> str:
    """The text with SillyTavern's placeholders for the two names filled in."""
    for placeholder, name in (("{{char}}", character), ("<BOT>", character), ("{{user}}", person), ("<USER>", person)):
        text = text.replace(placeholder, name).replace(placeholder.title(), name).replace(placeholder.upper(), name)
    return text


def _entries(value: object) -> list[Mapping[str, Any]]:
    entries = value.get("entries") if isinstance(value, dict) else None
    found: list[Any] = []
    if isinstance(entries, dict):
        found = list(entries.values())
    elif isinstance(entries, list):
        found = entries
    return found if all(isinstance(each, dict) for each in found) else []


def _has_keys(entry: Mapping[str, Any]) -> bool:
    return isinstance(entry.get("key"), list) or isinstance(entry.get("keys"), list)


def _texts(value: object) -> list[str]:
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []

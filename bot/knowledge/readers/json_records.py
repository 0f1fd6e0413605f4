"""Reads JSON of any shape: its records, each with the names of the objects that contain it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from bot.knowledge.readers.blocks import Block, UnreadableError
from bot.knowledge.readers.lorebook import is_lorebook, read_lorebook
from bot.knowledge.readers.text import decode

MAX_RECORD = 900
"""Maximum number of characters of a record that stays whole. Each part of a larger one becomes a record."""
MAX_DEPTH = 40
"""Maximum number of levels of nesting. What is nested deeper is left out."""
_TITLES = ("name", "title", "question", "label", "heading", "topic", "subject", "id", "名称", "标题", "问题", "姓名")
"""Keys whose value can be the heading of a record. The first of them that the record has is used."""
_MAX_TITLE = 120


def read_json_file(data: bytes, notices: list[str]) -> Iterator[Block]:
    """The records of a JSON file, or of one with a record in each line."""
    value = _parsed(decode(data, notices), notices)
    yield from read_lorebook(value) if is_lorebook(value) else _Records(notices).of(value, ())


def _parsed(text: str, notices: list[str]) -> Any:
    try:
        return json.loads(text)
    except RecursionError as error:
        raise UnreadableError("its JSON is nested too deeply") from error
    except ValueError as error:
        fault = error
    where = f"line {fault.lineno}" if isinstance(fault, json.JSONDecodeError) else "a number"
    records: list[Any] = []
    broken: list[int] = []
    for number, line in enumerate(text.split("\n"), 1):
        try:
            if line.strip():
                records.append(json.loads(line))
        except (ValueError, RecursionError):
            broken.append(number)
    # If the file is one broken value, and has no record in each line, few of its lines are JSON by themselves.
    if len(broken) >= len(records) or not isinstance(records[0], dict | list):
        raise UnreadableError(f"this is no JSON: see {where}") from fault
    if broken:
        lines = f"line {broken[0]} is" if len(broken) == 1 else f"{len(broken):,} lines, from line {broken[0]} on, are"
        notices.append(f"{lines} no JSON, and left out")
    return records


class _Records:
    def __init__(self, notices: list[str]) -> None:
        self._notices = notices
        self._told = False

    def of(self, value: object, above: tuple[str, ...]) -> Iterator[Block]:
        """The records in a value. ``above`` are the headings above that value, the outermost first."""
        if len(above) > MAX_DEPTH:
            if not self._told:
                self._told = True
                self._notices.append(f"what is nested deeper than {MAX_DEPTH} levels is left out")
            return
        if isinstance(value, dict):
            yield from self._of_object(value, above)
        elif isinstance(value, list):
            if all(_is_simple(each) for each in value):
                yield from _record("\n".join(filter(None, map(_written, value))), above)
            else:
                for each in value:
                    yield from self.of(each, (*above, title) if (title := _title(each)) else above)
        else:
            yield from _record(_written(value), above)

    def _of_object(self, value: dict[str, Any], above: tuple[str, ...]) -> Iterator[Block]:
        if _is_flat(value) and len(whole := "\n".join(_lines(value))) <= MAX_RECORD:
            yield from _record(whole, above)
            return
        simple = {key: each for key, each in value.items() if _is_simple(each)}
        yield from _record("\n".join(_lines(simple)), above)
        for key, each in value.items():
            if key not in simple:
                yield from self.of(each, (*above, _words_of(key)))


def _record(text: str, headings: tuple[str, ...]) -> Iterator[Block]:
    if text.strip():
        yield Block(text, headings=headings)


def _is_simple(value: object) -> bool:
    return not isinstance(value, dict | list) or (isinstance(value, list) and all(map(_is_scalar, value)))


def _is_scalar(value: object) -> bool:
    return not isinstance(value, dict | list)


def _is_flat(value: dict[str, Any]) -> bool:
    """Whether an object is one record: it contains only values, lists of values, and objects of these two."""
    return all(
        _is_simple(each) or (isinstance(each, dict) and all(map(_is_simple, each.values()))) for each in value.values()
    )


def _lines(value: dict[str, Any]) -> Iterator[str]:
    for key, each in value.items():
        if isinstance(each, dict):
            yield from (f"{_words_of(key)}, {line}" for line in _lines(each))
        elif text := _written(each):
            yield f"{_words_of(key)}: {text}"


def _written(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(filter(None, map(_written, value)))
        case _:
            return str(value).strip()


def _title(value: object) -> str:
    """The heading of a record, from one of the keys in :data:`_TITLES`; "" if it has none of them."""
    if not isinstance(value, dict):
        return ""
    found = (value[key] for key in _TITLES if isinstance(value.get(key), str | int))
    return str(next(found, "")).strip()[:_MAX_TITLE]


def _words_of(key: str) -> str:
    """A key in words: ``opening_hours`` and ``openingHours`` are "opening hours"."""
    spaced = "".join(
        f" {char}" if at and char.isupper() and key[at - 1].islower() else char for at, char in enumerate(key[:100])
    )
    return " ".join(spaced.replace("_", " ").replace("-", " ").split()) or key[:100]

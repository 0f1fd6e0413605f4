"""Cleans the JSON schemas of tools that others wrote, so that a model server can read them.

Model servers turn schemas into grammars. A schema that they can't read makes them refuse the whole request, so that one
tool of one server could keep the bot from answering at all. References are replaced by what they refer to.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.text import shorten
from bot.tools.results import clean_result

_MAX_DEPTH = 12
_MAX_VALUES = 3_000
"""Maximum number of values of a schema, with what its references add."""
_MAX_NOTE = 200
"""Maximum number of characters of a text in a schema."""
_LEFT_OUT = frozenset(
    {"$ref", "$defs", "definitions", "$schema", "$id", "$anchor", "$dynamicRef", "$comment", "pattern"}
)
"""Keys that are left out. A pattern may be one that a model server can't read."""


def clean_schema(schema: Mapping[str, Any]) -> Any:
    """The schema without references, patterns, long notes and invisible characters.

    A reference that leads back to itself, or to nothing in the schema, becomes a schema that allows everything.

    Raises:
        ValueError: it is nested too deeply, or too long.
    """
    return _Cleaner(schema).clean(schema)


class _Cleaner:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = _MAX_VALUES
        self._open: list[str] = []
        """The references that are being replaced."""

    def clean(self, value: Any, depth: int = 0, *, names: bool = False) -> Any:
        """Clean a part of the schema. ``names``: whether its keys are names of arguments, and not words of schemas."""
        self._left -= 1
        if depth > _MAX_DEPTH:
            raise ValueError("it is nested too deeply")
        if self._left < 0:
            raise ValueError("it is too long")
        if isinstance(value, str):
            return shorten(clean_result(value), _MAX_NOTE)
        if isinstance(value, list):
            return [self.clean(each, depth + 1) for each in value]
        if not isinstance(value, dict):
            return value
        if names:
            return {clean_result(key): self.clean(each, depth + 1) for key, each in value.items()}
        kept = {
            clean_result(key): self.clean(each, depth + 1, names=key == "properties")
            for key, each in value.items()
            if key not in _LEFT_OUT
        }
        reference = value.get("$ref")
        if isinstance(reference, str) and reference not in self._open:
            self._open.append(reference)
            meant = self.clean(self._found(reference), depth + 1)
            self._open.pop()
            return meant | kept if isinstance(meant, dict) else kept
        return kept

    def _found(self, reference: str) -> Any:
        """The part of the schema that a reference refers to; {} if it refers to nothing in the schema."""
        found: Any = self._root if reference.startswith("#/") else {}
        for part in reference.removeprefix("#/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            found = found.get(key, {}) if isinstance(found, dict) else {}
        return found

"""Roughly checks a model's arguments against a tool's JSON schema, so that the model can be told what is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.text import enumerated, shorten
from bot.tools.tool import ToolError

MAX_CHARS = 16_000
"""Maximum number of characters in the arguments of a call, as JSON."""
_MAX_NAMED = 5
_TYPES: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


def check_arguments(arguments: Mapping[str, Any], schema: Mapping[str, Any]) -> None:
    """Check that the required arguments are there, and that all are of the right type.

    What lists and objects hold is not checked. Unknown arguments are refused only if the schema forbids them with
    ``additionalProperties: false``. The schema may come from a hostile server. Parts of it that are not understood are
    skipped.

    Raises:
        ToolError: the arguments do not fit. The text says why, for the model.
    """
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    missing = [
        name
        for name in (required if isinstance(required, list) else [])
        if isinstance(name, str)
        if name not in arguments
    ]
    if missing:
        raise ToolError(f"These arguments are missing: {_names(missing)}.")
    if schema.get("additionalProperties") is False and (
        unknown := [each for each in arguments if each not in properties]
    ):
        raise ToolError(f"The tool has no such arguments: {_names(unknown)}.")
    for name, value in arguments.items():
        described = properties.get(name)
        wanted = _wanted(described.get("type")) if isinstance(described, dict) else []
        if wanted and not any(_is_a(value, kind) for kind in wanted):
            raise ToolError(f"The argument {shorten(name, 64)} must be of the type {' or '.join(wanted)}.")


def _wanted(kinds: object) -> list[str]:
    listed = kinds if isinstance(kinds, list) else [kinds]
    known = [kind for kind in listed if isinstance(kind, str) and kind in _TYPES]
    return known if len(known) == len(listed) else []


def _is_a(value: object, kind: str) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    # JSON does not tell 3.0 from 3.
    return isinstance(value, _TYPES[kind]) or (kind == "integer" and isinstance(value, float) and value.is_integer())


def _names(names: list[str]) -> str:
    return enumerated(shorten(name, 64) for name in names[:_MAX_NAMED])

"""Reads the fields of JSON objects: types and lengths are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.http.errors import HttpError
from bot.text import join_surrogates


def optional_text(fields: Mapping[str, Any], name: str, most: int) -> str | None:
    """A text of 1 to ``most`` characters; ``None`` if the field is missing or null; raises :class:`HttpError`."""
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not value.strip():
        raise HttpError(400, "bad_parameter", f"{name} must be a text that is not empty.")
    if len(value) > most:
        raise HttpError(413, "too_long", f"{name} may have at most {most:,} characters.")
    return join_surrogates(value)


def required_text(fields: Mapping[str, Any], name: str, most: int) -> str:
    """A text of 1 to ``most`` characters; raises :class:`HttpError`."""
    value = optional_text(fields, name, most)
    if value is None:
        raise HttpError(400, "bad_parameter", f"{name} is missing: it must be a text.")
    return value


def flag(fields: Mapping[str, Any], name: str) -> bool:
    """True or false; false if the field is missing or null; raises :class:`HttpError`."""
    value = fields.get(name)
    if value is not None and not isinstance(value, bool):
        raise HttpError(400, "bad_parameter", f"{name} must be true or false.")
    return bool(value)

"""Reads the query parameters of requests: numbers and texts are checked, and bounded."""

from __future__ import annotations

import re

from aiohttp import web

from bot.http.errors import HttpError
from bot.text import join_surrogates

_ID = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


def parse_id(text: str) -> int | None:
    """The number of an id, from 1; ``None`` if the text is no id. An id has no sign, spaces or leading zeros."""
    return int(text) if _ID.fullmatch(text) else None


def number_in(request: web.Request, name: str, most: int | None = None) -> int | None:
    """A parameter that is a whole number from 1 to ``most``; ``None`` if it is missing; raises :class:`HttpError`."""
    text = request.query.get(name)
    if text is None:
        return None
    number = parse_id(text)
    if number is None or (most is not None and number > most):
        upto = f" to {most:,}" if most is not None else ""
        raise HttpError(400, "bad_parameter", f"{name} must be a whole number from 1{upto}.")
    return number


def text_in(request: web.Request, name: str, most: int) -> str:
    """A parameter of at most ``most`` characters; empty if it is missing; raises :class:`HttpError`."""
    text = request.query.get(name, "")
    if len(text) > most:
        raise HttpError(413, "too_long", f"{name} may have at most {most:,} characters.")
    if "\x00" in text:
        raise HttpError(400, "bad_parameter", f"{name} must have no NUL character.")
    return join_surrogates(text)

"""Keeps the connection to Discord when one of its events can't be read."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

_log = logging.getLogger(__name__)

Parser = Callable[[Any], None]


def tolerant(parsers: Mapping[str, Parser]) -> dict[str, Parser]:
    """discord.py's parsers of gateway events, by the events' names, in a form in which none raises.

    An event that can't be read is left out, and the first one of each name is logged. In discord.py itself, such an
    event ends the connection and the bot.
    """
    reported = set[str]()
    return {name: _tolerant(name, parser, reported) for name, parser in parsers.items()}


def _tolerant(name: str, parser: Parser, reported: set[str]) -> Parser:
    def parse(data: Any) -> None:
        try:
            parser(data)
        except Exception:
            if name not in reported:
                reported.add(name)
                _log.warning("An event of Discord (%s) could not be read, and is left out", name, exc_info=True)

    return parse

"""What somebody writes to schedule something, taken apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.features.scheduled_events.times import take_times

_OPTION = re.compile(r"\s*--(?P<word>skip|run)(?:\s+|$)", re.IGNORECASE)
_CHANNEL = re.compile(r"\s*<#(?P<id>\d{15,20})>(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """When to post what: five fields of cron, the channel named, whether what a call delays is left out."""

    cron: str
    text: str
    channel: int | None = None
    skip: bool = False


def read_entry(written: str) -> Entry:
    """Read ``[--skip] [#channel] TIMES TEXT``.

    Raises:
        TimesError: there are no times in it.
    """
    option = _OPTION.match(written)
    rest = written[option.end() :] if option else written
    channel = _CHANNEL.match(rest)
    cron, text = take_times(rest[channel.end() :] if channel else rest)
    return Entry(
        cron,
        text,
        int(channel["id"]) if channel else None,
        skip=option is not None and option["word"].lower() == "skip",
    )

"""Parses the text of ``schedule add``: options, channel, times, and the text to post."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.features.scheduled_events.times import take_times

_OPTION = re.compile(r"\s*--(?P<word>skip|run)(?:\s+|$)", re.IGNORECASE)
_CHANNEL = re.compile(r"\s*<#(?P<id>\d{15,20})>(?:\s+|$)")


@dataclass(frozen=True, slots=True)
class Entry:
    """The parsed text of ``schedule add``.

    ``cron`` is five cron fields. ``channel`` is the id of the named channel, if any. With ``skip``, a post that comes
    due during a call is left out.
    """

    cron: str
    text: str
    channel: int | None = None
    skip: bool = False


def read_entry(written: str) -> Entry:
    """Parse ``[--skip] [#channel] TIMES TEXT``.

    Raises:
        TimesError: the text has no valid times.
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

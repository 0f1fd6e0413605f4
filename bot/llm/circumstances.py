"""The last sections of a system prompt: where the model talks and with whom, and what time it is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.llm.cleaning import clean_label, clean_name

MAX_PEOPLE = 20
"""Names that are told; of more people there is only a count."""
# Not strftime's, which speak the language of the process.
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What a reply should know besides the conversation; an empty part is left out.

    ``room`` says where the model talks and who is there, as :func:`call_room` and its like write it; ``now`` is the
    time, as :func:`moment` writes it.
    """

    room: str = ""
    now: str = ""

    def sections(self) -> tuple[str, ...]:
        """The sections, in the order in which they end a system prompt: what changes most comes last."""
        parts = (("Room", self.room), ("Now", self.now))
        return tuple(f"## {title}\n{text}" for title, text in parts if text)


def moment(when: datetime) -> str:
    """A date and a time of day in words, to the minute: "Thursday, 26 November 2026, 18:05 (Europe/Berlin)"."""
    weekday, month = _WEEKDAYS[when.weekday()], _MONTHS[when.month - 1]
    return f"{weekday}, {when.day} {month} {when.year}, {when:%H:%M} ({when.tzinfo or 'local time'})"


@dataclass(frozen=True, slots=True)
class CallRoom:
    """A voice channel, and who is in it besides the bot. Names may be anybody's."""

    channel: str
    people: tuple[str, ...] = ()


def call_room(channel: str, people: Sequence[str]) -> str:
    """A voice channel, and who is in it besides the bot. Names may be anybody's: they are cleaned here."""
    return f"{_place('You are in the voice channel', channel)}\n{_people('People in it', people)}"


def chat_room(channel: str, server: str, people: Sequence[str]) -> str:
    """A text channel of a server, and who wrote in it lately; names are cleaned here."""
    where = _place("You are in the text channel", f"#{clean_label(channel)}")
    on = f" of the server {label}" if (label := clean_label(server)) else ""
    return f"{where.removesuffix('.')}{on}.\n{_people('People who wrote here lately', people)}"


def private_room(person: str) -> str:
    """Direct messages with one person; the name is cleaned here."""
    return f"You are in a private chat with {clean_name(person)}."


def _place(words: str, name: str) -> str:
    label = clean_label(name)
    return f"{words} {label}." if label else f"{words}."


def _people(words: str, names: Sequence[str]) -> str:
    known = list(dict.fromkeys(map(clean_name, names)))
    shown = ", ".join(known[:MAX_PEOPLE]) or "nobody"
    more = f" and {len(known) - MAX_PEOPLE} more" if len(known) > MAX_PEOPLE else ""
    return f"{words}: {shown}{more}."

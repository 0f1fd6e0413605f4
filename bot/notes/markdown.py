"""Notes as Markdown: what the model found, and the lines with their numbers, times and speakers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from bot.llm.history import INTERRUPTED
from bot.notes.lines import Claim, ClaimKind, NoteHead, NoteLine, Notes
from bot.text import MESSAGE_LIMIT, counted, enumerated, escape_markdown, shorten, split_message

LocalTime = Callable[[float], datetime]
"""Turns seconds since 1970 into the time in the people's time zone."""

HEADINGS: Mapping[ClaimKind, str] = MappingProxyType(
    {
        ClaimKind.SUMMARY: "Summary",
        ClaimKind.DECISION: "Decisions",
        ClaimKind.QUESTION: "Open questions",
        ClaimKind.TASK: "Who does what",
    }
)
BROKE_OFF = "The call broke off: I was ended in the middle of it, so its last words may be missing."
MAX_MESSAGES = 5
"""Maximum number of messages in which notes are posted. The attached file has everything."""
MAX_FILE_BYTES = 7_000_000
"""Largest file that is posted. Discord allows 10 MB on most servers."""
LEFT_OUT = "\n*This file lacks {lines} at the beginning, because it would be too large for Discord.*\n"
THE_REST = "\n\n*The rest is in the file.*"
_SHOWN_LINES = 4
"""Maximum number of line numbers that are written beside a claim."""


def title(head: NoteHead, local: LocalTime) -> str:
    """The title of notes, for a thread or a heading: "Notes of Lounge, 28 November 2026, 18:05"."""
    at = local(head.started)
    return f"Notes of {head.place.name}, {at.day} {at:%B %Y, %H:%M}"


def file_name(head: NoteHead, local: LocalTime) -> str:
    """The name of the file that is posted, without the name of the place: people choose those freely."""
    return f"notes-{local(head.started):%Y-%m-%d-%H%M}.md"


def as_markdown(notes: Notes, local: LocalTime, *, last_lines: int | None = None) -> str:
    """The whole notes.

    Args:
        last_lines: how many of the lines are written, from the end; ``None`` for all.
    """
    lines = notes.lines if last_lines is None else notes.lines[max(0, len(notes.lines) - last_lines) :]
    left_out = len(notes.lines) - len(lines)
    parts = [f"# {escape_markdown(title(notes.head, local))}", _about(notes, local), *_found(notes, "##")]
    parts += ["## What was said"]
    if left_out:
        parts.append(LEFT_OUT.format(lines=counted(left_out, "line")).strip())
    parts.append("\n".join(f"- {transcript_line(line, local)}" for line in lines))
    return "\n\n".join(filter(None, parts)) + "\n"


def file_to_post(notes: Notes, local: LocalTime) -> bytes:
    """The file that is posted, at most :data:`MAX_FILE_BYTES` long."""
    count = len(notes.lines)
    while True:
        file = as_markdown(notes, local, last_lines=count).encode()
        if len(file) <= MAX_FILE_BYTES or count == 0:
            return file[:MAX_FILE_BYTES]
        count = min(count - 1, count * MAX_FILE_BYTES // len(file))


def as_messages(notes: Notes, local: LocalTime) -> list[str]:
    """What is posted beside the file: everything but the lines, in messages that Discord takes."""
    heading = f"📝 **{escape_markdown(title(notes.head, local))}**"
    parts = split_message("\n\n".join((heading, _about(notes, local), *_found(notes, "###"))))
    if len(parts) <= MAX_MESSAGES:
        return parts
    last = parts[MAX_MESSAGES - 1]
    return [*parts[: MAX_MESSAGES - 1], shorten(last, MESSAGE_LIMIT - len(THE_REST)) + THE_REST]


def transcript_line(line: NoteLine, local: LocalTime) -> str:
    """A line with its number, time and speaker. Markdown in the speaker's name or words is escaped."""
    mark = f" {INTERRUPTED}" if line.interrupted else ""
    return (
        f"[{line.number}] {local(line.at):%H:%M:%S} **{escape_markdown(line.who)}:** {escape_markdown(line.text)}{mark}"
    )


def _about(notes: Notes, local: LocalTime) -> str:
    head = notes.head
    at, ended = local(head.started), local(head.ended if head.ended is not None else head.started)
    people = [escape_markdown(name) for name in sorted({*notes.people.values()})]
    there = f" In the call: {enumerated(people)}." if people else ""
    about = f"From {at:%H:%M} to {ended:%H:%M} ({at.tzname()}). Asked for by {escape_markdown(head.asked_by)}.{there}"
    return "\n\n".join(filter(None, (about, BROKE_OFF if head.broke_off else "", head.why_none)))


def _found(notes: Notes, level: str) -> list[str]:
    """The claims that the model made, each with the numbers of its lines and who said them."""
    said_by = {line.number: line.who for line in notes.lines}
    parts = []
    for kind, heading in HEADINGS.items():
        if claims := notes.of_kind(kind):
            listed = "\n".join(f"- {_claim(claim, said_by)}" for claim in claims)
            parts.append(f"{level} {heading}\n{listed}")
    if parts:
        parts.append("*Written by a language model. The numbers are those of the lines on which it is based.*")
    return parts


def _claim(claim: Claim, said_by: Mapping[int, str]) -> str:
    who = f"**{escape_markdown(claim.who)}:** " if claim.who else ""
    numbers = ", ".join(map(str, claim.lines[:_SHOWN_LINES])) + (" …" if len(claim.lines) > _SHOWN_LINES else "")
    speakers = [escape_markdown(name) for name in dict.fromkeys(said_by[n] for n in claim.lines if n in said_by)]
    return f"{who}{escape_markdown(claim.text)} ({', '.join((*speakers, numbers))})"

"""Notes of one call as values: their lines, the people, and the claims that the language model made about the lines."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class ClaimKind(StrEnum):
    """What a claim is about. The order is the order in the notes."""

    SUMMARY = "summary"
    DECISION = "decisions"
    QUESTION = "questions"
    TASK = "tasks"


@dataclass(frozen=True, slots=True)
class NotesPlace:
    """The place of a call whose notes are taken.

    Attributes:
        transport: what carries the call, such as "discord".
        name: the place's name for people.
        server: the id of the Discord server; 0 on the page, 1 on the telephone, and ``None`` if a damaged database has
            lost it.
        channel: the id of the prompt channel; ``None`` if there is none.
    """

    transport: str
    name: str
    server: int | None
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class NoteLine:
    """Something that was said.

    Attributes:
        number: its number in the notes, from 1. Numbers of deleted lines are missing.
        at: when it was said, in seconds since 1970.
        who: the speaker's name.
        person: the speaker's user id; ``None`` for the bot.
        answers: for a line of the bot, the user id of the person whom it answers, or, if that is not known, of the
            person who spoke last before it.
        interrupted: whether it is only the beginning of an answer.
        present: the user ids of those who were in the call then, and heard it.
    """

    number: int
    at: float
    who: str
    text: str
    person: int | None = None
    answers: int | None = None
    interrupted: bool = False
    present: frozenset[int] = frozenset()

    @property
    def witnesses(self) -> frozenset[int]:
        """The user ids of those who know the line: they said it or heard it."""
        return self.present if self.person is None else self.present | {self.person}


@dataclass(frozen=True, slots=True)
class Claim:
    """Something that the model says about a call.

    Attributes:
        lines: the numbers of the lines from which the claim follows, at least one.
        who: for a task, the name of the person who does it; "" if it is not known.
    """

    kind: ClaimKind
    text: str
    lines: tuple[int, ...]
    who: str = ""


@dataclass(frozen=True, slots=True)
class NoteHead:
    """What is known of notes without their lines.

    Attributes:
        asked_by: the name of the person who asked for them.
        started: when the call began, in seconds since 1970.
        ended: when it ended, in seconds since 1970; ``None`` while the call is on.
        broke_off: whether the bot's process died during the call.
        summed: whether the model has summed them up, or never will.
        why_none: the reason, for people, why there will be no summary; "" otherwise.
        posted: the link to where they were posted; "" if they were not.
        done: whether nothing is left to do.
        tried: whether posting has begun before, so that a part may be posted already.
    """

    id: int
    place: NotesPlace
    asked_by: str
    started: float
    ended: float | None = None
    broke_off: bool = False
    summed: bool = False
    why_none: str = ""
    posted: str = ""
    done: bool = False
    tried: bool = False


@dataclass(frozen=True, slots=True)
class Notes:
    """The notes of one call.

    Attributes:
        people: the names of those who were in the call, by user id.
    """

    head: NoteHead
    lines: tuple[NoteLine, ...]
    people: Mapping[int, str]
    claims: tuple[Claim, ...] = ()

    def of_kind(self, kind: ClaimKind) -> list[Claim]:
        """The claims of one kind, in their order."""
        return [claim for claim in self.claims if claim.kind is kind]

"""Note taking: only what is said after the announcement was heard is noted. The tests give it nothing but events."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

import pytest

from bot.llm.history import Turn
from bot.llm.spoken_lines import Announcement
from bot.voice.events import CallEnded, CallEvent, PromptTaken, ReplyEnded, SpeechStarted, UtteranceHeard
from bot.voice.listening_notice import NOTES_ENDED, NOTES_NOT_HEARD, NOTES_OFF
from bot.voice.metrics import ReplyTrace
from bot.voice.notices import Notices
from bot.voice.prompt_handles import PromptHandle
from bot.voice.records.announcing import MAX_ANNOUNCEMENTS
from bot.voice.records.note_taking import NotesError, NoteTaking
from bot.voice.turn import Outcome, Prompt, PromptKind, TurnId
from tests.voice.memory_transport import MemoryTransport

ADA, BEN, CLEO = 1, 2, 3


@dataclass
class Notebook:
    """What was noted. Cleo does not want to be in it."""

    lines: list[tuple[str, str]] = field(default_factory=list)
    there: list[tuple[tuple[str, ...], set[int]]] = field(default_factory=list)
    begun: list[str] = field(default_factory=list)
    ended: bool = False

    def keeps(self, person: int) -> bool:
        return person != CLEO

    def begin(self, asked_by: str) -> None:
        self.begun.append(asked_by)

    def present(self, people: Mapping[int, str], hearing: Collection[int]) -> None:
        self.there.append((tuple(people.values()), {*hearing}))

    def said(self, turn: Turn) -> None:
        self.lines.append((turn.speaker, turn.text + ("…" if turn.interrupted else "")))

    def end(self) -> None:
        self.ended = True


class Room:
    """Note taking in a call whose announcements end when the test says so."""

    def __init__(self, notebook: Notebook | None) -> None:
        self.transport = MemoryTransport({ADA: "Ada", BEN: "Ben", CLEO: "Cleo"})
        self.said: list[PromptHandle] = []
        self.replies = 0
        notices = Notices(self.transport, lambda event: self.notes(event))
        self.notes = NoteTaking(
            notebook,
            self.transport.attending,
            lambda person: person != BEN,
            notices,
            self.recite,
            lambda who: f"Notes for {who}",
            lambda announcement: announcement.value,
            lambda: "Seiyuu",
        )

    def recite(self, text: str) -> PromptHandle:
        handle = PromptHandle(Prompt("", text, 0.0, kind=PromptKind.RECITE), lambda _: None)
        self.said.append(handle)
        return handle

    def answer(self, author: str, person: int | None, text: str, heard: str, outcome: Outcome = Outcome.SPOKEN) -> None:
        """Somebody types, and is answered."""
        reply = self.begin(author, person, text)
        self.notes(ReplyEnded(trace(reply, outcome), heard))

    def begin(self, author: str, person: int | None, text: str, *, recited: bool = False) -> str:
        self.replies += 1
        self.notes(PromptTaken(f"r{self.replies}", author, text, recited, person))
        return f"r{self.replies}"

    async def spoken(self, outcome: Outcome, *between: CallEvent) -> None:
        """The next announcement ends with this outcome. The events happen before the code that waits for it goes on."""
        while not self.said or self.said[-1].outcome is not None:
            await asyncio.sleep(0)
        handle = self.said[-1]
        reply = self.begin("", None, handle.prompt.text, recited=True)
        self.notes(ReplyEnded(trace(reply, outcome), handle.prompt.text))
        for event in between:
            self.notes(event)
        handle.end(outcome)
        await asyncio.sleep(0)


def trace(reply: str, outcome: Outcome) -> ReplyTrace:
    return ReplyTrace(reply, outcome, 0.0)


def heard(person: int, name: str, text: str, number: int = 1) -> UtteranceHeard:
    return UtteranceHeard(person, name, text, addressed=False, turn=TurnId(person, number))


async def test_only_turns_that_begin_after_the_announcement_was_heard_are_noted() -> None:
    notebook = Notebook()
    room = Room(notebook)
    room.notes(SpeechStarted(TurnId(BEN, 1)))
    starting = asyncio.create_task(room.notes.start("Ada"))
    await room.spoken(Outcome.INTERRUPTED, heard(ADA, "Ada", "too early"))
    announced = room.notes.on
    assert announced
    assert notebook.begun == []
    earlier = room.begin("Ada", ADA, "typed before")
    # The first words come before the task that waits for the announcement has gone on.
    typed = PromptTaken("r99", "Ada", "typed at once", person=ADA)
    await room.spoken(Outcome.SPOKEN, typed, ReplyEnded(trace("r99", Outcome.INTERRUPTED), "An ans"))
    await starting
    room.notes(heard(BEN, "Ben", "begun before"))
    room.notes(ReplyEnded(trace(earlier, Outcome.SPOKEN), "an answer from before"))
    room.notes(SpeechStarted(TurnId(BEN, 2)))
    room.notes(heard(BEN, "Ben", "begun after", 2))
    room.notes(SpeechStarted(TurnId(CLEO, 1)))
    room.notes(heard(CLEO, "Cleo", "a secret"))
    room.answer("Cleo", CLEO, "a typed secret", "an answer to the secret")
    room.notes(PromptTaken("r98", "Ada", "looks it up", person=ADA, late=True))
    assert notebook.begun == ["Ada"]
    assert notebook.lines == [("Ada", "typed at once"), ("Seiyuu", "An ans…"), ("Ben", "begun after")]
    assert all(there == (("Ada", "Ben"), {ADA}) for there in notebook.there), "Cleo has opted out, and Ben is deafened"

    finishing = asyncio.create_task(room.notes.finish())
    await room.spoken(Outcome.SPOKEN)
    await finishing
    room.notes(SpeechStarted(TurnId(BEN, 3)))
    room.notes(heard(BEN, "Ben", "afterwards", 3))
    room.notes(ReplyEnded(trace("r98", Outcome.SPOKEN), "found it"))
    assert len(notebook.lines) == 3
    assert not room.notes.on
    assert room.transport.told == ["Notes for Ada", NOTES_ENDED]
    assert room.said[-1].prompt.text == Announcement.NOTES_ENDED.value
    room.notes(CallEnded("Lounge", "command"))
    assert notebook.ended


async def test_without_an_announcement_that_is_heard_nothing_is_noted() -> None:
    notebook = Notebook()
    room = Room(notebook)
    starting = asyncio.create_task(room.notes.start("Ada"))
    for _ in range(MAX_ANNOUNCEMENTS):
        await room.spoken(Outcome.INTERRUPTED)
    with pytest.raises(NotesError, match=NOTES_NOT_HEARD):
        await starting
    stopped = asyncio.create_task(room.notes.start("Ada"))
    while len(room.said) == MAX_ANNOUNCEMENTS:
        await asyncio.sleep(0)
    room.notes.stop()
    await room.spoken(Outcome.SPOKEN)
    await stopped
    room.answer("Ada", ADA, "Hello?", "Hello.")
    assert notebook == Notebook()
    assert not room.notes.on
    with pytest.raises(NotesError, match=NOTES_OFF):
        await Room(None).notes.start("Ada")
    assert [handle.prompt.text for handle in room.said] == [Announcement.NOTES_BEGAN.value] * (MAX_ANNOUNCEMENTS + 1)

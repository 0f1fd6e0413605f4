"""Takes the notes of a call. Notes are announced first, and only what is said after that enters them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Protocol

from bot.llm.history import Turn
from bot.llm.spoken_lines import Announcement
from bot.voice.events import CallEnded, CallEvent, PromptTaken, ReplyEnded, SpeechStarted, UtteranceHeard
from bot.voice.listening_notice import (
    NOTES_DROPPED,
    NOTES_ENDED,
    NOTES_NOT_HEARD,
    NOTES_OFF,
    NOTES_REFUSED,
)
from bot.voice.notices import Notices
from bot.voice.prompt_handles import PromptHandle
from bot.voice.records.announcing import HEARD, announce_until_heard
from bot.voice.turn import Outcome, TurnId

_WHY_NOT_SAID: Mapping[Outcome, str] = MappingProxyType(
    {Outcome.REFUSED: NOTES_REFUSED, Outcome.DISCARDED: NOTES_DROPPED}
)


class NotesError(Exception):
    """No notes are taken. The message says why, for users."""


class Notebook(Protocol):
    """Stores the notes of one call. Its methods must not block."""

    def keeps(self, person: int) -> bool:
        """Whether the words of a person (user id) may be in the notes."""
        ...

    def begin(self, asked_by: str) -> None:
        """Begin, or go on after a pause. ``asked_by`` is the name of who asked for it."""
        ...

    def present(self, people: Mapping[int, str], hearing: Collection[int]) -> None:
        """Note who is in the call now (names by user id), and which of them hear what is said."""
        ...

    def said(self, turn: Turn) -> None:
        """Store a line: words of a person, or the part of an answer that was heard."""
        ...

    def end(self) -> None:
        """The call is over."""
        ...


@dataclass(slots=True, eq=False)
class _Announcement:
    """Notes that are being announced.

    Attributes:
        asked_by: the name of who asked for them.
        spoken: the text that is said.
        reply: the id of the reply in which it is said; "" if it has not begun.
    """

    asked_by: str
    spoken: str
    reply: str = ""


class NoteTaking:
    """Begins and ends the notes of one call. Use it only on the event loop.

    It is a :data:`~bot.voice.events.Watcher`, and must be given every event of the call.

    Args:
        notebook: stores the lines; ``None`` if the operator wants no notes.
        attending: returns the names of the people in the call, by user id.
        hears: says whether a person (user id) hears the call.
        notices: writes into the prompt channel.
        recite: speaks a text.
        announcement: makes the written announcement. It gets the name of who asked for the notes.
        aloud: returns a spoken announcement, in the language of the call.
        bot_name: called for each answer; returns the bot's name.
    """

    def __init__(
        self,
        notebook: Notebook | None,
        attending: Callable[[], Mapping[int, str]],
        hears: Callable[[int], bool],
        notices: Notices,
        recite: Callable[[str], PromptHandle],
        announcement: Callable[[str], str],
        aloud: Callable[[Announcement], str],
        bot_name: Callable[[], str],
    ) -> None:
        self._notebook = notebook
        self._attending = attending
        self._hears = hears
        self._notices = notices
        self._recite = recite
        self._announcement = announcement
        self._aloud = aloud
        self._bot_name = bot_name
        self._announced: _Announcement | None = None
        self._taking = False
        self._turns: set[TurnId] = set()
        """The turns that have begun since people know of the notes."""
        self._replies: dict[str, int | None] = {}
        """The replies that have begun since people know of the notes, with the person to whose data each belongs."""

    @property
    def on(self) -> bool:
        """Whether notes are taken, or are being announced."""
        return self._taking or self._announced is not None

    async def start(self, asked_by: str) -> None:
        """Announce notes, in writing and aloud, and take them from the end of the announcement on.

        No notes are taken if :meth:`stop` is called before that. If the written announcement can't be posted, its
        exception is raised and no notes are taken.

        Args:
            asked_by: the name of who asked for them.

        Raises:
            NotesError: the operator wants none, or people could not hear the announcement.
        """
        if self._notebook is None:
            raise NotesError(NOTES_OFF)
        if self.on:
            return
        announced = self._announced = _Announcement(asked_by, self._aloud(Announcement.NOTES_BEGAN))
        try:
            await self._notices.announce(self._announcement(asked_by))
            outcome = await announce_until_heard(self._recite, announced.spoken)
            if self._announced is announced and outcome not in HEARD:
                raise NotesError(_WHY_NOT_SAID.get(outcome, NOTES_NOT_HEARD))
        finally:
            if self._announced is announced:
                self._announced = None

    async def finish(self) -> None:
        """Take no further lines, and tell everybody, in writing and aloud."""
        if self.on:
            self.stop()
            await self._notices.announce(NOTES_ENDED)
            self._recite(self._aloud(Announcement.NOTES_ENDED))

    def stop(self) -> None:
        """Take no further lines."""
        self._announced = None
        self._taking = False
        self._turns.clear()
        self._replies.clear()

    def __call__(self, event: CallEvent) -> None:
        """Take a line of what a person said, or of the part of an answer that was heard. Ignore other events."""
        match event:
            case CallEnded():
                self.stop()
                if self._notebook is not None:
                    self._notebook.end()
            case _ if self._taking and self._notebook is not None:
                self._take(event, self._notebook)
            case _ if self._announced is not None and self._notebook is not None:
                self._follow(event, self._announced, self._notebook)
            case _:
                pass

    def _follow(self, event: CallEvent, announced: _Announcement, notebook: Notebook) -> None:
        """Begin at the very event which says that the announcement was heard: what is said next is a line already."""
        match event:
            case PromptTaken(reply, text=text, recited=True) if text == announced.spoken:
                announced.reply = reply
            case ReplyEnded(trace) if trace.reply == announced.reply and trace.outcome in HEARD:
                self._taking = True
                notebook.begin(announced.asked_by)
                self._note_people()
            case _:
                pass

    def _take(self, event: CallEvent, notebook: Notebook) -> None:
        match event:
            case SpeechStarted(turn):
                self._turns.add(turn)
            # People who began to speak before the announcement was over did not know that their words would be noted.
            case UtteranceHeard(person, author, text, turn=turn) if turn is None or turn in self._turns:
                self._said(Turn.of_person(author, text, person), notebook)
            case PromptTaken(reply, author, text, recited, person, turn, late):
                if event.asker is None or notebook.keeps(event.asker):
                    self._replies[reply] = event.asker
                # A spoken prompt has come as an utterance already. A recited text is an answer, not the person's words.
                if person is not None and turn is None and not recited and not late:
                    self._said(Turn.of_person(author, text, person), notebook)
            case ReplyEnded(trace, heard) if trace.reply in self._replies:
                asker = self._replies.pop(trace.reply)
                # The person may have opted out during the answer.
                if heard and (asker is None or notebook.keeps(asker)):
                    answer = Turn.of_bot(heard, interrupted=event.interrupted, name=self._bot_name(), asker=asker)
                    self._said(answer, notebook)
            case _:
                pass

    def _said(self, turn: Turn, notebook: Notebook) -> None:
        if turn.person is None or notebook.keeps(turn.person):
            self._note_people()
            notebook.said(turn)

    def _note_people(self) -> None:
        if self._notebook is not None:
            people = {each: name for each, name in self._attending().items() if self._notebook.keeps(each)}
            self._notebook.present(people, tuple(filter(self._hears, people)))

"""Passes on what is said in a call to the store of conversations (``bot/conversations``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import replace
from typing import Protocol

from bot.llm.history import Turn
from bot.voice.events import CallEnded, CallEvent, PromptTaken, ReplyEnded, SpeechStarted, UtteranceHeard
from bot.voice.turn import TurnId

MAX_OPEN_TURNS = 64
"""For at most this many turns it is remembered who heard their beginning.

Without this limit, turns that turn out to be no speech would be remembered for good.
"""


class TurnKeeper(Protocol):
    """Stores the turns of one call. Its methods must not block."""

    def keeps(self, person: int) -> bool:
        """Whether the words of a person (user id) are stored."""
        ...

    def said(self, turn: Turn, present: Mapping[int, str] | None = None) -> None:
        """Store a turn: words of a person, or the part of an answer that was heard.

        Args:
            present: the names of the people who heard it, by user id; ``None`` if that is not known.
        """
        ...

    def end(self) -> None:
        """End the call's conversation."""
        ...


class KeptTurns:
    """A :data:`~bot.voice.events.Watcher` that passes on the turns of one call.

    If a person's words are not stored, answers to that person are not stored either, because they may repeat the words.

    Args:
        keeper: stores the turns.
        bot_name: called for each answer; returns the bot's name.
        present: returns the names of the people who hear the call now, by user id.
    """

    def __init__(
        self, keeper: TurnKeeper, bot_name: Callable[[], str], present: Callable[[], Mapping[int, str]] = dict
    ) -> None:
        self._keeper = keeper
        self._bot_name = bot_name
        self._present = present
        self._asker: int | None = None
        self._answer_is_kept = True
        self._heard_from: dict[TurnId, Set[int]] = {}
        """The people who heard the beginning of each turn that is not transcribed yet."""

    def __call__(self, event: CallEvent) -> None:
        """Pass on what a person said, or the part of an answer that was heard. Ignore other events."""
        match event:
            case SpeechStarted(turn):
                self._heard_from[turn] = frozenset(self._present())
                while len(self._heard_from) > MAX_OPEN_TURNS:
                    del self._heard_from[next(iter(self._heard_from))]
            case UtteranceHeard(person, author, text, turn=turn):
                self._keeper.said(Turn.of_person(author, text, person), self._witnesses(person, author, turn))
            case PromptTaken(person=person, author=author, text=text, turn=turn, recited=recited, late=late):
                self._asker = event.asker
                self._answer_is_kept = self._may_keep_answer()
                # A spoken prompt has come as an utterance already. A recited text is an answer, not the person's words.
                if person is not None and turn is None and not recited and not late:
                    typed = replace(Turn.of_person(author, text, person), typed=True)
                    self._keeper.said(typed, self._witnesses(person, author, None))
            case ReplyEnded(_, heard):
                # The person may have opted out during the answer.
                if self._answer_is_kept and self._may_keep_answer() and (heard or event.interrupted):
                    self._keeper.said(
                        Turn.of_bot(heard, interrupted=event.interrupted, name=self._bot_name(), asker=self._asker)
                    )
            case CallEnded():
                self._keeper.end()
            case _:
                pass

    def _may_keep_answer(self) -> bool:
        return self._asker is None or self._keeper.keeps(self._asker)

    def _witnesses(self, speaker: int, name: str, turn: TurnId | None) -> dict[int, str]:
        """Who heard a turn as a whole: the speaker, and whoever was there when it began and still is."""
        now = self._present()
        began = now.keys() if turn is None else self._heard_from.pop(turn, now.keys())
        return {speaker: name} | {person: now[person] for person in sorted(now.keys() & began)}

"""Passes on what is said in a call to the store of conversations (``bot/conversations``)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bot.llm.history import Turn
from bot.voice.events import CallEnded, CallEvent, PromptTaken, ReplyEnded, UtteranceHeard


class TurnKeeper(Protocol):
    """Stores the turns of one call. Its methods must not block."""

    def keeps(self, person: int) -> bool:
        """Whether the words of a person (user id) are stored."""
        ...

    def said(self, turn: Turn) -> None:
        """Store a turn: words of a person, or the part of an answer that was heard."""
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
    """

    def __init__(self, keeper: TurnKeeper, bot_name: Callable[[], str]) -> None:
        self._keeper = keeper
        self._bot_name = bot_name
        self._answer_is_kept = True

    def __call__(self, event: CallEvent) -> None:
        """Pass on what a person said, or the part of an answer that was heard. Ignore other events."""
        match event:
            case UtteranceHeard(person, author, text):
                self._keeper.said(Turn.of_person(author, text, person))
            case PromptTaken(person=person, author=author, text=text, turn=turn, recited=recited):
                self._answer_is_kept = person is None or self._keeper.keeps(person)
                # A spoken prompt has come as an utterance already. A recited text is an answer, not the person's words.
                if person is not None and turn is None and not recited:
                    self._keeper.said(Turn.of_person(author, text, person))
            case ReplyEnded(_, heard):
                if self._answer_is_kept and (heard or event.interrupted):
                    self._keeper.said(Turn.of_bot(heard, interrupted=event.interrupted, name=self._bot_name()))
            case CallEnded():
                self._keeper.end()
            case _:
                pass

"""What is said in a call, on its way to where conversations are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from bot.llm.history import Turn
from bot.voice.events import CallEnded, CallEvent, PromptTaken, ReplyEnded, UtteranceHeard


class TurnKeeper(Protocol):
    """Keeps the turns of one call; nothing in it may block."""

    def keeps(self, person: int) -> bool:
        """Whether what somebody (a user id) says is kept."""
        ...

    def said(self, turn: Turn) -> None:
        """Somebody said or wrote something, or so much of an answer was heard."""
        ...

    def end(self) -> None:
        """The call is over."""
        ...


class KeptTurns:
    """A :data:`~bot.voice.events.Watcher` of one call.

    The answer to somebody of whom nothing is kept is not kept either: it may say again what they said.
    """

    def __init__(self, keeper: TurnKeeper, bot_name: Callable[[], str]) -> None:
        self._keeper = keeper
        self._bot_name = bot_name
        self._answer_is_kept = True

    def __call__(self, event: CallEvent) -> None:
        """Take what was said and what was heard of an answer; other events pass."""
        match event:
            case UtteranceHeard(person, author, text):
                self._keeper.said(Turn.of_person(author, text, person))
            case PromptTaken(person=person, author=author, text=text, turn=turn, recited=recited):
                self._answer_is_kept = person is None or self._keeper.keeps(person)
                # What was spoken has been heard as an utterance, and what is recited is the bot's own.
                if person is not None and turn is None and not recited:
                    self._keeper.said(Turn.of_person(author, text, person))
            case ReplyEnded(_, heard):
                if self._answer_is_kept and (heard or event.interrupted):
                    self._keeper.said(Turn.of_bot(heard, interrupted=event.interrupted, name=self._bot_name()))
            case CallEnded():
                self._keeper.end()
            case _:
                pass

"""An answer whose parts may come from several servers, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.llm.answer import AnswerPart, TextDelta
from bot.llm.continuation import Joint, SaidText, going_on
from bot.llm.messages import ChatMessage


class AnswerSoFar:
    """Passes on the parts of an answer as they come. If another server makes the rest, joins it to what was said.

    Attributes:
        called: whether a tool was called.
    """

    def __init__(self) -> None:
        self.called = False
        self._said = SaidText()
        self._joint: Joint | None = None
        self._mood: str | None = None

    @property
    def begun(self) -> bool:
        """Whether there are words that people hear."""
        return bool(self._said.text.strip())

    def take(self, part: AnswerPart) -> list[AnswerPart]:
        """Take the next part of the answer. Returns the parts to pass on."""
        if not isinstance(part, TextDelta):
            self.called = True
            return [*self.end(), part]
        if part.retracts:
            self._said.retract()
        self._mood = self._mood if self.begun else part.mood or self._mood
        text = part.text if self._joint is None else self._joint.feed(part.text)
        return self._passed_on(replace(part, text=self._said.feed(text)))

    def end(self) -> list[AnswerPart]:
        """End the answer, or a piece of it. Returns what was held back."""
        rest = "" if self._joint is None else self._said.feed(self._joint.end())
        return self._passed_on(TextDelta(rest + self._said.rest()))

    def broke_off(self) -> None:
        """Forget an unfinished word of the answer, because the server has failed and will not finish it."""
        self._said.lose()

    def go_on(self, messages: Sequence[ChatMessage], *, continues: bool) -> Sequence[ChatMessage]:
        """The messages for the server that is asked next, whose answer will be joined to the words that were said.

        Args:
            continues: whether the server goes on with an assistant's message that was begun.
        """
        if not self.begun:
            return messages
        self._joint = Joint(self._said.text, continues=continues)
        return going_on(messages, self._said.text, continues=continues)

    def _passed_on(self, part: TextDelta) -> list[AnswerPart]:
        if not part.text and not part.retracts:
            return []
        mood, self._mood = self._mood, None
        return [replace(part, mood=mood)]

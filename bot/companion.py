"""The mind behind the voice: persona, history and model server put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from datetime import datetime

from bot.llm.circumstances import Circumstances, moment
from bot.llm.errors import ModelError
from bot.llm.history import History, user_line
from bot.llm.messages import ChatMessage
from bot.llm.personas import Character
from bot.llm.prompts import build_messages
from bot.llm.stream import ModelClient

_log = logging.getLogger(__name__)


class ModelCompanion:
    """A :class:`~bot.voice.dialogue.conversation.Companion` for one call, with a history of its own.

    Where the persona changes in the middle of the call, what was said stays said: the new one answers to it.

    Args:
        character: who answers, asked anew for each reply.
        room: where the call is and who is in it, as :func:`~bot.llm.circumstances.call_room` writes it.
        clock: what time it is, in the time zone of the people.
        context_messages: how many messages of the history the model sees.
    """

    def __init__(
        self,
        character: Callable[[], Character],
        room: Callable[[], str],
        clock: Callable[[], datetime],
        model: ModelClient,
        context_messages: int,
    ) -> None:
        self._character = character
        self._room = room
        self._clock = clock
        self._model = model
        self._context_messages = context_messages
        self._history = History()

    async def warm_up(self) -> None:
        """Fill the server's prompt cache, and ask how much it takes in; what is wrong is told with the first answer."""
        character = self._character()
        try:
            await self._model.warm_up(self._messages(character, "Someone", "hello"), model=character.persona.model)
        except ModelError as error:
            _log.warning("The model server does not warm up: %s", error)
        await self._model.learn_context_size(model=character.persona.model)

    def answer(self, author: str, text: str) -> AsyncGenerator[str, None]:
        """Stream the answer to what ``author`` said; raises :class:`~bot.llm.errors.ModelError` while it is read."""
        character = self._character()
        return self._model.stream(self._messages(character, author, text), model=character.persona.model)

    def _messages(self, character: Character, author: str, text: str) -> tuple[ChatMessage, ...]:
        return build_messages(
            character.persona,
            character.mood,
            self._history,
            user_line(author, text),
            self._context_messages,
            Circumstances(self._room(), moment(self._clock())),
        )

    def remember(self, author: str, text: str, heard: str, *, interrupted: bool) -> None:
        """Add the exchange to the history, as far as it was heard."""
        self._history.add_user(author, text)
        if interrupted:
            self._history.add_interrupted_reply(heard)
        else:
            self._history.add_reply(heard)

    def overhear(self, author: str, text: str) -> None:
        """Add to the history what somebody said that was not answered."""
        self._history.add_user(author, text)

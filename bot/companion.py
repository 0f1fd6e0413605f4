"""The mind behind the voice: persona, history and model server put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Sequence

from bot.llm.errors import ModelError
from bot.llm.history import History, user_line
from bot.llm.messages import ChatMessage
from bot.llm.personas import Persona
from bot.llm.prompts import build_messages
from bot.llm.stream import ModelClient

_log = logging.getLogger(__name__)


class ModelCompanion:
    """A :class:`~bot.voice.dialogue.conversation.Companion` for one call, with a history of its own."""

    def __init__(self, persona: Persona, mood: str, model: ModelClient, context_messages: int) -> None:
        self._persona = persona
        self._mood = mood
        self._model = model
        self._context_messages = context_messages
        self._history = History()

    async def warm_up(self) -> None:
        """Open the connection and fill the server's prompt cache; what is wrong is told with the first answer."""
        try:
            await self._model.warm_up(self._messages("Someone", "hello"), model=self._persona.model)
        except ModelError as error:
            _log.warning("The model server does not warm up: %s", error)

    def answer(self, author: str, text: str) -> AsyncGenerator[str, None]:
        """Stream the answer to what ``author`` said; raises :class:`~bot.llm.errors.ModelError` while it is read."""
        return self._model.stream(self._messages(author, text), model=self._persona.model)

    def _messages(self, author: str, text: str) -> Sequence[ChatMessage]:
        prompt = user_line(author, text)
        return build_messages(self._persona, self._mood, self._history, prompt, self._context_messages)

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

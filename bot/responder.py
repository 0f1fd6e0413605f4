"""The mind behind the voice: persona, history and model server put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime

from bot.llm.cleaning import clean_name
from bot.llm.client import ModelClient
from bot.llm.errors import ModelError
from bot.llm.history import MAX_TURNS, History, Turn, speakers_of_turns
from bot.llm.messages import ChatMessage, SpeakerNames
from bot.llm.personas import Character
from bot.llm.prompts import SPOKEN, CallRoom, ConversationMessages, call_room
from bot.llm.small_model import SmallPrompts

_log = logging.getLogger(__name__)

_ROLES = ("User", "Human")
"""As what small models go on for the people, by names that nobody here has."""
_LEAST_TURNS = 4
"""So many earlier turns a model sees in any case, where it may see them; a small one may see fewer."""


class ModelResponder:
    """A :class:`~bot.voice.ports.Responder` for one call, which reads the call's history.

    Where the persona changes in the middle of the call, what was said stays said: the new one answers to it.

    Args:
        character: who answers, asked anew for each reply.
        history: what was said in the call so far; a thought that the model said aloud is taken out of it.
        room: where the call is and who is in it.
        clock: what time it is, in the time zone of the people.
        context_messages: how many turns of the history the model sees.
        small_prompts: what a small model is told.
    """

    def __init__(
        self,
        character: Callable[[], Character],
        history: History,
        room: Callable[[], CallRoom],
        clock: Callable[[], datetime],
        model: ModelClient,
        context_messages: int,
        small_prompts: SmallPrompts,
    ) -> None:
        self._character = character
        self._history = history
        self._room = room
        self._model = model
        self._context_messages = context_messages
        self._prompts = ConversationMessages(SPOKEN, model, clock, small_prompts)

    async def warm_up(self) -> None:
        """Fill the server's prompt cache, and ask about its model; what is wrong is told with the first answer."""
        character = self._character()
        await self._model.learn_model_size(model=character.persona.model)
        asked = await self._messages(character, Turn.of_person("Someone", "hello"))
        try:
            await self._model.warm_up(asked, model=character.persona.model)
        except ModelError as error:
            _log.warning("The model server could not be warmed up: %s", error)
        await self._model.learn_context_size(model=character.persona.model)

    async def answer(self, asked: Turn, when_loading: Callable[[], None] | None = None) -> AsyncGenerator[str, None]:
        """Stream the answer to a turn; raises :class:`~bot.llm.errors.ModelError` while it is read.

        ``when_loading`` is called once if the model is still being loaded, and has been for a while.
        """
        character = self._character()
        messages = await self._messages(character, asked)
        said = ""
        known = self._speakers(character, asked)
        pieces = self._model.text(messages, model=character.persona.model, speakers=known, when_loading=when_loading)
        async with aclosing(pieces):
            async for piece in pieces:
                if piece.retracts:
                    self._history.drop_thought(said)
                    continue
                said += piece.text
                yield piece.text

    def _speakers(self, character: Character, asked: Turn) -> SpeakerNames:
        people = (*self._room().people, asked.speaker)
        names = [*speakers_of_turns(self._history.newest(MAX_TURNS)), *map(clean_name, people), *_ROLES]
        return SpeakerNames.of(character.persona.names, names)

    async def _messages(self, character: Character, asked: Turn) -> tuple[ChatMessage, ...]:
        most = self._context_messages
        # A history that slid on with each turn would be new to the server's prompt cache each time.
        least = most // 2 if self._prompts.is_small(character.persona) else max(most // 2, _LEAST_TURNS)
        room = self._room()
        earlier = self._history.recent(most, least)
        return await self._prompts.write(character, earlier, asked, call_room(room.channel, room.people))

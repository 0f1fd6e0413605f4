"""The mind behind the voice: persona, history and model server put together."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from datetime import datetime

from bot.llm.circumstances import CallRoom, Circumstances, call_room, moment
from bot.llm.cleaning import clean_name
from bot.llm.errors import ModelError
from bot.llm.history import MAX_MESSAGES, History, speakers, user_line
from bot.llm.messages import ChatMessage
from bot.llm.personas import Character
from bot.llm.prompts import alternating, build_messages
from bot.llm.small_talk import Beginnings, SmallTalk
from bot.llm.speakers import Speakers
from bot.llm.stream import ModelClient

_log = logging.getLogger(__name__)

_ROLES = ("User", "Human")
"""As what small models go on for the people, by names that nobody here has."""


class ModelCompanion:
    """A :class:`~bot.voice.dialogue.conversation.Companion` for one call, with a history of its own.

    Where the persona changes in the middle of the call, what was said stays said: the new one answers to it.

    Args:
        character: who answers, asked anew for each reply.
        room: where the call is and who is in it.
        clock: what time it is, in the time zone of the people.
        context_messages: how many messages of the history the model sees.
        beginnings: what a small model is told.
    """

    def __init__(
        self,
        character: Callable[[], Character],
        room: Callable[[], CallRoom],
        clock: Callable[[], datetime],
        model: ModelClient,
        context_messages: int,
        beginnings: Beginnings,
    ) -> None:
        self._character = character
        self._room = room
        self._clock = clock
        self._model = model
        self._context_messages = context_messages
        self._history = History()
        self._thoughts_aloud: list[str] = []
        self._small_talk = SmallTalk(beginnings)

    async def warm_up(self) -> None:
        """Fill the server's prompt cache, and ask about its model; what is wrong is told with the first answer."""
        character = self._character()
        await self._get_to_know(character)
        try:
            await self._model.warm_up(self._messages(character, "Someone", "hello"), model=character.persona.model)
        except ModelError as error:
            _log.warning("The model server could not be warmed up: %s", error)
        await self._model.learn_context_size(model=character.persona.model)

    async def answer(
        self, author: str, text: str, when_loading: Callable[[], None] | None = None
    ) -> AsyncGenerator[str, None]:
        """Stream the answer to what ``author`` said; raises :class:`~bot.llm.errors.ModelError` while it is read.

        ``when_loading`` is called once if the model is still being loaded, and has been for a while.
        """
        character = self._character()
        if self._model.size_of(model=character.persona.model).small:
            await self._small_talk.load()
        asked = self._messages(character, author, text)
        said = ""
        known = self._speakers(character, author)
        pieces = self._model.text(asked, model=character.persona.model, speakers=known, when_loading=when_loading)
        async with aclosing(pieces):
            async for piece in pieces:
                if piece.retracts:
                    self._thoughts_aloud.append(said)
                    # Of a reply that was cut short before, nobody saw that it was a thought.
                    self._history.forget_interrupted()
                    continue
                said += piece.text
                yield piece.text

    def _speakers(self, character: Character, author: str) -> Speakers:
        people = (*self._room().people, author)
        names = [*speakers(self._history.newest(MAX_MESSAGES)), *map(clean_name, people), *_ROLES]
        return Speakers.of(character.persona.names, names)

    async def _get_to_know(self, character: Character) -> None:
        await self._model.learn_model_size(model=character.persona.model)
        if self._model.size_of(model=character.persona.model).small:
            await self._small_talk.load()

    def _messages(self, character: Character, author: str, text: str) -> tuple[ChatMessage, ...]:
        size = self._model.size_of(model=character.persona.model)
        if size.small:
            earlier = self._history.recent(self._context_messages, self._context_messages // 2)
            talk = alternating([*earlier, ChatMessage("user", user_line(author, text))])
            return self._small_talk.messages(character.persona, talk, size)
        room = self._room()
        return build_messages(
            character.persona,
            character.mood,
            self._history,
            user_line(author, text),
            self._context_messages,
            Circumstances(call_room(room.channel, room.people), moment(self._clock())),
        )

    def remember(self, author: str, text: str, heard: str, *, interrupted: bool) -> None:
        """Add the exchange to the history, as far as it was heard; a thought that was said aloud stays out of it."""
        self._history.add_user(author, text)
        if self._is_thought(heard):
            return
        if interrupted:
            self._history.add_interrupted_reply(heard)
        else:
            self._history.add_reply(heard)

    def _is_thought(self, heard: str) -> bool:
        """Whether what was heard begins with a thought that the model was found to have said aloud."""
        words = heard.split()
        return any(words and _begin_alike(words, thought.split()) for thought in self._thoughts_aloud)

    def overhear(self, author: str, text: str) -> None:
        """Add to the history what somebody said that was not answered."""
        self._history.add_user(author, text)


def _begin_alike(words: Sequence[str], others: Sequence[str]) -> bool:
    """Whether one is the beginning of the other; the last word of ``words`` may be cut off."""
    shorter = min(len(words), len(others))
    return words[: shorter - 1] == others[: shorter - 1] and others[shorter - 1].startswith(words[shorter - 1])

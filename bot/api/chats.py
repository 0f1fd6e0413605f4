"""Conversations that programs have with the persona. A program continues one of them by sending its id."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from secrets import token_urlsafe
from typing import Protocol

from bot.llm.answer_progress import AnswerProgress
from bot.llm.history import History, Turn
from bot.llm.personas import Character
from bot.llm.silence import SilenceFilter
from bot.voice.browser.people import web_name, web_person
from bot.voice.ports import Responder
from bot.voice.records.kept_turns import TurnKeeper

MAX_CHATS = 100
"""Largest number of conversations at once. If there are more, the one that was used least recently is ended."""
IDLE_LIMIT = 3_600.0
"""Seconds without a question after which a conversation is over."""
ID_BYTES = 18
"""Length of a conversation's id, in bytes, before it is written in base64."""
MAX_ID = 64
"""Largest number of characters of an id that a client may send."""


class NoSuchChatError(LookupError):
    """There is no conversation with this id, or none any more."""


class MakeResponder(Protocol):
    """Builds the responder for one answer."""

    def __call__(self, history: History, name: str, *, spoken: bool) -> Responder:
        """Build the responder.

        Args:
            history: the history of the conversation.
            name: the name of the person who asks.
            spoken: whether the answer is read aloud.
        """
        ...


@dataclass(slots=True, eq=False)
class Chat:
    """One conversation. Its questions are answered one after the other.

    Attributes:
        used_at: when it was used last, in monotonic seconds.
    """

    id: str
    keeper: TurnKeeper
    used_at: float
    history: History = field(default_factory=History)
    answering: asyncio.Lock = field(default_factory=asyncio.Lock)


class Chats:
    """The conversations of all programs, kept in memory. Use it only on the event loop.

    All programs that may use the bot's HTTP server count as one person: whoever gives no name on the page.

    Args:
        make_responder: builds the responder for one answer.
        make_keeper: builds the object that stores the turns of a new conversation.
        character: returns the persona and mood for the next answer.
        answered: called after each whole answer with the mood that the answer named; ``None`` if it named none.
        clock: returns monotonic seconds.
    """

    def __init__(
        self,
        make_responder: MakeResponder,
        make_keeper: Callable[[], TurnKeeper],
        character: Callable[[], Character],
        answered: Callable[[str | None], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._make_responder = make_responder
        self._make_keeper = make_keeper
        self._character = character
        self._answered = answered
        self._clock = clock
        self._chats: OrderedDict[str, Chat] = OrderedDict()
        self._forgotten = 0
        """How many times somebody was forgotten."""
        self._name = web_name("")
        self._person = web_person("")

    def open(self, name: str | None) -> Chat:
        """The conversation with the id ``name``, or a new one for ``None``; raises :class:`NoSuchChatError`."""
        self._end_old()
        if name is None:
            chat = Chat(token_urlsafe(ID_BYTES), self._make_keeper(), self._clock())
            self._chats[chat.id] = chat
            while len(self._chats) > MAX_CHATS:
                self._end(next(iter(self._chats)))
        elif name in self._chats:
            chat = self._chats[name]
            self._use(chat)
        else:
            raise NoSuchChatError(name)
        return chat

    async def answer(self, chat: Chat, text: str, *, spoken: bool) -> AsyncGenerator[str, None]:
        """Stream the answer to a text, and remember both. If the answer breaks off, its first part is remembered.

        If the model has nothing to say, the answer is the persona's line for that: whoever asks here is never ignored.

        Args:
            text: the words, which must be cleaned already (:func:`~bot.llm.cleaning.clean_prompt`).
            spoken: whether the words were spoken, and the answer is read aloud.

        Raises:
            ModelError: there is no answer, or it broke off.
        """
        async with chat.answering:
            asked = Turn.of_person(self._name, text, self._person)
            responder = self._make_responder(chat.history, self._name, spoken=spoken)
            said, whole, silence, forgotten = "", False, SilenceFilter(), self._forgotten
            named: str | None = None

            def note_mood(mood: str | None) -> None:
                nonlocal named
                named = mood

            try:
                async with aclosing(responder.answer(asked, AnswerProgress(mood=note_mood))) as pieces:
                    async for piece in pieces:
                        if text := silence.feed(piece):
                            said += text
                            yield text
                if rest := silence.end():
                    said += rest
                    yield rest
                if not said.strip():
                    said = self._character().persona.confused_line
                    yield said
                    named = None
                whole = True
                await self._answered(named)
            finally:
                self._use(chat)
                # If its person was forgotten meanwhile, the answer is still sent, but nothing of it is remembered.
                if said.strip() and forgotten == self._forgotten:
                    self._remember(chat, asked, said, interrupted=not whole, typed=not spoken)

    def forget(self, person: int) -> None:
        """Forget what a person has said, and the answers, because they opted out."""
        self._forgotten += person == self._person
        for chat in self._chats.values():
            chat.history.forget(person)

    def close(self) -> None:
        """End all conversations."""
        for name in tuple(self._chats):
            self._end(name)

    def _remember(self, chat: Chat, asked: Turn, said: str, *, interrupted: bool, typed: bool) -> None:
        name = self._character().persona.name
        answered = Turn.of_bot(said, interrupted=interrupted, name=name, asker=self._person)
        chat.history.add(asked)
        chat.history.add(answered)
        # An answer may repeat the question's words, so it is stored only if the question is.
        if chat.id in self._chats and chat.keeper.keeps(self._person):
            chat.keeper.said(replace(asked, typed=typed))
            chat.keeper.said(answered)

    def _use(self, chat: Chat) -> None:
        if chat.id in self._chats:
            chat.used_at = self._clock()
            self._chats.move_to_end(chat.id)

    def _end_old(self) -> None:
        oldest = self._clock() - IDLE_LIMIT
        for name in [chat.id for chat in self._chats.values() if chat.used_at < oldest]:
            self._end(name)

    def _end(self, name: str) -> None:
        self._chats.pop(name).keeper.end()

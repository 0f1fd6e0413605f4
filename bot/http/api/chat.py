"""``POST /chat``: a question to the persona in writing, and its answer, whole or word by word."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from aiohttp import web

from bot.api.chats import MAX_ID, Chat, Chats, NoSuchChatError
from bot.http.api.admission import ENGINE_ERRORS, Admission, as_http_error
from bot.http.api.fields import flag, optional_text, required_text
from bot.http.api.streams import DONE, EVENTS, error_event, event, send_stream
from bot.http.bodies import read_object
from bot.http.errors import HttpError
from bot.llm.cleaning import DiscordNames, clean_prompt

CONVERSATION = "X-Conversation"
"""The header with the conversation's id."""
MAX_MESSAGE = 4_000
"""Largest number of characters of a message, as on ``/ws/chat``."""


class ChatApi:
    """The endpoint.

    Args:
        chats: the conversations.
        admission: admits requests to the engines.
    """

    def __init__(self, chats: Chats, admission: Admission) -> None:
        self._chats = chats
        self._admission = admission

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """``POST /chat``."""
        async with self._admission.admit(request):
            fields = await read_object(request)
            words = clean_prompt(required_text(fields, "message", MAX_MESSAGE), DiscordNames())
            if not words:
                raise HttpError(400, "bad_parameter", "message has no words.")
            streams, name = flag(fields, "stream"), optional_text(fields, "conversation", MAX_ID)
            async with self._admission.engines():
                chat = open_chat(self._chats, name)
                if streams:
                    return await send_stream(request, {**EVENTS, CONVERSATION: chat.id}, self._events(chat, words))
                async with aclosing(self._chats.answer(chat, words, spoken=False)) as pieces:
                    reply = "".join([piece async for piece in pieces])
        headers = {CONVERSATION: chat.id}
        return web.json_response({"reply": reply.strip(), "conversation": chat.id}, headers=headers)

    async def _events(self, chat: Chat, words: str) -> AsyncGenerator[bytes, None]:
        """The events of an answer. An error before the first one is raised, a later one is an event."""
        begun = False
        try:
            async with aclosing(self._chats.answer(chat, words, spoken=False)) as pieces:
                async for piece in pieces:
                    yield event({"token": piece} if begun else {"token": piece, "conversation": chat.id})
                    begun = True
        except ENGINE_ERRORS as error:
            if not begun:
                raise
            yield error_event(as_http_error(error))
        yield DONE


def open_chat(chats: Chats, name: str | None) -> Chat:
    """The conversation with the id ``name``, or a new one if it is ``None``; raises :class:`HttpError`."""
    try:
        return chats.open(name)
    except NoSuchChatError:
        raise HttpError(404, "no_conversation", "There is no such conversation, or it is over.") from None

"""``/api/conversations``: what was said in calls and in the text chat, for whoever may use the bot's HTTP server."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import aiosqlite
from aiohttp import web

from bot.conversations.archive import ConversationArchive, OpenedConversation
from bot.conversations.reading import ListedConversation, StoredTurn
from bot.http.api.queries import number_in, parse_id, text_in
from bot.http.errors import HttpError

USUAL_LIMIT, MAX_LIMIT = 50, 200
"""Number of conversations in a list: if the request names none, and at most."""
MAX_SEARCH = 200
"""Largest number of characters of a search."""
MAX_WORDS = 20
"""Largest number of words of a search."""
RETRY_AFTER = 5.0
"""Seconds after which the database may be free again."""

_log = logging.getLogger(__name__)


class ConversationsApi:
    """The endpoints. Whoever may use the HTTP server sees the conversations of all servers, and may delete them.

    Args:
        archive: the stored conversations.
    """

    def __init__(self, archive: ConversationArchive) -> None:
        self._archive = archive

    async def list(self, request: web.Request) -> web.Response:
        """``GET /api/conversations?limit&before&q``: the newest conversations, or those with the words of ``q``."""
        limit = number_in(request, "limit", MAX_LIMIT) or USUAL_LIMIT
        before = number_in(request, "before")
        words = text_in(request, "q", MAX_SEARCH).split()
        if len(words) > MAX_WORDS:
            raise HttpError(413, "too_long", f"q may have at most {MAX_WORDS} words.")
        with _database_errors():
            found = await self._archive.newest(limit, before, words)
        return web.json_response({"conversations": [listed_fields(each) for each in found]})

    async def open(self, request: web.Request) -> web.Response:
        """``GET /api/conversations/{id}``: a conversation with its turns."""
        number = _id(request)
        with _database_errors():
            opened = await self._archive.open(number)
        if opened is None:
            raise _unknown()
        # Thousands of turns take a while, so this is not done on the event loop.
        body = await asyncio.to_thread(lambda: json.dumps(opened_fields(opened)).encode())
        return web.Response(body=body, content_type="application/json")

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /api/conversations/{id}``: afterwards its words are nowhere in the database's files."""
        number = _id(request)
        with _database_errors():
            deleted = await self._archive.delete(number)
        if not deleted:
            raise _unknown()
        return web.Response(status=204)


def listed_fields(conversation: ListedConversation) -> dict[str, Any]:
    """The fields of a conversation in a list."""
    return {**asdict(conversation), "people": list(conversation.people)}


def opened_fields(conversation: OpenedConversation) -> dict[str, Any]:
    """The fields of a conversation with its turns."""
    return {**listed_fields(conversation.listed), "turns": [turn_fields(turn) for turn in conversation.turns]}


def turn_fields(turn: StoredTurn) -> dict[str, Any]:
    """The fields of a turn."""
    return {
        "number": turn.number,
        "who": turn.who,
        "bot": turn.bot,
        "text": turn.text,
        "at": turn.at,
        "interrupted": turn.interrupted,
    }


def _id(request: web.Request) -> int:
    number = parse_id(request.match_info["id"])
    if number is None:
        raise _unknown()
    return number


def _unknown() -> HttpError:
    return HttpError(404, "no_conversation", "There is no conversation with this id.")


@contextmanager
def _database_errors() -> Iterator[None]:
    try:
        yield
    except aiosqlite.Error as error:
        _log.warning("The stored conversations can't be used: %s", error)
        text = "The database is in use, or its disk is full. Try again."
        raise HttpError(503, "database_away", text, retry_after=RETRY_AFTER) from error

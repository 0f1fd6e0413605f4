"""``/api/conversations``: what was said in calls and in the text chat, for whoever may use the bot's HTTP server."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import aiosqlite
from aiohttp import hdrs, web

from bot.conversations.archive import ConversationArchive, NotCorrectableError
from bot.conversations.reading import PageOfTurns
from bot.conversations.recordings import CallRecording
from bot.http.api.conversation_export import export, wanted_format
from bot.http.api.conversation_fields import listed_fields, recording_fields, turn_fields
from bot.http.api.fields import flag, required_text
from bot.http.api.queries import number_in, parse_id, text_in
from bot.http.bodies import read_object
from bot.http.errors import HttpError
from bot.voice.transcribe.learning import Learned, LearnedCorrections

USUAL_LIMIT, MAX_LIMIT = 50, 200
"""Number of conversations in a list: the usual one, and the largest that a request may ask for."""
MAX_TURNS = 1_000
"""Largest number of turns of a page of a conversation."""
MAX_SEARCH = 200
"""Largest number of characters of a search."""
MAX_WORDS = 20
"""Largest number of words of a search."""
MAX_CALL = 100
"""Largest number of characters of a call's id."""
MAX_TEXT = 4_000
"""Largest number of characters of a corrected turn. A message on ``/ws/chat`` has the same limit."""
TYPED = "It was typed, so nobody has misheard it."
RETRY_AFTER = 5.0
"""Seconds after which the database may be free again."""

_log = logging.getLogger(__name__)


class ConversationsApi:
    """The endpoints. Whoever may use the HTTP server sees the conversations of all servers, and may delete them.

    Args:
        archive: the stored conversations.
        corrections: learns from a corrected transcript if the request asks for it.
    """

    def __init__(self, archive: ConversationArchive, corrections: LearnedCorrections) -> None:
        self._archive = archive
        self._corrections = corrections

    async def list(self, request: web.Request) -> web.Response:
        """``GET /api/conversations?limit&before&q&call``: the newest conversations.

        With ``q``, only those with its words; with ``call``, the id of a call, only the conversation of this call.
        """
        limit = number_in(request, "limit", MAX_LIMIT) or USUAL_LIMIT
        before = number_in(request, "before")
        words = text_in(request, "q", MAX_SEARCH).split()
        call = text_in(request, "call", MAX_CALL) or None
        if len(words) > MAX_WORDS:
            raise HttpError(413, "too_long", f"q may have at most {MAX_WORDS} words.")
        with _database_errors():
            found = await self._archive.newest(limit, before, words, call)
        return web.json_response({"conversations": [listed_fields(each) for each in found]})

    async def open(self, request: web.Request) -> web.Response:
        """``GET /api/conversations/{id}?limit&before&after&format``: a conversation with its turns, also as a file."""
        number = _id(request)
        form, as_file = wanted_format(request)
        page = _page(request)
        with _database_errors():
            opened = await self._archive.open(number, page)
        if opened is None:
            raise _unknown()
        # Thousands of turns take a while, so this is not done on the event loop.
        return await asyncio.to_thread(partial(export, opened, form, as_file=as_file))

    async def recordings(self, request: web.Request) -> web.Response:
        """``GET /api/conversations/{id}/recordings``: what was recorded of a call."""
        found = await self._recordings(request)
        return web.json_response({"recordings": [recording_fields(each) for each in found]})

    async def play(self, request: web.Request) -> web.FileResponse:
        """``GET /api/conversations/{id}/recordings/{recording}``: the sound of one person, or a range of it."""
        wanted = request.match_info["recording"]
        recording = next((each for each in await self._recordings(request) if each.id == wanted), None)
        if recording is None:
            raise HttpError(404, "no_recording", "There is no recording with this id.")
        return web.FileResponse(recording.path, headers={hdrs.CONTENT_TYPE: "audio/wav"})

    async def _recordings(self, request: web.Request) -> Sequence[CallRecording]:
        number = _id(request)
        with _database_errors():
            found = await self._archive.recordings(number)
        if found is None:
            raise _unknown()
        return found

    async def correct(self, request: web.Request) -> web.Response:
        """``PATCH /api/conversations/{id}/turns/{n}``: correct the words of a person's turn.

        With ``learn``, the words that were replaced go into the operator's file of corrections.
        """
        number, turn = _id(request), parse_id(request.match_info["n"])
        fields = await read_object(request)
        text, learn = required_text(fields, "text", MAX_TEXT).strip(), flag(fields, "learn")
        if "\x00" in text:
            raise HttpError(400, "bad_parameter", "text must have no NUL character.")
        with _database_errors():
            try:
                corrected = None if turn is None else await self._archive.correct(number, turn, text)
            except NotCorrectableError:
                message = "Only what people have said can be corrected, not what the bot has said."
                raise HttpError(403, "not_correctable", message) from None
        if corrected is None:
            raise HttpError(404, "no_turn", "There is no such conversation, or it has no turn with this number.")
        learned = Learned()
        if learn and corrected.turn.typed:
            learned = Learned(reason=TYPED)
        elif learn:
            learned = await self._corrections.learn(corrected.heard, text)
        learning = {"learned": dict(learned.pairs), "not_learned": learned.reason or None}
        return web.json_response({**turn_fields(corrected.turn), **learning})

    async def delete(self, request: web.Request) -> web.Response:
        """``DELETE /api/conversations/{id}``: afterwards its words are nowhere in the database's files."""
        number = _id(request)
        with _database_errors():
            deleted = await self._archive.delete(number)
        if not deleted:
            raise _unknown()
        return web.Response(status=204)


def _id(request: web.Request) -> int:
    number = parse_id(request.match_info["id"])
    if number is None:
        raise _unknown()
    return number


def _page(request: web.Request) -> PageOfTurns:
    before, after = number_in(request, "before"), number_in(request, "after")
    if before is not None and after is not None:
        raise HttpError(400, "bad_parameter", "Give before or after, not both.")
    limit = number_in(request, "limit", MAX_TURNS)
    return PageOfTurns(limit if before is None and after is None else limit or MAX_TURNS, before, after)


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

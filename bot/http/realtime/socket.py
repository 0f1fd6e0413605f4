"""``WS /v1/realtime``, for OpenAI's Realtime protocol.

Accepts sockets, reads the client's events, and passes them to the browser calls service.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import aiohttp
from aiohttp import web

from bot.browser_calls import BrowserCalls
from bot.browser_tab import Tab
from bot.http.queued_client import MAX_ERRORS, TOO_MANY_ERRORS, QueuedClient
from bot.http.realtime.client import RealtimeClient, new_id, sound_item, text_item
from bot.http.realtime.session import RealtimeError
from bot.http.realtime.sound import SoundIn
from bot.text import join_surrogates, shorten
from bot.voice.browser.client_messages import (
    MAX_MESSAGE,
    MAX_SMALL_MESSAGE,
    MAX_TEXT,
    Hello,
    Interrupt,
    Played,
    Talking,
    TextTyped,
)
from bot.voice.browser.server_messages import CloseCode
from bot.voice.turn import Microphone
from config.plain_json import read_json
from web_access.socket_messages import KEEPALIVE, TOO_MANY_MESSAGES, MessageRate

PATH = "/v1/realtime"
MAX_PENDING = 20
"""Largest number of texts that wait for a ``response.create``."""
MAX_ID = 64
NOTHING_TO_ANSWER = "There is nothing to answer yet: create an item first. Speech is answered without response.create."
_SHOWN = 60

_log = logging.getLogger(__name__)


class RealtimeSocket:
    """The endpoint. Whether the client may connect was checked before a request comes here.

    Args:
        calls: the browser calls service.
        clock: returns monotonic seconds.
    """

    def __init__(self, calls: BrowserCalls, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._clock = clock

    @property
    def routes(self) -> Iterable[web.RouteDef]:
        """The route of this endpoint."""
        return [web.get(PATH, self._serve)]

    async def _serve(self, request: web.Request) -> web.WebSocketResponse:
        client = await QueuedClient.open(request, MAX_MESSAGE)
        await _Connection(self._calls, client, self._clock).run()
        return client.websocket


class _Connection:
    """One client, until it disconnects. The browser calls service treats it as a tab that has another protocol."""

    def __init__(self, calls: BrowserCalls, queue: QueuedClient, clock: Callable[[], float]) -> None:
        self._calls = calls
        self._queue = queue
        self._rate = MessageRate(clock)
        self._client = RealtimeClient(queue, self._watch, self._wish)
        self._tab: Tab = calls.connect(self._client)
        self._sound = SoundIn(self._tab.hear, lambda on: self._tab.receive(Talking(on)), clock=clock)
        self._pending: list[str] = []
        self._watched: object = None
        self._events: Mapping[str, Callable[[Mapping[str, Any]], Awaitable[None]]] = {
            "session.update": self._update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "conversation.item.create": self._create_item,
            "conversation.item.truncate": self._truncate,
            "response.create": self._respond,
            "response.cancel": self._cancel,
            "output_audio_buffer.clear": self._cancel,
        }

    async def run(self) -> None:
        """Talk with the client until one side closes the socket. The call ends then: nobody could come back to it."""
        hearing = asyncio.create_task(self._sound.run(), name="realtime: sound")
        try:
            async with self._queue.sending():
                await self._tab.receive(Hello(audio=True))
                await self._receive()
        finally:
            if (call := self._calls.call_of(self._tab)) is not None:
                self._calls.hang_up(call)
            self._tab.gone()
            hearing.cancel()
            (failed,) = await asyncio.gather(hearing, return_exceptions=True)
            if isinstance(failed, Exception):
                _log.error("The sound of a Realtime client could not be heard", exc_info=failed)

    def _watch(self) -> None:
        """Watch the call, after it has begun."""
        call = self._calls.call_of(self._tab)
        if call is not None and call is not self._watched:
            self._watched = call
            call.watch(self._client.happened)
        self._wish()

    def _wish(self) -> None:
        """Tell the call what the client asks of the next answers."""
        if (call := self._calls.call_of(self._tab)) is not None:
            call.transport.wishes = self._client.current.wishes

    async def _receive(self) -> None:
        errors = 0
        while (received := await self._queue.receive()) is not None:
            if not self._rate.take():
                self._client.fail(RealtimeError("slow_down", TOO_MANY_MESSAGES))
                self._client.close(CloseCode.POLICY, TOO_MANY_MESSAGES)
                return
            if received.type in KEEPALIVE:
                continue
            event_id: str | None = None
            try:
                event = await _read(received)
                told = event.get("event_id")
                event_id = told[:MAX_ID] if isinstance(told, str) else None
                await self._act(event)
                errors = 0
            except RealtimeError as error:
                self._client.fail(error, event_id)
                errors += 1
                if errors > MAX_ERRORS:
                    self._client.close(CloseCode.POLICY, TOO_MANY_ERRORS)

    async def _act(self, event: Mapping[str, Any]) -> None:
        kind = event.get("type")
        act = self._events.get(kind) if isinstance(kind, str) else None
        if act is None:
            told = shorten(repr(kind), _SHOWN)
            raise RealtimeError("unknown_type", f"type must be one of {', '.join(self._events)}; it is {told}.", "type")
        await act(event)

    async def _update(self, event: Mapping[str, Any]) -> None:
        before = self._client.session
        after = self._client.session = before.updated(event.get("session"))
        if before.heard != after.heard:
            self._sound.use_format(after.heard)
        if (before.detection is None) != (after.detection is None):
            self._sound.clear()
            self._sound.held = after.detection is None
            microphone = Microphone.PUSH_TO_TALK if self._sound.held else None
            await self._tab.receive(Hello(audio=True, microphone=microphone))
            self._sound.restart_clock()
        self._client.tell("session.updated", session=after.fields(self._client.id))

    async def _append(self, event: Mapping[str, Any]) -> None:
        written = event.get("audio")
        if not isinstance(written, str):
            raise RealtimeError("invalid_value", "audio must be a string in base64.", "audio")
        try:
            self._sound.append(base64.b64decode(written, validate=True))
        except (binascii.Error, ValueError):
            raise RealtimeError("invalid_value", "audio is not base64.", "audio") from None

    async def _commit(self, _: Mapping[str, Any]) -> None:
        self._sound.commit()
        if self._sound.held:
            item = self._client.committed = new_id("item")
            self._client.tell("input_audio_buffer.committed", previous_item_id=None, item_id=item)
            self._client.add_item(sound_item(item))

    async def _clear(self, _: Mapping[str, Any]) -> None:
        self._sound.clear()
        self._client.tell("input_audio_buffer.cleared")

    async def _create_item(self, event: Mapping[str, Any]) -> None:
        item = event.get("item")
        if not isinstance(item, dict) or item.get("type") != "message" or item.get("role") != "user":
            raise RealtimeError("invalid_value", "item must be a message of the user.", "item")
        content = item.get("content")
        text = _text_in(content[0]) if isinstance(content, list) and len(content) == 1 else None
        if text is None:
            message = f"item.content must be one input_text of 1 to {MAX_TEXT:,} characters."
            raise RealtimeError("invalid_value", message, "item.content")
        if len(self._pending) >= MAX_PENDING:
            raise RealtimeError("slow_down", f"{MAX_PENDING} texts wait already for a response.create.")
        given = item.get("id")
        name = given if isinstance(given, str) and 0 < len(given) <= MAX_ID else new_id("item")
        self._pending.append(text)
        self._client.add_item(text_item(name, text))

    async def _truncate(self, event: Mapping[str, Any]) -> None:
        item, ms = event.get("item_id"), event.get("audio_end_ms")
        if not isinstance(item, str) or isinstance(ms, bool) or not isinstance(ms, int) or not 0 <= ms < 10**8:
            raise RealtimeError("invalid_value", "item_id and audio_end_ms are needed.")
        if (reply := self._client.reply_of(item)) is not None:
            await self._tab.receive(Played(reply, float(ms)))
            await self._tab.receive(Interrupt())
        self._client.tell("conversation.item.truncated", item_id=item, content_index=0, audio_end_ms=ms)

    async def _respond(self, event: Mapping[str, Any]) -> None:
        """Have the typed texts answered. What the client says is answered without this event."""
        session = self._client.session.for_response(event.get("response"))
        if session != self._client.session:
            if not (self._pending or self._client.awaits_words):
                raise RealtimeError("nothing_to_answer", NOTHING_TO_ANSWER, "response")
            self._client.use_once(session)
        texts, self._pending = self._pending, []
        if texts:
            await self._tab.receive(TextTyped(" ".join(texts)[:MAX_TEXT]))

    async def _cancel(self, _: Mapping[str, Any]) -> None:
        if self._client.answering:
            await self._tab.receive(Interrupt())


async def _read(received: aiohttp.WSMessage) -> Mapping[str, Any]:
    """Read an event; raises :class:`RealtimeError`. A long one is read in a thread."""
    if received.type is not aiohttp.WSMsgType.TEXT:
        raise RealtimeError("invalid_event", "An event must be JSON, as text.")
    long = len(received.data) > MAX_SMALL_MESSAGE
    try:
        event = await asyncio.to_thread(read_json, received.data) if long else read_json(received.data)
    except (ValueError, RecursionError):
        raise RealtimeError("invalid_event", "An event must be valid JSON.") from None
    if not isinstance(event, dict):
        raise RealtimeError("invalid_event", "An event must be a JSON object.")
    return event


def _text_in(part: object) -> str | None:
    """The text of a part; ``None`` if it is no text, empty, or too long."""
    if not isinstance(part, dict) or part.get("type") != "input_text":
        return None
    text = part.get("text")
    return join_surrogates(text) if isinstance(text, str) and text.strip() and len(text) <= MAX_TEXT else None

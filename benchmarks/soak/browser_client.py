"""A client of the soak over the WebSocket ``/ws/chat``, with an open microphone, as the page in the browser."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from benchmarks.chat_call import ChatCall, chat_call
from benchmarks.soak.client import CallLostError, ClientCall
from benchmarks.soak.heard import HeardSound
from benchmarks.spoken_microphones import OpenSpeaker
from sandbox.voice.opus import Sound

NAME = "Ada"


class BrowserClient:
    """See :class:`~benchmarks.soak.client.Client`.

    Args:
        page: address of the bot's page.
    """

    def __init__(self, page: str) -> None:
        self.heard = HeardSound()
        self._page = page

    @asynccontextmanager
    async def call(self) -> AsyncIterator[ClientCall]:
        """Begin a call with an open microphone; hang up at the end."""
        try:
            async with (
                aiohttp.ClientSession() as session,
                chat_call(session, self._page, NAME, "open", self._hear, self.heard.end_stream) as chat,
                OpenSpeaker(chat, seed=1) as speaker,
            ):
                yield _BrowserCall(chat, speaker)
        except ConnectionError as error:
            raise CallLostError(f"the WebSocket has closed: {error}") from error
        finally:
            self.heard.end_stream()

    def _hear(self, arrival: float, pcm: bytes) -> None:
        self.heard.packet(arrival, voiced=True)


class _BrowserCall:
    def __init__(self, chat: ChatCall, speaker: OpenSpeaker) -> None:
        self._chat = chat
        self._speaker = speaker

    async def say(self, words: Sound) -> float:
        """See :class:`~benchmarks.soak.client.ClientCall`."""
        saying = asyncio.create_task(self._speaker.say(words))
        try:
            while not saying.done():
                self.check()
                await asyncio.wait([saying], timeout=1.0)
            return (await saying).last_voiced
        finally:
            saying.cancel()

    def check(self) -> None:
        """See :class:`~benchmarks.soak.client.ClientCall`. Packets are taken as they arrive, so there are none to take
        here.
        """
        if (how := self._chat.lost) is not None:
            raise CallLostError(how)

"""Sends the messages of a conversation to the speech server, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bot.speech_server.errors import SpeechUnavailable
from bot.voice.ports import SpeechConnection
from wire.messages import Cancel, ClientMessage


class Outbox:
    """The messages that wait to be sent. Use it only on the event loop.

    Args:
        speech: the connection to the speech server.
        not_sent: called with a message that could not be sent, and the error.
    """

    def __init__(self, speech: SpeechConnection, not_sent: Callable[[ClientMessage, SpeechUnavailable], None]) -> None:
        self._speech = speech
        self._not_sent = not_sent
        self._waiting: asyncio.Queue[ClientMessage] = asyncio.Queue()

    def put(self, message: ClientMessage) -> None:
        """Queue a message. A ``Cancel`` drops all that wait, since they belong to the cancelled reply."""
        if isinstance(message, Cancel):
            self.clear()
        self._waiting.put_nowait(message)

    def clear(self) -> None:
        """Drop all that waits."""
        while not self._waiting.empty():
            self._waiting.get_nowait()

    async def run(self) -> None:
        """Send messages until cancelled."""
        while True:
            message = await self._waiting.get()
            try:
                await self._speech.send(message)
            except SpeechUnavailable as error:
                self._not_sent(message, error)

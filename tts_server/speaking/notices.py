"""What everybody who runs a call should know of the voice, told to those who asked for it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable

from aiohttp import web

from wire.messages import Notice

MAX_WAITING = 100
"""For a client that does not read; what is newer is dropped."""

Listener = Callable[[Notice], None]


class Notices:
    """A list of listeners, on the event loop. A listener must not block."""

    def __init__(self) -> None:
        self._listeners: list[Listener] = []

    def tell(self, notice: Notice) -> None:
        """Pass a notice on to everybody who listens now."""
        for listener in tuple(self._listeners):
            listener(notice)

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Tell ``listener`` of everything, until the returned function is called."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


async def tell_client(notices: Notices, standing: Iterable[Notice], socket: web.WebSocketResponse) -> None:
    """Send a client what is so now, and then every notice, until cancelled.

    Raises:
        ConnectionError: the client is gone.
    """
    waiting: asyncio.Queue[Notice] = asyncio.Queue()

    def take(notice: Notice) -> None:
        if waiting.qsize() < MAX_WAITING:
            waiting.put_nowait(notice)

    for notice in standing:
        take(notice)
    stop = notices.listen(take)
    try:
        while True:
            await socket.send_str((await waiting.get()).to_json())
    finally:
        stop()

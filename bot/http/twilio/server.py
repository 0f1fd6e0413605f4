"""The HTTP server for Twilio, on an address of its own: it has the routes of phone calls, and nothing else."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp import web

from bot.binding import take_phone_port, web_url
from bot.http.bodies import refuse_compressed
from bot.http.errors import errors_as_json
from bot.http.headers import add_protection
from bot.http.serving import Serving
from bot.http.twilio.announced import FILE, AnnouncedCalls
from bot.http.twilio.expected import ExpectedCalls
from bot.http.twilio.media_socket import MediaSocket
from bot.http.twilio.webhooks import MAX_FORM, TwilioWebhooks
from bot.voice.phone.answering import PhoneAnswering
from config.phone_sections import PhoneSettings, TwilioSettings
from config.tasks import end_tasks

MAX_CONNECTIONS = 128
"""Largest number of connections at once."""


class TwilioServer:
    """The server. Use it only on the event loop.

    The whole internet may reach it, through a proxy or a tunnel. It refuses requests that Twilio has not signed, and
    streams without a valid token.

    Args:
        public_url: ``PHONE_PUBLIC_URL``, the address under which Twilio reaches the server.
        settings: the account at Twilio.
        answering: the service of phone calls.
        announced: the file that remembers which phone calls were announced; ``None`` for none.
        clock: returns monotonic seconds.

    Attributes:
        url: the address on which it really listens; empty until :meth:`serve`.
    """

    def __init__(
        self,
        public_url: str,
        settings: TwilioSettings,
        answering: PhoneAnswering,
        *,
        announced: Path | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.url = ""
        self._public_url = public_url
        self._number = settings.phone_number
        expected = ExpectedCalls(clock)
        self._announced = AnnouncedCalls(announced)
        media = MediaSocket(answering, expected, settings.account_sid, clock=clock)
        self._webhooks = TwilioWebhooks(public_url, settings, answering, self._announced, expected, media, clock)
        # There are no limits per client: if all requests come through one proxy, Twilio looks like the same client as
        # everybody.
        application = web.Application(middlewares=[errors_as_json, refuse_compressed], client_max_size=MAX_FORM)
        application.add_routes([*self._webhooks.routes, *media.routes])
        application.on_response_prepare.append(add_protection)
        self._serving = Serving(application, MAX_CONNECTIONS, replaces_idle=True)
        self._logging: asyncio.Task[None] | None = None

    def describe(self) -> str:
        """Its address and number, in words for the operator (:class:`~bot.voice.phone.answering.PhoneWay`)."""
        number = f", {self._number}" if self._number is not None else ""
        return f"Twilio at {self._public_url}{number}"

    async def serve(self, listening: Sequence[socket.socket]) -> None:
        """Answer on these sockets, which belong to the server from then on."""
        await self._announced.load()
        self.url = web_url(tuple(listening))
        await self._serving.serve(listening)
        self._logging = asyncio.create_task(self._webhooks.log_late(), name="twilio: streams that don't come")

    def refuse_connections(self) -> None:
        """Take no further connections. The open connections go on until :meth:`close`."""
        self._serving.refuse_connections()

    async def close(self) -> None:
        """Close all connections and the port. May be called before :meth:`serve`, and more than once."""
        if self._logging is not None:
            await end_tasks(self._logging)
        await self._serving.close()


@asynccontextmanager
async def twilio_server(
    phone: PhoneSettings,
    twilio: TwilioSettings,
    answering: PhoneAnswering,
    *,
    folder: Path | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> AsyncIterator[TwilioServer]:
    """Serve Twilio on ``PHONE_BIND`` while the block runs.

    Args:
        phone: the address.
        twilio: the account.
        answering: the service of phone calls.
        folder: ``DATA_DIR``; ``None`` to store nothing.
        clock: returns monotonic seconds.

    Raises:
        WebBindError: the port can't be taken.
    """
    announced = folder / FILE if folder is not None else None
    server = TwilioServer(phone.public_url or "", twilio, answering, announced=announced, clock=clock)
    try:
        await server.serve(await asyncio.to_thread(take_phone_port, phone))
        yield server
    finally:
        await server.close()

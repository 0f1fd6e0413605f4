"""Tries the account at a PBX without registering, for the doctor."""

from __future__ import annotations

import asyncio
from typing import cast

from bot.voice.phone.sip.messages import BadMessageError, Endpoint, Response, read
from bot.voice.phone.sip.ports import local_host
from bot.voice.phone.sip.registration import Account, Registration, RegistrationState
from bot.voice.phone.sip.timers import SipTimers
from bot.voice.phone.sip.transactions import OwnRequests

_TIMERS = SipTimers(t1=0.1)
"""The wait for an answer ends after 6.4 s."""


async def check_account(account: Account, host: str) -> tuple[RegistrationState, str]:
    """Ask the PBX who is registered under this account. Returns the result, and its details in words.

    Args:
        host: address from which to ask: that on which the bot listens.
    """
    asking = _Asking()
    try:
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: asking, (host, 0))
    except OSError as error:
        return (
            RegistrationState.NO_ANSWER,
            f"SIP_BIND: can't listen on {host}: {error.strerror or error}",
        )
    try:
        registration = Registration(account, asking.requests.ask, lambda to: (local_host(host, to[0]), asking.port))
        if await registration.check():
            return RegistrationState.REGISTERED, f"as {account.user} at {account.registrar}"
        return registration.state, registration.detail
    finally:
        asking.close()


class _Asking(asyncio.DatagramProtocol):
    """A socket that sends requests, and ignores those of others."""

    def __init__(self) -> None:
        self.requests = OwnRequests(self._send, _TIMERS)
        self._transport: asyncio.DatagramTransport | None = None

    @property
    def port(self) -> int:
        return 0 if self._transport is None else int(self._transport.get_extra_info("sockname")[1])

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        try:
            message = read(data, (addr[0], addr[1]))
        except BadMessageError:
            return
        if isinstance(message, Response):
            self.requests.take(message)

    def _send(self, data: bytes, to: Endpoint) -> None:
        if self._transport is not None:
            self._transport.sendto(data, to)

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

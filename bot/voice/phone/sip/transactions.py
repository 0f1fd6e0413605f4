"""Transactions (RFC 3261, section 17): they make messages safe over UDP, which loses and doubles packets.

This module replaces aiosipua's tables of transactions (0.7.1), because of these faults:

- They don't recognise a retransmitted request: a second copy of an INVITE makes a second call, and a second BYE gets
  an error.
- They retransmit nothing but a 200 to an INVITE, and don't notice if no answer comes.
- They may grow without bound.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from aiosipua import SipRequest, parse_via

from bot.voice.phone.sip.messages import Endpoint, Request, Response
from bot.voice.phone.sip.timers import SipTimers

MAX_REMEMBERED = 512
"""Maximum number of requests whose responses are kept for retransmissions."""
MAX_ASKED = 16
"""Maximum number of requests of this side that wait for an answer."""

Send = Callable[[bytes, Endpoint], None]
"""Sends a datagram. It does not raise."""


class AnsweredRequests:
    """Keeps the responses to requests, so that a retransmitted request gets the same response and does nothing else."""

    def __init__(self, send: Send, timers: SipTimers, clock: Callable[[], float]) -> None:
        self._send = send
        self._timers = timers
        self._clock = clock
        self._answers: OrderedDict[tuple[str, str, str], tuple[bytes, float]] = OrderedDict()

    def answer(self, request: Request, response: bytes) -> None:
        """Send the response to a request, and keep it."""
        self._answers[request.transaction] = (response, self._clock() + self._timers.give_up)
        self._answers.move_to_end(request.transaction)
        if len(self._answers) > MAX_REMEMBERED:
            self._answers.popitem(last=False)
        self._send(response, request.answer_to)

    def answered_again(self, request: Request) -> bool:
        """If this is a retransmitted request, send the same response again. Returns whether it was one."""
        kept = self._answers.get(request.transaction)
        if kept is None or kept[1] <= self._clock():
            return False
        self._send(kept[0], request.answer_to)
        return True

    def __len__(self) -> int:
        return len(self._answers)


@dataclass(slots=True)
class _Asked:
    """A request of this side that waits for an answer."""

    host: str
    provisional: bool = False
    answer: asyncio.Future[Response] = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class OwnRequests:
    """Sends requests until they are answered. An INVITE is never sent, since calls only come in."""

    def __init__(self, send: Send, timers: SipTimers) -> None:
        self._send = send
        self._timers = timers
        self._asked: dict[tuple[str, str], _Asked] = {}

    async def ask(self, message: SipRequest, to: Endpoint) -> Response | None:
        """Send a request until it is answered.

        Returns:
            The final response; ``None`` if none comes in time, or if :data:`MAX_ASKED` requests wait for theirs.
        """
        branch = parse_via(message.headers.get("via")[0]).branch or ""
        if len(self._asked) >= MAX_ASKED:
            return None
        asked = self._asked[branch, message.method] = _Asked(to[0])
        data = bytes(message)
        try:
            for pause in self._timers.pauses(self._timers.give_up):
                self._send(data, to)
                # A provisional response shows that the request has arrived, so longer pauses are enough.
                done, _ = await asyncio.wait([asked.answer], timeout=self._timers.t2 if asked.provisional else pause)
                if done:
                    return asked.answer.result()
            return None
        finally:
            self._asked.pop((branch, message.method), None)

    def take(self, response: Response) -> None:
        """Take a response from the network. One that nobody asked for, or from another host, is dropped."""
        asked = self._asked.get((response.branch, response.method))
        if asked is None or asked.host != response.source[0]:
            return
        if response.status < 200:
            asked.provisional = True
        elif not asked.answer.done():
            asked.answer.set_result(response)


class Retransmission:
    """Sends a final response to an INVITE until it is acknowledged.

    Args:
        pauses: the pauses after each transmission.
        given_up: called when the last pause is over.
    """

    def __init__(self, send: Callable[[], None], pauses: Iterator[float], given_up: Callable[[], None]) -> None:
        self._send = send
        self._pauses = pauses
        self._given_up = given_up
        self._timer: asyncio.TimerHandle | None = None
        self._next()

    def _next(self) -> None:
        self._timer = None
        pause = next(self._pauses, None)
        if pause is None:
            self._given_up()
            return
        self._send()
        self._timer = asyncio.get_running_loop().call_later(pause, self._next)

    def stop(self) -> None:
        """The response is acknowledged, or nobody waits for it any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

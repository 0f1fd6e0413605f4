"""The SIP endpoint: it takes phone calls over UDP, from phones or from a PBX at which the bot is registered.

Whatever comes from the network is bounded before anything is done with it: sizes, messages of one host and of all
hosts, phone calls, remembered responses. A request that is refused gets one response and leaves nothing behind but
that response. A response goes to the host that the request came from. This endpoint's own requests go to the host that
has acknowledged the phone call, or to the PBX. ``sound_rules`` says where sound may go; nothing else goes to an address
in a message.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from aiosipua import SipRequest

from bot.voice.phone.answering import Admission, PhoneAnswering, PhoneStartError, Refusal, RefusalCause
from bot.voice.phone.line import LineEnd
from bot.voice.phone.sip.dialog import ALLOW, DESCRIPTION, SipCall, State
from bot.voice.phone.sip.limits import MessageLimits
from bot.voice.phone.sip.line import SipLine
from bot.voice.phone.sip.messages import (
    METHODS,
    BadMessageError,
    Endpoint,
    Request,
    Response,
    caller_of,
    new_tag,
    read,
    respond,
)
from bot.voice.phone.sip.negotiation import Media, NoAgreementError, read_media
from bot.voice.phone.sip.open_calls import OpenCalls
from bot.voice.phone.sip.ports import bind_error_text, bind_pair, local_host
from bot.voice.phone.sip.registration import Account, Registration, RegistrationState
from bot.voice.phone.sip.sound_rules import SoundRules
from bot.voice.phone.sip.timers import SipTimers
from bot.voice.phone.sip.transactions import AnsweredRequests, OwnRequests

_LOG = logging.getLogger(__name__)

MAX_EARLY = 2
"""Maximum number of callers who can hear at the same time that a call is on. Others are refused without a sentence."""


@dataclass(frozen=True, slots=True)
class SipOptions:
    """Options of the endpoint.

    Attributes:
        bind: host and port to listen on.
        rtp_ports: ports for sound.
        account: the account at a PBX; ``None`` to take phone calls from anywhere.
        external: IP address at which others reach this endpoint; empty if that is this machine's own.
    """

    bind: Endpoint
    rtp_ports: Sequence[int]
    account: Account | None = None
    external: str = ""


class SipEndpoint(asyncio.DatagramProtocol):
    """Takes phone calls and passes their lines on. Use it on the event loop."""

    def __init__(
        self,
        options: SipOptions,
        answering: PhoneAnswering,
        timers: SipTimers | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.timers = timers or SipTimers()
        self.dropped = 0
        self._options, self._answering, self.clock = options, answering, clock
        self._transport: asyncio.DatagramTransport | None = None
        self._host, self._port = options.bind
        self._answers = AnsweredRequests(self.send, self.timers, clock)
        self._requests = OwnRequests(self.send, self.timers)
        self._calls = OpenCalls()
        self._conversations: set[asyncio.Task[None]] = set()
        self._limits = MessageLimits(clock)
        self._registration: Registration | None = None
        self._registering: asyncio.Task[None] | None = None

    @property
    def registration(self) -> tuple[RegistrationState, str]:
        """The state of the registration, and its details in words."""
        if self._registration is None:
            return RegistrationState.OFF, ""
        return self._registration.state, self._registration.detail

    def describe(self) -> str:
        """The state of the endpoint, in words for the operator."""
        state, detail = self.registration
        where = f"SIP at {self._host}:{self._port}"
        if state is RegistrationState.OFF:
            return where
        if state is RegistrationState.REGISTERED:
            return f"{where}, registered {detail}"
        return f"{where}, ⚠️ not registered{': ' + detail if detail else ' yet'}"

    @property
    def port(self) -> int:
        """The port that is listened on."""
        return self._port

    @property
    def calls(self) -> int:
        """Number of phone calls that are known, including those that have just ended."""
        return len(self._calls)

    async def start(self) -> None:
        """Listen, and register at the PBX if there is one.

        Raises:
            PhoneStartError: the address is taken, or does not belong to this machine.
        """
        host, port = self._options.bind
        try:
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, (host, port))
        except OSError as error:
            raise PhoneStartError(bind_error_text(host, port, error)) from error
        self._host, self._port = transport.get_extra_info("sockname")[:2]
        if self._options.account is not None:
            self._registration = Registration(self._options.account, self._requests.ask, self._local)
            self._registering = asyncio.create_task(self._registration.run())
        _LOG.info("Phone calls over SIP are taken at %s:%d.", host, self._port)

    async def close(self) -> None:
        """End all phone calls, give up the registration, and stop listening."""
        if self._registering is not None:
            self._registering.cancel()
            await asyncio.wait([self._registering])
        wait = self.timers.closing
        # Conversations that are cancelled hang up themselves. What is left then is ended here.
        leaving: set[asyncio.Task[Any]] = set(self._conversations)
        for conversation in leaving:
            conversation.cancel()
        if self._registration is not None:
            leaving.add(asyncio.create_task(self._registration.leave()))
        if leaving:
            await asyncio.wait(leaving, timeout=wait)
        open_calls = [call for call in self._calls if call.state is not State.OVER]
        leaving |= {asyncio.create_task(call.leave()) for call in open_calls}
        if leaving:
            await asyncio.wait(leaving, timeout=wait)
        for call in self._calls:
            call.end(LineEnd.BOT)
            leaving |= call.abandon()
            self._calls.forget(call)
        for task in leaving:
            task.cancel()
        if leaving:
            await asyncio.wait(leaving, timeout=wait)
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    # Called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The socket is open."""
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """Take a datagram. Nothing is raised."""
        source = (addr[0], addr[1])
        try:
            self._take(data, source)
        except Exception:
            # A fault here must not end the endpoint. If somebody provokes it, it must not fill the log either.
            if self._limits.admit_log():
                _LOG.exception("A message over SIP from %s caused an error.", source[0])

    def error_received(self, exc: Exception) -> None:
        """A datagram was not delivered. SIP makes up for that: what is not answered is sent again."""
        _LOG.debug("A SIP message was not delivered: %s", exc)

    # What phone calls need

    def send(self, data: bytes, to: Endpoint) -> None:
        """Send a datagram. What can't be sent counts as lost on the way."""
        if self._transport is None or not 0 < to[1] < 1 << 16:
            return
        try:
            self._transport.sendto(data, to)
        except (OSError, ValueError) as error:
            _LOG.debug("A SIP message was not sent: %s", error)

    def reply(self, request: Request, response: bytes) -> None:
        """Send the response to a request, and keep it for retransmissions of the request."""
        self._answers.answer(request, response)

    async def ask(self, message: SipRequest, to: Endpoint) -> Response | None:
        """Send a request until it is answered."""
        return await self._requests.ask(message, to)

    def confirmed(self, call: SipCall) -> None:
        """The conversation can begin."""
        if call.line is not None:
            self._converse(call.line)

    def unanswered(self, number: str, cause: RefusalCause, detail: str = "") -> None:
        """Log a phone call in which nobody was talked with."""
        self._answering.note_refusal("sip", number, cause, detail)

    def over(self, call: SipCall) -> None:
        """Forget a phone call that has ended, unless something is still under way."""
        if call.settled:
            self._calls.forget(call)

    # Inside

    def _take(self, data: bytes, source: Endpoint) -> None:
        if not data.strip(b"\r\n\x00 "):
            return  # a keep-alive, which only keeps a router's port open
        if not self._admits(source[0]):
            self._drop("too many messages", source)
            return
        try:
            message = read(data, source)
        except BadMessageError as error:
            self._drop(str(error), source)
            return
        if isinstance(message, Response):
            self._requests.take(message)
        elif message.method == "ACK":
            call = self._call_of(message)
            if call is not None:
                call.acknowledged(message)
        elif not self._answers.answered_again(message):
            self._handle(message)

    def _admits(self, host: str) -> bool:
        known = self._is_pbx(host) or any(call.peer_host == host for call in self._calls)
        return self._limits.admit_message(host, known=known)

    def _is_pbx(self, host: str) -> bool:
        registration = self._registration
        return registration is not None and registration.registrar is not None and registration.registrar[0] == host

    def _drop(self, reason: str, source: Endpoint) -> None:
        self.dropped += 1
        if self._limits.admit_log():
            _LOG.info("A SIP message from %s was dropped (%s); %d since the start.", source[0], reason, self.dropped)

    def _call_of(self, request: Request) -> SipCall | None:
        return self._calls.find((request.call_id, request.to_tag, request.from_tag))

    def _handle(self, request: Request) -> None:
        if request.method not in METHODS:
            self.reply(request, respond(request, 405, new_tag(), {"Allow": ALLOW}))
        elif request.method == "CANCEL":
            self._cancel(request)
        elif required := request.message.headers.get("require"):
            # No extension is implemented, not even 100rel (the acknowledgement of provisional responses).
            self._refuse(request, 420, {"Unsupported": ", ".join(required)})
            if request.method == "INVITE" and not request.to_tag:
                self.unanswered(self._number(request), Refusal.EXTENSION)
        elif request.to_tag:
            call = self._call_of(request)
            if call is None or call.state is State.OVER:
                self.reply(request, respond(request, 481))
            elif request.method != "INVITE" or not call.invite_again(request):
                call.requested(request)
        elif request.method == "INVITE":
            if not any(call.invite_again(request) for call in self._calls):
                self._invite(request)
        elif request.method == "OPTIONS":
            status = 200 if self._answering.decide("") is not Admission.NOT_READY else 503
            self.reply(request, respond(request, status, new_tag(), {"Allow": ALLOW, "Accept": DESCRIPTION}))
        else:
            self.reply(request, respond(request, 481, new_tag()))

    def _cancel(self, request: Request) -> None:
        for call in self._calls:
            if call.invite.transaction == (request.source[0], request.branch, "INVITE"):
                call.cancelled(request)
                return
        self.reply(request, respond(request, 481, new_tag()))

    def _invite(self, request: Request) -> None:
        """Decide about a phone call."""
        same = (request.call_id, request.from_tag)
        if any((call.invite.call_id, call.invite.from_tag) == same for call in self._calls):
            self._refuse(request, 482)
            return
        if self._registration is not None and not self._is_pbx(request.source[0]):
            # The sender of the INVITE says who calls, and only the PBX is trusted with that.
            self._refuse_call(request, 403, Refusal.NOT_FROM_PBX)
            return
        if not self._limits.admit_call(request.source[0]):
            self._refuse_call(request, 503, Refusal.TOO_MANY, "from one host", retry_after=60)
            return
        number = self._number(request)
        admission = self._answering.decide(number, self._rules(request).source_of(number))
        if admission is Admission.NOT_ALLOWED:
            self._refuse_call(request, 403, admission)
            return
        if admission is Admission.NOT_READY:
            self._refuse_call(request, 503, admission, retry_after=30)
            return
        try:
            media = self._offered(request)
        except NoAgreementError as error:
            self._refuse_call(request, 488, Refusal.NO_SOUND, str(error))
            return
        if admission is Admission.BUSY and (media is None or not self._may_speak_early(request, media)):
            self._refuse_call(request, 486, admission)
            return
        self._take_call(request, number, media, early=admission is Admission.BUSY)

    def _number(self, request: Request) -> str:
        return caller_of(request, trusted=self._is_pbx(request.source[0]))

    def _offered(self, request: Request) -> Media | None:
        """The offered media; ``None`` if the caller leaves the offer to this side."""
        if not request.message.body:
            return None
        kind = (request.message.content_type or "").partition(";")[0].strip().lower()
        if kind != DESCRIPTION:
            raise NoAgreementError(f"the offer is {kind[:40] or 'of no kind'}")
        media = read_media(request.message.text)
        self._rules(request).check(media)
        return media

    def _rules(self, request: Request) -> SoundRules:
        return SoundRules(request.source[0], self._is_pbx(request.source[0]))

    def _may_speak_early(self, request: Request, media: Media) -> bool:
        """Whether a caller may hear a sentence before the phone call is answered.

        Nobody has acknowledged anything by then. So only few callers get sound, and only in return for sound: it goes
        to the host of the INVITE, or to where the PBX says. The PBX itself gets sound without sending any.
        """
        early = sum(call.state is State.EARLY for call in self._calls)
        return early < MAX_EARLY and self._rules(request).may_send(media)

    def _take_call(self, request: Request, number: str, media: Media | None, early: bool) -> None:
        room = self._calls.make_room()
        pair = bind_pair(self._host, self._options.rtp_ports) if room else None
        if pair is None:
            why = "SIP_RTP_PORTS are all taken" if room else "at once"
            self._refuse_call(request, 503, Refusal.TOO_MANY, why, retry_after=30)
            return

        call = SipCall(request, self, self._local(request.source), pair, number, media, self._rules(request))
        self._calls.add(call)
        if early and media is not None:
            self._converse(call.speak_early(media), busy=True)
        else:
            call.answer()

    def _refuse(self, request: Request, status: int, headers: dict[str, str] | None = None) -> None:
        self.reply(request, respond(request, status, new_tag(), headers))

    def _refuse_call(
        self, request: Request, status: int, cause: RefusalCause, detail: str = "", *, retry_after: int = 0
    ) -> None:
        """Refuse an INVITE, and have it logged."""
        self._refuse(request, status, {"Retry-After": str(retry_after)} if retry_after else None)
        self.unanswered(self._number(request), cause, detail)

    def _local(self, other: Endpoint) -> Endpoint:
        """This endpoint's address, as ``other`` reaches it."""
        return self._options.external or local_host(self._host, other[0]), self._port

    def _converse(self, line: SipLine, *, busy: bool = False) -> None:
        task = asyncio.create_task(self._answer(line, busy=busy))
        self._conversations.add(task)
        task.add_done_callback(self._conversation_over)

    async def _answer(self, line: SipLine, *, busy: bool) -> None:
        """Have a phone call answered, once sound may be sent to the caller."""
        if await line.wait_reachable(self.timers.early if busy else None):
            await self._answering.answer(line, busy=busy)
            return
        self.unanswered(line.number, Admission.BUSY if busy else line.ended or LineEnd.SILENT)
        await line.hang_up()

    def _conversation_over(self, task: asyncio.Task[None]) -> None:
        self._conversations.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("A phone call has ended with an error.", exc_info=error)

"""One phone call as SIP sees it: from the INVITE to the BYE (RFC 3261, sections 12 to 15).

The library aiosipua writes the BYE that this endpoint sends. Its server of calls is not used. It has these faults:

- It knows a call by its Call-ID alone, so anybody who sends the same one takes the call's place.
- A retransmitted INVITE makes a second call, or gets an error once the first one is answered.
- Refusals are never retransmitted, and their calls stay for good if no ACK comes.
- The BYE is sent once, and its route is in reverse order.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable
from dataclasses import replace
from enum import Enum, auto
from typing import Protocol

from aiosipua import Dialog, SipRequest
from aiosipua.headers import stringify_uri

from bot.voice.phone.answering import Refusal, RefusalCause
from bot.voice.phone.line import LineEnd
from bot.voice.phone.sip.line import SipLine
from bot.voice.phone.sip.messages import METHODS, Endpoint, Request, Response, new_tag, pressed_key, respond
from bot.voice.phone.sip.negotiation import Media, NoAgreementError, describe, offer, read_media
from bot.voice.phone.sip.ports import PortPair
from bot.voice.phone.sip.sound_rules import SoundRules
from bot.voice.phone.sip.timers import SipTimers
from bot.voice.phone.sip.transactions import Retransmission

_LOG = logging.getLogger(__name__)

ALLOW = ", ".join(METHODS)
DESCRIPTION = "application/sdp"
_BYE_WAIT = 1.5
"""Seconds for which hanging up waits for the answer to the BYE. After that, the BYE is still retransmitted."""


class State(Enum):
    """How far a phone call has come."""

    EARLY = auto()
    """Not answered: the caller hears a sentence, and is then refused."""
    ANSWERED = auto()
    """Answered, and not acknowledged yet."""
    CONFIRMED = auto()
    OVER = auto()


class Surroundings(Protocol):
    """What a phone call needs of the endpoint."""

    timers: SipTimers
    clock: Callable[[], float]

    def reply(self, request: Request, response: bytes) -> None:
        """Send the response to a request, and keep it for retransmissions of the request."""
        ...

    def send(self, data: bytes, to: Endpoint) -> None:
        """Send a datagram."""
        ...

    async def ask(self, message: SipRequest, to: Endpoint) -> Response | None:
        """Send a request until it is answered."""
        ...

    def confirmed(self, call: SipCall) -> None:
        """The caller has acknowledged that the phone call is answered: the conversation can begin."""
        ...

    def unanswered(self, number: str, cause: RefusalCause, detail: str = "") -> None:
        """Log a phone call in which nobody was talked with."""
        ...

    def over(self, call: SipCall) -> None:
        """The phone call is over, and can be forgotten after a while."""
        ...


class SipCall:
    """One phone call.

    Args:
        invite: the INVITE.
        local: address of this endpoint, as the caller reaches it.
        ports: the ports for sound, which are closed with the phone call.
        number: the caller's number.
        media: what the INVITE offers; ``None`` if it leaves the offer to this side.
        rules: where the phone call's sound may go to and come from.
    """

    def __init__(
        self,
        invite: Request,
        around: Surroundings,
        local: Endpoint,
        ports: PortPair,
        number: str,
        media: Media | None,
        rules: SoundRules,
    ) -> None:
        self.invite, self.tag = invite, new_tag()
        self.line: SipLine | None = None
        self.state = State.ANSWERED
        self._around, self._local, self._ports, self._number = around, local, ports, number
        self._sound_at = (local[0], ports.port)
        self._media, self._rules = media, rules
        self._shown = media  # the media of this side's newest session description
        self._session, self._version = secrets.randbits(31), 1
        self._pending: Request | None = invite  # the INVITE that awaits its ACK
        self._offered = media is None  # whether this side makes the offer, and the ACK has to bring the answer
        self._refused = False
        self._refused_change = False  # one is logged, and no more: callers can provoke them without the PIN
        self._response = b""  # the newest response to the pending INVITE
        self._retransmission: Retransmission | None = None
        self._remote_sequence = invite.sequence
        self._peer = invite.source  # where this side's requests go
        self._dialog = self._make_dialog()
        self._leaving: set[asyncio.Task[Response | None]] = set()

    @property
    def id(self) -> tuple[str, str, str]:
        """Call-ID, own tag, and the other side's tag."""
        return self.invite.call_id, self.tag, self.invite.from_tag

    @property
    def peer_host(self) -> str:
        """Host from which the newest INVITE or ACK has come. This side's requests go there."""
        return self._peer[0]

    def answer(self) -> None:
        """Answer the phone call with 200. The conversation begins when the caller has acknowledged it."""
        self._final(self.invite, 200, self._description())

    def speak_early(self, media: Media) -> SipLine:
        """Let the caller hear a sentence without answering (183). Hanging up the line refuses the phone call (486)."""
        self.state = State.EARLY
        self._response = self._invite_response(self.invite, 183, self._description())
        self._around.send(self._response, self.invite.answer_to)
        self.line = self._make_line(media, early=True)
        return self.line

    # What comes in

    def invite_again(self, request: Request) -> bool:
        """Answer a copy of the pending INVITE again. Returns whether it is a copy of that or of the first INVITE."""
        if self._pending is not None and request.transaction == self._pending.transaction:
            self._around.send(self._response, request.answer_to)
            return True
        return request.transaction == self.invite.transaction

    def acknowledged(self, request: Request) -> None:
        """Take an ACK."""
        if self._pending is None or request.sequence != self._pending.sequence:
            return
        self._stop_retransmission()
        self._pending = None
        if self.state is State.OVER:
            self._around.over(self)
            return
        # The sender of the ACK must have read the response, so this side's requests go to that address from now on.
        self._peer = request.source
        if self._offered:
            try:
                self._change(self._read_media(request, again=self.state is State.CONFIRMED))
            except NoAgreementError as error:
                self._spawn_bye()
                self.end(LineEnd.LOST, Refusal.NO_SOUND, str(error))
                return
            self._offered = False
        if self.state is State.ANSWERED and self._media is not None:
            self.state = State.CONFIRMED
            self.line = self._make_line(self._media)
            self._around.confirmed(self)

    def cancelled(self, request: Request) -> None:
        """Take a CANCEL. It has no effect on a phone call that was answered."""
        self._around.reply(request, respond(request, 200, self.tag))
        if self.state is State.EARLY:
            self._refuse(487)
            self.end(LineEnd.CALLER)

    def requested(self, request: Request) -> None:
        """Take any other request within the dialog."""
        if request.sequence <= self._remote_sequence:
            self._around.reply(request, respond(request, 500, headers={"Retry-After": "1"}))
            return
        self._remote_sequence = request.sequence
        match request.method:
            case "BYE":
                self._around.reply(request, respond(request, 200))
                if self.state is State.EARLY:
                    self._refuse(487)
                self.end(LineEnd.CALLER)
            case "INVITE":
                self._renegotiate(request)
            case "UPDATE":
                self._update(request)
            case "INFO":
                self._around.reply(request, respond(request, 200))
                if self.line is not None and (digit := pressed_key(request)):
                    self.line.press(digit)
            case "OPTIONS":
                self._around.reply(request, respond(request, 200, headers={"Allow": ALLOW, "Accept": DESCRIPTION}))
            case _:
                self._around.reply(request, respond(request, 481))

    # What goes out

    async def leave(self) -> None:
        """End the phone call towards the caller: BYE, or 486 if it was not answered. Returns within 2 s."""
        if self.state is State.EARLY:
            self._refuse(486)
            self.end(LineEnd.BOT)
        elif self.state is State.CONFIRMED:
            bye = self._spawn_bye()
            await asyncio.wait([bye], timeout=_BYE_WAIT)
            self.end(LineEnd.BOT)
        elif self.state is State.ANSWERED:
            self._send_bye_once()
            self.end(LineEnd.BOT)

    def give_way(self) -> None:
        """End a phone call in which nobody is talked with, in favour of another one.

        A caller who has acknowledged nothing is not told: the INVITE may be forged.
        """
        if self.state is State.CONFIRMED:
            self._send_bye_once()
        self.end(LineEnd.BOT, Refusal.TOO_MANY)
        self._pending = None
        self.abandon()

    def end(self, cause: LineEnd, refusal: Refusal | None = None, detail: str = "") -> None:
        """The phone call is over.

        Args:
            refusal: why nobody was talked with, if ``cause`` does not say that exactly.
        """
        if self.line is None and self.state is not State.OVER:
            self._around.unanswered(self._number, refusal or cause, detail)
        if not self._refused:
            self._stop_retransmission()
            self._pending = None
        self.state = State.OVER
        if self.line is not None:
            self.line.end(cause)
        else:
            self._ports.close()
        self._around.over(self)

    @property
    def settled(self) -> bool:
        """Whether the phone call is over, and nothing of it is under way any more."""
        return self.state is State.OVER and not self._leaving and self._pending is None

    # Inside

    def _make_line(self, media: Media, *, early: bool = False) -> SipLine:
        timers, clock = self._around.timers, self._around.clock
        return SipLine(self._number, media, self._rules, self._ports, self.leave, timers, clock, early=early)

    def _read_media(self, request: Request, *, again: bool) -> Media:
        media = read_media(request.message.text)
        self._rules.check(media, again=again)
        return media

    def _description(self) -> str:
        if self._shown is None:
            return offer(self._sound_at, self._session, self._version)
        return describe(self._shown, self._sound_at, self._session, self._version)

    def _contact(self) -> str:
        host, port = self._local
        return f"<sip:{f'[{host}]' if ':' in host else host}:{port}>"

    def _invite_response(self, invite: Request, status: int, body: str = "") -> bytes:
        return respond(invite, status, self.tag, {"Contact": self._contact(), "Allow": ALLOW}, body)

    def _final(self, invite: Request, status: int, body: str = "") -> None:
        """Send a final response to an INVITE until it is acknowledged."""
        response = self._invite_response(invite, status, body)
        self._pending, self._response = invite, response
        self._stop_retransmission()
        timers = self._around.timers
        self._retransmission = Retransmission(
            lambda: self._around.send(response, invite.answer_to),
            timers.pauses(timers.give_up_answering),
            self._not_acknowledged,
        )

    def _refuse(self, status: int) -> None:
        self.state, self._refused = State.OVER, True
        self._final(self.invite, status)

    def _not_acknowledged(self) -> None:
        """The caller has not acknowledged the response in time."""
        self._retransmission = None
        self._pending = None
        if self.state is State.OVER:
            self._around.over(self)
            return
        self._send_bye_once()
        self.end(LineEnd.LOST, detail="its answer was not acknowledged")

    def _stop_retransmission(self) -> None:
        if self._retransmission is not None:
            self._retransmission.stop()
            self._retransmission = None

    def _renegotiate(self, request: Request) -> None:
        if self.state is not State.CONFIRMED or self._pending is not None:
            self._around.reply(request, respond(request, 491))
            return
        try:
            media = self._read_media(request, again=True) if request.message.body else None
        except NoAgreementError as error:
            if not self._refused_change:
                self._refused_change = True
                _LOG.info("A change of a phone call is refused: %s", error)
            self._around.reply(request, respond(request, 488))
            return
        self._peer = request.source
        self._version += 1
        self._offered = media is None
        if media is not None:
            self._change(media)
        elif self._media is not None:
            # This side makes the offer now. The offer ends a hold, so it must not repeat the direction of the hold.
            self._shown = replace(self._media, direction="sendrecv")
        self._final(request, 200, self._description())

    def _update(self, request: Request) -> None:
        """Take an UPDATE (RFC 3311). It is like an INVITE within the dialog, but it is not acknowledged.

        Without a session description it is only a sign of life.
        """
        headers = {"Contact": self._contact(), "Allow": ALLOW}
        if not request.message.body:
            self._around.reply(request, respond(request, 200, headers=headers))
            return
        if self.state is not State.CONFIRMED or self._pending is not None:
            self._around.reply(request, respond(request, 491))
            return
        try:
            self._change(self._read_media(request, again=True))
        except NoAgreementError:
            self._around.reply(request, respond(request, 488))
            return
        self._version += 1
        self._around.reply(request, respond(request, 200, headers=headers, body=self._description()))

    def _change(self, media: Media) -> None:
        self._media = self._shown = media
        if self.line is not None:
            self.line.change(media)

    def _make_dialog(self) -> Dialog:
        message = self.invite.message
        sender, receiver, contacts = message.from_addr, message.to_addr, message.contact
        return Dialog(
            call_id=self.invite.call_id,
            local_tag=self.tag,
            remote_tag=self.invite.from_tag,
            local_uri=stringify_uri(receiver.uri) if receiver else "",
            remote_uri=stringify_uri(sender.uri) if sender else "",
            remote_target=stringify_uri(contacts[0].uri) if contacts else "",
            route_set=list(message.headers.get("record-route")),
        )

    def _bye(self) -> SipRequest:
        return self._dialog.create_request("BYE", via_host=self._local[0], via_port=self._local[1])

    def _send_bye_once(self) -> None:
        """End a phone call, and don't wait for an answer. The victim of a forged INVITE thus gets only one packet."""
        self._around.send(bytes(self._bye()), self._peer)

    def _spawn_bye(self) -> asyncio.Task[Response | None]:
        bye = self._bye()
        task = asyncio.get_running_loop().create_task(self._around.ask(bye, self._peer))
        self._leaving.add(task)
        task.add_done_callback(self._left)
        return task

    def _left(self, task: asyncio.Task[Response | None]) -> None:
        self._leaving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            _LOG.error("The caller's phone was not told that the phone call has ended.", exc_info=error)
        self._around.over(self)

    def abandon(self) -> set[asyncio.Task[Response | None]]:
        """Stop whatever is under way. Returns the tasks that end now."""
        self._stop_retransmission()
        for task in self._leaving:
            task.cancel()
        return set(self._leaving)

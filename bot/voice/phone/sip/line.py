"""The phone line of a phone call over SIP. Its sound and digits come over RTP."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
import time
from collections.abc import Awaitable, Callable

from audio.g711 import Law, decode_g711, encode_g711
from bot.voice.phone.line import FRAME_BYTES, LineEnd, LineListener
from bot.voice.phone.sip.messages import Endpoint
from bot.voice.phone.sip.negotiation import Media
from bot.voice.phone.sip.ports import PortPair
from bot.voice.phone.sip.rtcp import INTERVAL, Reports
from bot.voice.phone.sip.rtp import Digit, Gap, Incoming, Outgoing, Received, Sound
from bot.voice.phone.sip.sound_rules import SoundRules
from bot.voice.phone.sip.timers import SipTimers

_LOG = logging.getLogger(__name__)

TICK = 0.01
"""Seconds between two checks of what is due."""
HEARD_AFTER = 0.2
"""Seconds after which the caller has usually heard what was sent. The line waits this long before it hangs up."""
BLIND = 500
"""Maximum number of packets of a phone call that are sent to addresses from which nothing has come: 10 s of sound.

A caller who names somebody else's address can have no more packets than these sent to it, however often the caller
negotiates anew.
"""
CREDIT = 2
"""Number of packets that are sent for each that has come, in a phone call that nobody has acknowledged.

Its INVITE may be forged, and name the address of a victim. An attacker who forges packets from this address too can
make the bot send the victim at most twice as many packets as they send themselves.
"""
_DATAGRAM = 2048
"""Maximum number of bytes of a datagram that are read. Packets of sound have 172."""
_AT_ONCE = 64
"""Maximum number of datagrams that are read before the event loop can do anything else."""
_SILENCE: dict[Law, bytes] = {"alaw": b"\xd5" * FRAME_BYTES, "ulaw": b"\xff" * FRAME_BYTES}
"""A frame of silence in G.711."""


class SipLine:
    """An accepted phone call over SIP. See :class:`~bot.voice.phone.line.PhoneLine`.

    It sends 50 packets a second, of silence if there is nothing to say, since phones and routers take a pause for a
    lost connection. While the caller has put the bot on hold, it sends nothing and expects no sound.

    Args:
        number: the caller's number.
        rules: where sound may go to and come from.
        leave: ends the phone call towards the caller.
        ports: the bound ports; the line closes them.
        early: whether the phone call is not answered yet, so that nothing has proved that the caller is there.
    """

    kind = "sip"

    def __init__(
        self,
        number: str,
        media: Media,
        rules: SoundRules,
        ports: PortPair,
        leave: Callable[[], Awaitable[None]],
        timers: SipTimers,
        clock: Callable[[], float] = time.monotonic,
        *,
        early: bool = False,
    ) -> None:
        now = clock()
        self.number = number
        self.source = rules.source_of(number)
        self.law: Law = media.law
        self._media, self._ports, self._leave, self._timers, self._clock = media, ports, leave, timers, clock
        self._rules, self._early = rules, early
        self._incoming = Incoming(media, rules)
        self._changed = asyncio.Event()  # the line can be spoken on, or has ended
        self._outgoing = Outgoing(now)
        self._sending = threading.Lock()  # guards the numbers of outgoing packets, and the closing of the socket
        self._open = True
        self._blind = 0
        self._reports = Reports(self._outgoing.ssrc)
        self._reports_to: Endpoint | None = None
        self._next_report = now + INTERVAL
        self._next_sign = now
        self._heard_at = self._held_since = now
        self._spoke_at = now - HEARD_AFTER
        self._listener: LineListener | None = None
        self._end: LineEnd | None = None
        self._hanging_up: asyncio.Task[None] | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(ports.sound, self._read_sound)
        self._loop.add_reader(ports.reports, self._read_reports)
        self._timer = self._loop.call_later(TICK, self._tick)

    @property
    def unheard(self) -> int:
        """Always 0: SIP does not report what was heard."""
        return 0

    @property
    def ended(self) -> LineEnd | None:
        """Why the line has ended; ``None`` while it has not."""
        return self._end

    @property
    def reachable(self) -> bool:
        """Whether sound may be sent: the address for it is known, and the caller is there."""
        return self._end is None and (self._incoming.source is not None or self._may_send_blindly())

    async def wait_reachable(self, seconds: float | None = None) -> bool:
        """Wait until sound may be sent. Returns ``False`` if the line has ended, or after this many seconds."""
        try:
            async with asyncio.timeout(seconds):
                while not self.reachable and self._end is None:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return False
        return self.reachable

    def _may_send_blindly(self) -> bool:
        return self._rules.may_send_early(self._media) if self._early else self._rules.may_send(self._media)

    def start(self, listener: LineListener) -> None:
        """Begin to pass sound and keys to ``listener``."""
        self._listener = listener
        if self._end is not None:
            listener.ended(self._end)

    def send(self, frame: bytes) -> None:
        """Send 20 ms of sound. It is dropped while the bot is on hold, and after the end. Any thread may call this."""
        self._spoke_at = self._clock()
        self._send(frame)

    def clear(self) -> None:
        """Do nothing: nothing waits here, and what the network has can't be taken back."""

    async def hang_up(self) -> None:
        """End the phone call, once what was sent is heard."""
        if self._end is not None:
            return
        if self._hanging_up is None:
            self._hanging_up = self._loop.create_task(self._hang_up())
        await asyncio.shield(self._hanging_up)

    async def _hang_up(self) -> None:
        wait = self._spoke_at + HEARD_AFTER - self._clock()
        if wait > 0:
            await asyncio.sleep(min(wait, HEARD_AFTER))
        if self._end is None:
            try:
                await self._leave()
            finally:
                self.end(LineEnd.BOT)

    def change(self, media: Media) -> None:
        """Take the result of a new negotiation: a hold or its end, or another address for sound."""
        now = self._clock()
        if self._media.sends_sound != media.sends_sound or self._media.wants_sound != media.wants_sound:
            self._held_since = self._heard_at = now
        with self._sending:
            self._media = media
            self._incoming.change(media)
        self._changed.set()
        if self._incoming.source is None:
            self._reports_to = None

    def end(self, cause: LineEnd) -> None:
        """The phone call is over. Only the first cause counts."""
        if self._end is not None:
            return
        self._end = cause
        self._changed.set()
        self._timer.cancel()
        self._loop.remove_reader(self._ports.sound)
        self._loop.remove_reader(self._ports.reports)
        if self._reports_to is not None:
            _send(self._ports.reports, self._reports.farewell(), self._reports_to)
        with self._sending:
            self._open = False
            self._ports.close()
        if self._listener is not None:
            self._listener.ended(cause)

    def _send(self, frame: bytes, only_if_due: bool = False) -> None:
        with self._sending:
            now = self._clock()
            if not self._open or not self._media.wants_sound or (only_if_due and not self._outgoing.is_due(now)):
                return
            media, known = self._media, self._incoming.source
            if not self._may_send(known):
                return
            sound = frame if media.law == self.law else encode_g711(decode_g711(frame, self.law), media.law)
            packet = self._outgoing.packet(media.payload_type, sound, now)
            _send(self._ports.sound, packet, known or media.remote)

    def _may_send(self, known: Endpoint | None) -> bool:
        """Whether a packet may be sent now: to the ``known`` source of sound, or to where the caller wants sound."""
        if known is None:
            blindly = self._may_send_blindly()
            self._blind += blindly
            return blindly and self._blind <= BLIND
        if not self._early or self._may_send_blindly():
            return True
        return self._outgoing.packets < CREDIT * self._incoming.taken

    def _tick(self) -> None:
        """Do what is due: silence, missing packets, reports, and the end."""
        now = self._clock()
        self._timer = self._loop.call_later(TICK, self._tick)
        self._send(_SILENCE[self.law], only_if_due=True)
        if (deadline := self._incoming.deadline) is not None and deadline <= now:
            # What is missing may wait in the socket, if the event loop was late.
            self._read_sound()
            self._tell(self._incoming.tick(now))
        if now >= self._next_report:
            self._next_report = now + INTERVAL
            self._send_report(now)
        if self._has_lasted_too_long(now):
            self._read_sound()
            if self._has_lasted_too_long(now):
                self._give_up()
        elif not self._media.wants_sound or not self._media.sends_sound:
            self._show_life(now)

    def _has_lasted_too_long(self, now: float) -> bool:
        """Whether the caller has been silent, or has held the bot, for too long."""
        held = not self._media.wants_sound or (not self._media.sends_sound and self._incoming.source is not None)
        since, limit = (self._held_since, self._timers.hold) if held else (self._heard_at, self._timers.silence)
        return now - since >= limit

    def _show_life(self, now: float) -> None:
        """Report to the listener once a second that the caller is still there, although no sound is expected."""
        if self._listener is not None and now >= self._next_sign:
            self._next_sign = now + 1.0
            self._listener.sound(b"", now)

    def _give_up(self) -> None:
        """End the phone call, because nothing has come for too long, or the bot was on hold for too long."""
        self._timer.cancel()
        if self._hanging_up is None and self._end is None:
            self._hanging_up = self._loop.create_task(self._leave_silent())

    async def _leave_silent(self) -> None:
        # The listener learns of the end first. It need not wait for the answer of a phone that is gone.
        self.end(LineEnd.SILENT)
        await self._leave()

    def _send_report(self, now: float) -> None:
        source = self._incoming.source
        if source is None or not self._open:
            return  # Reports go only where sound has come from.
        to = self._reports_to or (source[0], source[1] + 1)
        if to[1] < 1 << 16:
            report = self._reports.report(now, self._outgoing.packets, self._outgoing.timestamp)
            _send(self._ports.reports, report, to)

    def _read_sound(self) -> None:
        for data, source in _waiting(self._ports.sound):
            packet = self._incoming.read(data, source)
            if packet is None:
                continue
            now = self._clock()
            self._heard_at = now
            self._changed.set()
            self._reports.count(packet)
            self._tell(self._incoming.take(packet, now))
            if self._end is not None:
                return

    def _read_reports(self) -> None:
        for data, source in _waiting(self._ports.reports):
            known = self._incoming.source
            if known is None or source[0] != known[0] or (self._reports_to or source) != source:
                continue
            now = self._clock()
            if self._reports.take(data, now):
                self._reports_to, self._heard_at = source, now
                self._show_life(now)

    def _tell(self, received: list[Received]) -> None:
        listener = self._listener
        if listener is None:
            return
        for each in received:
            match each:
                case Sound() | Gap() if not self._media.wants_sound:
                    pass  # While the bot is on hold, only music would come.
                case Sound(data, at):
                    same = self._media.law == self.law
                    listener.sound(data if same else encode_g711(decode_g711(data, self._media.law), self.law), at)
                case Gap(samples, at):
                    listener.gap(samples, at)
                case Digit(digit):
                    listener.digit(digit)

    def press(self, digit: str) -> None:
        """Take a key that came in a message (SIP INFO). It only counts if the phone sends no keys over RTP."""
        if self._media.digits is None:
            self._tell([Digit(digit)])


def _waiting(bound: socket.socket) -> list[tuple[bytes, Endpoint]]:
    """The datagrams that have come."""
    found: list[tuple[bytes, Endpoint]] = []
    for _ in range(_AT_ONCE):
        try:
            data, source = bound.recvfrom(_DATAGRAM)
        except (BlockingIOError, InterruptedError):
            break
        except OSError as error:
            # The error is about a packet that was sent: the kernel reports here that it could not be delivered.
            _LOG.debug("A packet was not delivered: %s", error)
            continue
        found.append((data, (source[0], source[1])))
    return found


def _send(bound: socket.socket, data: bytes, to: Endpoint) -> None:
    """Send a datagram. If it can't be sent, it counts as lost on the way."""
    try:
        bound.sendto(data, to)
    except OSError as error:
        _LOG.debug("A packet was not sent: %s", error)

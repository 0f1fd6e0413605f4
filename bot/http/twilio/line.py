"""A phone line over Twilio: the bot's end of one media stream."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from audio.g711 import Law
from bot.http.twilio.heard import MarkedSound
from bot.http.twilio.messages import (
    SAMPLE_RATE,
    Digit,
    Marked,
    Media,
    Started,
    Stopped,
    StreamError,
    StreamMessage,
    clear_message,
    mark_message,
    media_message,
)
from bot.http.twilio.timeline import Timeline
from bot.voice.browser.audio_input import SoundClock
from bot.voice.phone.line import SILENCE_LIMIT, LineEnd, LineListener

PLAY_OUT_LIMIT = 1.5
"""Seconds for which a line that is hung up waits until the caller has heard what was sent."""


class StreamSocket(Protocol):
    """The WebSocket of a stream. Use it on the event loop."""

    def put(self, text: str) -> None:
        """Queue a message. After :meth:`end`, it is dropped."""
        ...

    def drop_unsent(self) -> None:
        """Drop all messages that wait."""
        ...

    def end(self) -> None:
        """Close the socket as soon as everything that waits is sent. Twilio then ends the phone call."""
        ...


class TwilioLine:
    """The :class:`~bot.voice.phone.line.PhoneLine` of a stream.

    Args:
        number: the caller's number; empty if the caller withholds it.
        stream: Twilio's id of the stream.
        socket: the socket of the stream.
        clock: returns monotonic seconds.
        sleep: waits for some seconds. Tests pass their own.

    Attributes:
        sound: the sound to the caller, and how much of it was heard.
    """

    kind = "twilio"
    law: Law = "ulaw"

    def __init__(
        self,
        number: str,
        stream: str,
        socket: StreamSocket,
        *,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.number = self.source = number
        self.sound = MarkedSound()
        self._stream = stream
        self._socket = socket
        self._clock = clock
        self._sleep = sleep
        self._loop = asyncio.get_running_loop()
        self._listener: LineListener | None = None
        self._end: LineEnd | None = None
        self._timeline = Timeline()
        self._sound_clock = SoundClock(clock)
        self._lost_clock = SoundClock(clock)
        self._sounded = clock()
        self._heard = asyncio.Event()
        # Samples that the sending thread has passed on, and samples that the event loop has taken. Only the sending
        # thread writes the first counter, and only the event loop writes the second one.
        self._handed = 0
        self._taken = 0
        self._interruptions = 0

    @property
    def unheard(self) -> int:
        """Number of samples (8,000 Hz) that were sent and not heard yet. What was cleared is not among them."""
        return self.sound.unheard + self._handed - self._taken

    @property
    def ended(self) -> LineEnd | None:
        """Why the line has ended; ``None`` while it has not."""
        return self._end

    # For the transport of phone calls.

    def start(self, listener: LineListener) -> None:
        """Begin to pass sound and keys to ``listener``. If the line has ended, ``listener.ended`` is called at once."""
        self._listener = listener
        if self._end is not None:
            listener.ended(self._end)

    def send(self, frame: bytes) -> None:
        """Send 20 ms of sound. Called on the sending thread."""
        interruptions = self._interruptions
        self._handed += len(frame)
        # When a call ends, its event loop may be closed while the sending thread still has a frame.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._put, frame, interruptions)

    def _put(self, frame: bytes, interruptions: int) -> None:
        self._taken += len(frame)
        # A frame that was sent before an interruption must not follow the message that clears its reply.
        if self._end is None and interruptions == self._interruptions:
            number = self.sound.sent(len(frame))
            self._socket.put(media_message(self._stream, frame))
            self._socket.put(mark_message(self._stream, str(number)))
        self._heard.set()

    def clear(self) -> None:
        """Let Twilio drop what was sent and is not heard yet."""
        self._interruptions += 1
        self.sound.clear()
        self._heard.set()
        if self._end is None:
            self._socket.drop_unsent()
            self._socket.put(clear_message(self._stream))

    async def hang_up(self) -> None:
        """Close the stream once what was sent is heard, or after :data:`PLAY_OUT_LIMIT`. Twilio then ends the call."""
        late = asyncio.ensure_future(self._sleep(PLAY_OUT_LIMIT))
        late.add_done_callback(lambda _: self._heard.set())
        try:
            while self._end is None and self.unheard and not late.done():
                self._heard.clear()
                await self._heard.wait()
        finally:
            late.cancel()
            self.end(LineEnd.BOT)

    # For the socket.

    def receive(self, message: StreamMessage) -> None:
        """Take a message; raises :class:`~bot.http.twilio.messages.StreamError`. Those of other streams are ignored."""
        if self._end is not None or message.stream_sid != self._stream:
            return
        match message:
            case Media():
                self._hear(message)
            case Marked():
                self.sound.returned(message.mark.name)
                self._heard.set()
            case Digit():
                if self._listener is not None:
                    self._listener.digit(message.dtmf.digit)
            case Stopped():
                self.end(LineEnd.CALLER)
            case Started():
                pass

    def _hear(self, message: Media) -> None:
        if message.media.track != "inbound":
            return
        sound = message.sound()
        lost = self._timeline.place(message.media, len(sound))
        if lost is None or not sound:
            return
        self._sounded = self._clock()
        if not self._sound_clock.take(len(sound) / SAMPLE_RATE):
            raise StreamError("the sound is far ahead of the clock")
        if self._listener is None:
            return
        # Without this limit, a hostile client could claim hours of lost sound within a second.
        if lost and self._lost_clock.take(lost / SAMPLE_RATE):
            self._listener.gap(lost, self._sounded)
        self._listener.sound(sound, self._sounded)

    async def watch(self) -> None:
        """End the line when no sound has come for :data:`SILENCE_LIMIT`. Runs until the line has ended."""
        while self._end is None:
            left = self._sounded + SILENCE_LIMIT - self._clock()
            if left <= 0:
                self.end(LineEnd.SILENT)
            else:
                await self._sleep(left)

    def end(self, cause: LineEnd) -> None:
        """End the line, tell the listener, and close the socket. Only the first cause counts."""
        if self._end is not None:
            return
        self._end = cause
        self._heard.set()
        self._socket.end()
        if self._listener is not None:
            self._listener.ended(cause)

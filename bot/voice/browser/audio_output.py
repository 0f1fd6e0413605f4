"""The audio output of a browser call: frames of the bot's sound go to the socket, in the order of the call's events."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from collections.abc import Callable
from enum import Enum, auto
from functools import partial
from typing import Protocol

from audio.halving import Halver
from audio.pcm import SAMPLE_BYTES, from_pcm16, to_pcm16
from audio.samples import SPEAKING_RATE
from bot.voice.browser.client import ChatClient
from bot.voice.browser.server_messages import AudioResponse, Background
from bot.voice.transport import CallSound

LEAD_SECONDS = 0.08
"""Seconds of a reply's sound that are sent early when the reply begins.

The page begins to play when it has buffered 60 ms and one block of its audio device (10 ms). It gets these 80 ms and
the frame that is due (20 ms) at once. So it plays immediately, and its buffer is not empty when the next frame comes
20 ms later.
"""
PIECE_SECONDS = 0.2
"""Length of the pieces in which sound is sent in base64, in seconds."""


class FrameOutlet(Protocol):
    """Where frames go; see :class:`SoundOutlet`."""

    def deliver(self, pcm: bytes) -> None:
        """Send a frame of a reply."""
        ...

    def deliver_background(self, pcm: bytes) -> None:
        """Send a frame with other sound beneath the voice, or with other sound alone."""
        ...

    def end_background(self) -> None:
        """Other sound has ended for now."""
        ...


class BrowserFrames:
    """The frames of a call on their way to the socket.

    It is the :class:`~bot.voice.transport.FrameSource` and the :class:`~bot.voice.playback.sender.PacketSink` of the
    sending thread. That thread converts each frame and hands it to the event loop. Before that, the playback
    tells the event loop whether the frame begins a segment. So the client learns of a segment before the sound of this
    segment comes.

    No silence is sent before and after replies: the client has a buffer, and nothing is lost on the way.

    Args:
        frames: the bot's own sound, and other sound beneath it.
        outlet: gets each frame on the event loop: 16-bit mono at ``rate``.
        loop: the event loop.
        rate: sample rate of the delivered sound, in Hz; one of :data:`~bot.voice.browser.server_messages.DOWN_RATES`.

    Attributes:
        connected: whether there is a client. While there is none, no frames are taken. The event loop sets it.
        rate: can be changed at any time.
    """

    making = False
    """Never true, so that the sending thread sends no silence before a reply; see the class."""
    lead = LEAD_SECONDS

    def __init__(self, frames: CallSound, outlet: FrameOutlet, loop: asyncio.AbstractEventLoop, rate: int) -> None:
        self.connected = False
        self.rate = rate
        self._frames = frames
        self._outlet = outlet
        self._loop = loop
        self._halver = Halver()
        self._converted: bytes | None = None
        self._beneath = False

    @property
    def wake(self) -> Callable[[], None]:
        """Function that wakes the sending thread. It is called on the event loop when there is something to send."""
        return self._frames.wake

    @wake.setter
    def wake(self, wake: Callable[[], None]) -> None:
        self._frames.wake = wake

    @property
    def sounding(self) -> str | None:
        """Id of the reply whose frame was taken last."""
        return self._frames.sounding

    def take(self, *, silence: bool = True) -> bytes | None:
        """The next 20 ms of PCM, or ``None`` if nothing plays; never blocks."""
        return self._frames.take(silence=silence)

    def send(self, pcm: bytes) -> None:
        """Convert 20 ms of stereo 16-bit PCM at 48,000 Hz. :meth:`report` hands it over."""
        sound = from_pcm16(pcm, channels=2)
        self._converted = to_pcm16(sound if self.rate == SPEAKING_RATE else self._halver.halve(sound))

    def report(self) -> None:
        """Tell the event loop what was taken, and then hand the frame over."""
        self._frames.report()
        converted, self._converted = self._converted, None
        if converted is None:
            return
        self._beneath = self._frames.beneath
        self._call(partial(self._outlet.deliver_background if self._beneath else self._outlet.deliver, converted))

    def _call(self, on_loop: Callable[[], None]) -> None:
        # When a call ends, its event loop may be closed while the sending thread still has a frame.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(on_loop)

    def send_silence(self) -> None:
        """Do nothing; see the class."""

    def set_speaking(self, speaking: bool) -> None:
        """If no more sound comes for now, tell the outlet that other sound has ended, and forget the last samples: they
        would be mixed into the next sound."""
        if speaking:
            return
        self._halver.reset()
        if self._beneath:
            self._beneath = False
            self._call(self._outlet.end_background)


class SoundForm(Enum):
    """The form in which a client gets sound."""

    BINARY = auto()
    BASE64 = auto()
    """Base64, in the messages that announce the sound. Clients that send base64 get this form."""
    NONE = auto()
    """The client wants only the words, and gets no sound."""


class SoundOutlet:
    """Sends segments and their sound to the client. Use it on the event loop.

    The voice's sound that belongs to no segment is dropped: it is the last frame of a reply that was interrupted. Music
    and other sound without a segment are announced, and sent only to clients that take binary messages.

    Attributes:
        form: the form in which the client gets sound.
        rate: sample rate of the sound, in Hz.
    """

    def __init__(self, rate: int) -> None:
        self.form = SoundForm.BINARY
        self.rate = rate
        self._client: ChatClient | None = None
        self._segment: AudioResponse | None = None
        self._piece = bytearray()
        self._in_background = False

    def attach(self, client: ChatClient | None) -> None:
        """Send to this client from now on (``None``: to nobody), and announce the segment that is being played."""
        self._client = client
        self._in_background = False
        self._piece.clear()
        if self._segment is not None:
            self._announce(self._segment)

    def begin(self, segment: AudioResponse) -> None:
        """Begin the sound of a segment."""
        self._send_piece()
        self._in_background = False
        self._segment = segment
        self._announce(segment)

    def _announce(self, segment: AudioResponse) -> None:
        if self._client is not None and self.form is SoundForm.BINARY:
            self._client.send(segment)

    def deliver(self, pcm: bytes) -> None:
        """Send the next 20 ms of the segment."""
        if self._segment is None or self._client is None or self.form is SoundForm.NONE:
            return
        if self.form is SoundForm.BINARY:
            self._client.send_sound(pcm)
            return
        self._piece += pcm
        if len(self._piece) >= PIECE_SECONDS * self.rate * SAMPLE_BYTES:
            self._send_piece()

    def deliver_background(self, pcm: bytes) -> None:
        """Send the next 20 ms, which have other sound than the voice. Between replies they belong to no segment."""
        if self._segment is not None:
            self.deliver(pcm)
            return
        if self._client is None or self.form is not SoundForm.BINARY:
            return
        if not self._in_background:
            self._in_background = True
            self._client.send(Background(True))
        self._client.send_sound(pcm)

    def end_background(self) -> None:
        """Tell the client that no more sound comes for now."""
        if self._in_background and self._client is not None:
            self._client.send(Background(False))
        self._in_background = False

    def end(self, *, interrupted: bool) -> None:
        """End the reply. What is left of an interrupted reply is dropped."""
        if interrupted:
            self._piece.clear()
        self._send_piece()
        self._segment = None

    def _send_piece(self) -> None:
        segment, client = self._segment, self._client
        if not self._piece or segment is None or client is None:
            return
        sound = base64.b64encode(self._piece).decode()
        self._piece.clear()
        client.send(AudioResponse(segment.reply, segment.segment, segment.text, segment.quality, sound))
        # Only the first piece has the words, so that a client shows them once.
        self._segment = AudioResponse(segment.reply, segment.segment, "", segment.quality)

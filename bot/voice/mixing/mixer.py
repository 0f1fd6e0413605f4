"""The mixer: makes the frames of a call, in which music and other sound play beneath the bot's voice."""

from __future__ import annotations

from collections.abc import Callable

from audio.samples import FRAME_SECONDS
from bot.voice.mixing.levels import Stereo, approach, factor, from_frame, scaled, to_frame
from bot.voice.mixing.limiter import Limiter
from bot.voice.mixing.stream import DUCKED, HUSHED, Channel, MixedStream, StreamState
from bot.voice.mixing.taken_frame import TakenFrame
from bot.voice.transport import ReplySound

DUCK_SECONDS, HOLD_SECONDS, RETURN_SECONDS = 0.02, 0.15, 0.3
"""Seconds in which music gets quieter when somebody speaks, seconds for which it stays quieter after the last speech,
and seconds in which it comes back.

Music has to be down 100 ms after a person begins. A voice is noticed after up to 60 ms, and a frame takes 20.
"""
HUSH_SECONDS = 0.02
"""Seconds in which the bed (see :class:`Channel`) falls silent when the bot speaks, and comes back."""
MAX_VOLUME = 2.0


class Ducking:
    """How far the music is turned down because somebody speaks. It counts frames, and has no clock."""

    def __init__(self, decibels: float) -> None:
        self._decibels = decibels
        self._amount = 0.0
        self._held = 0

    def start(self, speech: bool) -> None:
        """Begin anew: turned down if there is speech now."""
        self._amount, self._held = float(speech), 0

    def next(self, speech: bool) -> tuple[float, float]:
        """The gains at the beginning and the end of the next frame; ``speech`` says whether somebody speaks in it."""
        before = self._amount
        self._held = round(HOLD_SECONDS / FRAME_SECONDS) if speech else max(self._held - 1, 0)
        down = speech or self._held > 0
        self._amount = approach(before, 1.0, DUCK_SECONDS) if down else approach(before, 0.0, RETURN_SECONDS)
        return factor(-self._decibels * before), factor(-self._decibels * self._amount)


class Mixer:
    """The frames of the bot's voice with other sound beneath them. It is a :class:`~bot.voice.transport.CallSound`.

    While nothing but the voice plays, its frames pass through untouched: the same objects, at the same time.

    The sending thread calls :meth:`take` and :meth:`report`, and the input thread :attr:`ducks` and :meth:`speaks`;
    everything else is used on the event loop. The threads share only attributes that are replaced as a whole, each of
    them by one thread alone.

    Args:
        reply: the bot's voice.
        duck_decibels: how much quieter music gets while somebody speaks, in dB.

    Attributes:
        taken: what the last frame holds. Only the sending thread uses it.
    """

    def __init__(self, reply: ReplySound, *, duck_decibels: float = 12.0) -> None:
        self.taken = TakenFrame(None, None)
        self._reply = reply
        self._streams: tuple[MixedStream, ...] = ()
        self._volumes = dict.fromkeys(Channel, 1.0)
        self._people: frozenset[int] = frozenset()
        # Only the sending thread uses these.
        self._sounding_volumes = dict.fromkeys(Channel, 1.0)
        self._ducking = Ducking(duck_decibels)
        self._mixing = False
        self._hushed = 0.0
        self._limiter = Limiter()

    # What the transport uses.

    @property
    def wake(self) -> Callable[[], None]:
        """Function that wakes the sending thread. It is called on the event loop when there is something to send."""
        return self._reply.wake

    @wake.setter
    def wake(self, wake: Callable[[], None]) -> None:
        self._reply.wake = wake

    @property
    def heard(self) -> Callable[[str, int], int]:
        """Says how many of a reply's samples were heard; see :class:`~bot.voice.transport.ReplySound`."""
        return self._reply.heard

    @heard.setter
    def heard(self, heard: Callable[[str, int], int]) -> None:
        self._reply.heard = heard

    @property
    def making(self) -> bool:
        """True while a reply is being made and nothing of it has been played yet."""
        return self._reply.making

    @property
    def sounding(self) -> str | None:
        """Id of the reply whose frame was taken last."""
        return self._reply.sounding

    @property
    def beneath(self) -> bool:
        """Whether the frame taken last has other sound than the voice. Only the sending thread asks."""
        return self.taken.background is not None

    def report(self) -> None:
        """Tell the event loop what was taken. Call it as soon as the frame is sent."""
        self._reply.report()

    def take(self, *, silence: bool = True) -> bytes | None:
        """The next 20 ms: the voice, with other sound beneath it if some plays. ``None`` if there is neither."""
        reply = self._reply.take(silence=silence)
        background = self._background(reply is not None) if self._streams else None
        if background is None:
            self._mixing = False
            self.taken = TakenFrame(reply, None)
            return reply
        self.taken = TakenFrame(reply, to_frame(background))
        return to_frame(self._limiter.limit(background if reply is None else background + from_frame(reply)))

    # What plays. Called on the event loop.

    def add(self, stream: MixedStream) -> None:
        """Play a stream, until it is over."""
        stream.wake = self._wake
        self._streams = (*(other for other in self._streams if other.state is not StreamState.OVER), stream)
        self._wake()

    def volume(self, channel: Channel) -> float:
        """The volume of a channel, 0 to 2."""
        return self._volumes[channel]

    def set_volume(self, channel: Channel, volume: float) -> None:
        """Change the volume of a channel, 0 to 2. It changes within a frame, without a click."""
        self._volumes = {**self._volumes, channel: min(max(volume, 0.0), MAX_VOLUME)}

    def plays(self, *channels: Channel) -> bool:
        """Whether a stream of one of these channels is heard: it has begun, is not paused, and has enough sound."""
        return any(
            each.channel in channels and each.state is StreamState.PLAYING and not each.paused for each in self._streams
        )

    def _wake(self) -> None:
        self._reply.wake()

    # Who speaks. Called on the input thread.

    @property
    def ducks(self) -> bool:
        """Whether there is something, paused or not, that gets quieter while people speak."""
        return any(stream.channel in DUCKED and stream.state is not StreamState.OVER for stream in self._streams)

    def speaks(self, person: int, speaking: bool) -> None:
        """Note that a person begins or ceases to speak. Music is quieter meanwhile."""
        self._people = self._people | {person} if speaking else self._people - {person}

    # The following methods run on the sending thread.

    def _background(self, reply: bool) -> Stereo | None:
        """The next frame of all streams together; ``None`` if none of them sounds."""
        speech, volumes, before = reply or bool(self._people), self._volumes, self._sounding_volumes
        frames = [(stream.channel, frame) for stream in self._streams if (frame := stream.take()) is not None]
        if not frames:
            return None
        if not self._mixing:
            self._mixing, before = True, volumes
            self._limiter.reset()
            self._ducking.start(speech)
            self._hushed = float(reply)
        hushed_before, self._hushed = self._hushed, approach(self._hushed, float(reply), HUSH_SECONDS)
        ducked_before, ducked = self._ducking.next(speech)
        self._sounding_volumes = volumes
        total: Stereo | None = None
        for channel, frame in frames:
            quieter = (ducked_before, ducked) if channel in DUCKED else (1.0, 1.0)
            if channel in HUSHED:
                quieter = (quieter[0] * (1.0 - hushed_before), quieter[1] * (1.0 - self._hushed))
            part = scaled(frame, before[channel] * quieter[0], volumes[channel] * quieter[1])
            total = part if total is None else total + part
        return total

"""The audio output of a phone call: the bot's sound goes to the line as G.711, and what was heard is counted."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType

from audio.g711 import encode_g711
from audio.narrow_band import ToTelephone
from audio.pcm import from_pcm16, to_int16
from audio.samples import SPEAKING_RATE
from audio.telephony import TELEPHONE_RATE
from bot.voice.phone.line import FRAME_BYTES, PhoneLine
from bot.voice.transport import CallSound

_LEADS: Mapping[str, float] = MappingProxyType({"twilio": 0.06})
"""Seconds of sound that are sent early when a reply begins, by the kind of line. Twilio keeps them in a buffer, so that
a late frame leaves no gap. RTP is sent when it is due: the caller's device has a buffer of its own."""
_SCALE = SPEAKING_RATE // TELEPHONE_RATE
_KEPT_FRAMES = 1_500
"""Number of frames whose reply is remembered: the newest 30 s. No network holds back more than that."""


class PhoneFrames:
    """The sink of the sending thread for a phone call; see :class:`~bot.voice.playback.sender.PacketSink`.

    The sending thread calls :meth:`send`, :meth:`send_silence` and :meth:`set_speaking`. :meth:`heard` and
    :meth:`clear` are called on the event loop. The threads share a deque, whose operations are atomic.

    Args:
        frames: the bot's sound in the call.
        line: the phone line.
    """

    def __init__(self, frames: CallSound, line: PhoneLine) -> None:
        self.lead = _LEADS.get(line.kind, 0.0)
        self.connected = True
        self._frames = frames
        self._line = line
        self._converter = ToTelephone()
        self._silence = encode_g711(to_int16(from_pcm16(bytes(2 * FRAME_BYTES))), line.law)
        # The reply to which each of the newest frames belongs; ``None`` for silence between replies.
        self._sent: deque[str | None] = deque(maxlen=_KEPT_FRAMES)

    def send(self, pcm: bytes) -> None:
        """Encode and send 20 ms of stereo 16-bit PCM."""
        self._sent.append(self._frames.sounding)
        self._line.send(encode_g711(to_int16(self._converter.convert(from_pcm16(pcm, channels=2))), self._line.law))

    def send_silence(self) -> None:
        """Send 20 ms of silence."""
        self._sent.append(None)
        self._line.send(self._silence)

    def set_speaking(self, speaking: bool) -> None:
        """At the end of speech, forget its last samples, which would otherwise be mixed into the next sound."""
        if not speaking:
            self._converter.reset()

    def heard(self, reply: str, sent: int) -> int:
        """How many of the ``sent`` samples (48,000 Hz) of a reply have been heard. At most ``sent``.

        The sound that the network still holds is that of the newest frames.
        """
        unheard, of_reply = self._line.unheard, 0
        for frame in reversed(self._sent.copy()):
            if unheard <= 0:
                break
            if frame == reply:
                of_reply += min(unheard, FRAME_BYTES)
            unheard -= FRAME_BYTES
        return max(0, sent - _SCALE * of_reply)

    def clear(self) -> None:
        """Let the network drop what was sent and is not heard yet."""
        self._line.clear()
        self._sent.clear()

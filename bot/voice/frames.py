"""Input events of a call: a person's sound, the end of their transmission, and a person who has left.

A transport makes them, and the input thread processes them.
"""

from __future__ import annotations

from dataclasses import dataclass

from audio.samples import Sound16
from bot.voice.turn import Microphone


@dataclass(frozen=True, slots=True, eq=False)
class AudioFrame:
    """The next piece of one person's sound. The frames of a person come in the order in which they were spoken.

    Attributes:
        person: user id of the person who speaks.
        sound: the samples: mono float32 at 16,000 Hz, of any length.
        at: time at which the frame's packet arrived, in monotonic seconds. A frame that replaces a lost packet has the
            time of the packet after the gap.
        microphone: the kind of the person's microphone; ``None`` if the transport doesn't know it.
        delayed: True if the frame continues the sound of the person's last frame, although a
            :class:`TransmissionEnded` came in between: the person did not pause, but the network stood still.
    """

    person: int
    sound: Sound16
    at: float
    microphone: Microphone | None = None
    delayed: bool = False


@dataclass(frozen=True, slots=True)
class TransmissionEnded:
    """A person has stopped transmitting for now.

    Attributes:
        person: user id of the person.
        at: time at which the end was noticed, in monotonic seconds.
        announced: True if the person's client announced the end, for example by frames of silence; False if no more
            packets came. Then the end is only a guess. A ``delayed`` frame refutes it.
    """

    person: int
    at: float
    announced: bool


@dataclass(frozen=True, slots=True)
class PersonLeft:
    """A person has left the call, or is no longer listened to. Every receiver of this event deletes the person's sound.

    Attributes:
        person: user id of the person.
        at: time of leaving, in monotonic seconds.
    """

    person: int
    at: float


InputEvent = AudioFrame | TransmissionEnded | PersonLeft

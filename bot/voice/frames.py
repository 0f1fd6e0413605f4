"""What a transport hands to a call: people's sound, and the ends of their transmissions."""

from __future__ import annotations

from dataclasses import dataclass

from audio.samples import Sound16


@dataclass(frozen=True, slots=True, eq=False)
class AudioFrame:
    """The next stretch of one person's transmission, in order.

    ``at`` is when its packet arrived, in monotonic seconds; what was concealed has that of the packet behind the gap.
    """

    person: int
    sound: Sound16
    at: float


@dataclass(frozen=True, slots=True)
class TransmissionEnded:
    """Nothing more comes from this person for now: frames of silence said so, or packets stayed away.

    ``at`` is when that became known. ``announced`` is true where frames of silence said so.
    """

    person: int
    at: float
    announced: bool


@dataclass(frozen=True, slots=True)
class PersonLeft:
    """This person is out of the channel, or is no longer listened to: nothing of theirs is to be kept."""

    person: int
    at: float


InputEvent = AudioFrame | TransmissionEnded | PersonLeft

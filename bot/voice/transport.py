"""The interface of a transport, which carries a call's sound and text to people and back.

:mod:`bot.voice.discord`, :mod:`bot.voice.browser` and :mod:`bot.voice.phone` are transports; the tests have another one
that works in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVarTuple, Unpack

from bot.llm.prompts import CallRoom
from bot.voice.frames import InputEvent
from bot.voice.ports import Participants
from bot.voice.turn import Prompt
from bot.voice.utterances.voice_commands import VoiceCommand
from config.sections import Captions

Arguments = TypeVarTuple("Arguments")
Admits = Callable[[int], bool]
"""Function that tells whether a person, by user id, may be listened to.

It is called on the input thread, before a frame of that person is decoded.
"""


class EndCause(StrEnum):
    """The reason for which a call ended."""

    COMMAND = "command"
    VOICE_COMMAND = "voice command"
    """A person told the bot aloud to leave."""
    KICKED = "kicked"
    """Somebody disconnected the bot from the call."""
    HUNG_UP = "hung up"
    """The person at the other end of a phone line, or on the page, has hung up."""
    CHANNEL_DELETED = "channel deleted"
    ALONE = "alone"
    """No people were in the call for too long."""
    CONNECTION_LOST = "connection lost"
    """The transport lost its connection and could not restore it."""
    NO_PACKETS = "no packets"
    """No voice packets (UDP) come through, although the rest of the connection stands."""
    REFUSED = "refused"
    """The other side has closed the connection and does not want another one."""
    VOICE_LOST = "voice lost"
    """The speech server was disconnected for too long."""
    LIMIT = "limit"
    """Today's limit of the voice is reached, and the person can't read what the bot would say."""
    FAILURE = "failure"
    """A part of the call failed."""
    SHUTDOWN = "shutdown"


BY_PEOPLE = frozenset(
    {
        *(EndCause.COMMAND, EndCause.VOICE_COMMAND, EndCause.KICKED, EndCause.HUNG_UP),
        *(EndCause.CHANNEL_DELETED, EndCause.ALONE),
    }
)
"""The causes with which people end a call. They then expect no answer any more to what they have said."""


@dataclass(frozen=True, slots=True)
class PacketCounts:
    """Numbers of packets since the call began.

    Attributes:
        late: frames of the bot's own sound that were sent more than 20 ms after they were due.
        not_decrypted: people's packets for which no key was found in time.
    """

    late: int = 0
    not_decrypted: int = 0


class InputThread(Protocol):
    """The input thread, as transports use it. Slow work on a packet, such as decryption, is done on this thread."""

    def post(self, function: Callable[[Unpack[Arguments]], Any], *arguments: *Arguments) -> None:
        """Call ``function`` on the thread, after the functions that already wait. May be called from any thread."""
        ...

    def offer(self, function: Callable[[Unpack[Arguments]], Any], *arguments: *Arguments) -> None:
        """Post a function that processes a packet; drop it if too many wait. May be called from any thread."""
        ...

    def person_left(self, person: int) -> None:
        """Delete all data of a person who has left the call. May be called from any thread."""
        ...

    def receive(self, event: InputEvent) -> None:
        """Process an input event. Call it only on the input thread."""
        ...


class AudioInput(Protocol):
    """A transport's source of people's sound.

    Call :meth:`start` and :meth:`stop` on the event loop, and everything else on the input thread.
    """

    @property
    def deadline(self) -> float | None:
        """Time at which :meth:`tick` is due, in monotonic seconds; ``None`` if nothing is due."""
        ...

    def start(self, thread: InputThread, admits: Admits) -> None:
        """Begin to pass the input events of admitted people to ``thread``."""
        ...

    def stop(self) -> None:
        """Stop passing input events."""
        ...

    def tick(self, now: float) -> None:
        """Do what is due at ``now``: end transmissions, and stop waiting for packets that are too late."""
        ...

    def person_left(self, person: int, at: float) -> None:
        """Delete all data of a person, and pass on a :class:`~bot.voice.frames.PersonLeft`.

        Args:
            person: user id of a person who has left, or is no longer listened to.
            at: time of leaving, in monotonic seconds.
        """
        ...


class People(Participants, Protocol):
    """The people in a call, by user id. Use it on the event loop; :meth:`is_program` may be called from any thread."""

    @property
    def alone(self) -> bool:
        """True if there are no people in the call. Neither this bot nor other bots count."""
        ...

    def attending(self) -> Mapping[int, str]:
        """The names of the people in the call, by user id; empty if nobody can come and go during a call."""
        ...

    def others(self, person: int) -> tuple[str, ...]:
        """The names of everybody but this person."""
        ...

    def hears(self, person: int) -> bool:
        """True if the person is in the call and hears it."""
        ...

    def is_program(self, person: int) -> bool:
        """True if ``person`` is another bot, for example a music bot. May be called from any thread."""
        ...

    def refusal(self, person: int, command: VoiceCommand) -> str | None:
        """The text for a person whose spoken command is refused; ``None`` if the person may give the command."""
        ...


class PromptChannel(Protocol):
    """The text channel of a call: prompts are typed there, and the bot writes there what it can't speak."""

    @property
    def id(self) -> int:
        """Id by which the channel can be found after the call."""
        ...

    async def acknowledge(self, prompt: Prompt) -> None:
        """Show the author that the bot has taken the prompt."""
        ...

    async def tell(self, text: str, prompt: Prompt | None = None, others: Collection[Prompt] = ()) -> None:
        """Write a text, split if it is too long for one message. If ``prompt`` is given, reply to its message. The
        authors of ``others`` are told too."""
        ...


class CaptionError(Exception):
    """A caption could not be written."""


class CaptionOutlet(Protocol):
    """Writer of captions, which are messages that say who said what."""

    async def write(self, text: str, place: Captions) -> None:
        """Write a message of at most 2,000 characters; raises :class:`CaptionError`."""
        ...


class FrameSource(Protocol):
    """The bot's own sound as frames of 20 ms; see :class:`~bot.voice.playback.playback.ReplyPlayback`.

    Attributes:
        wake: function that wakes the sending thread. The sender sets it, and the source calls it on the event loop
            when there is something to send.
    """

    wake: Callable[[], None]

    @property
    def making(self) -> bool:
        """True while a reply is being made and nothing of it has been played yet."""
        ...

    @property
    def sounding(self) -> str | None:
        """Id of the reply whose frame was taken last."""
        ...

    def take(self, *, silence: bool = True) -> bytes | None:
        """The next 20 ms of PCM, or ``None`` if nothing plays; never blocks.

        Args:
            silence: what is returned if a reply's sound is late: silence if True, ``None`` if False. False is for
                transports whose listeners still have sound to play.
        """
        ...

    def report(self) -> None:
        """Tell the event loop what was taken. Call it as soon as the frame is sent."""
        ...


class ReplySound(FrameSource, Protocol):
    """A :class:`FrameSource` that knows how much of its sound people have heard.

    Attributes:
        heard: function that gets a reply's id and the number of its samples (48,000 Hz) that were sent, and returns how
            many of them people have heard. It is called on the event loop. Unless the transport sets another function,
            all sound that was sent counts as heard.
    """

    heard: Callable[[str, int], int]


class CallSound(ReplySound, Protocol):
    """A :class:`ReplySound` with other sound beneath it; see :class:`~bot.voice.mixing.mixer.Mixer`."""

    @property
    def beneath(self) -> bool:
        """Whether the frame taken last has other sound than the voice. Only the sending thread asks."""
        ...


class Transport(Protocol):
    """The connection of a call to people.

    A new transport is idle. :meth:`connect` joins the call, and :meth:`close` ends everything that was started.
    """

    @property
    def kind(self) -> str:
        """The kind of transport in one word, for example ``discord``."""
        ...

    @property
    def place(self) -> str:
        """The name of the channel, or of another place, in which the call is."""
        ...

    @property
    def room(self) -> CallRoom:
        """The place of the call and the people in it, for the model."""
        ...

    @property
    def encrypted(self) -> bool:
        """True while end-to-end encryption is in force."""
        ...

    @property
    def packets(self) -> PacketCounts:
        """The numbers of packets that came or were sent with a fault."""
        ...

    @property
    def audio(self) -> AudioInput:
        """The source of people's sound."""
        ...

    @property
    def people(self) -> People:
        """The people in the call."""
        ...

    @property
    def prompts(self) -> PromptChannel:
        """The channel in which people write to the bot."""
        ...

    @property
    def captions(self) -> CaptionOutlet:
        """The writer of captions."""
        ...

    def check(self) -> None:
        """Check that the call is possible; raises :class:`~bot.user_error.UserError`."""
        ...

    async def connect(self) -> None:
        """Join the call; raises :class:`~bot.user_error.UserError`."""
        ...

    def play(self, frames: CallSound, sent: Callable[[bytes, float], None]) -> None:
        """Start to send frames, one every 20 ms, until :meth:`close`.

        Args:
            frames: the bot's own sound.
            sent: called with each voiced frame and its time (monotonic seconds), after the frame was sent.
        """
        ...

    async def wait_lost(self) -> EndCause:
        """Wait until the call can't go on; returns the reason."""
        ...

    async def close(self) -> None:
        """Stop sending and leave the call. Works after a failed or cancelled :meth:`connect` too."""
        ...

"""What a call needs of the world around it: Discord is one such transport, a test double another."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any, Protocol, TypeVarTuple, Unpack

from bot.voice.frames import InputEvent
from bot.voice.ports import Participants
from bot.voice.turn import Prompt
from bot.voice.utterances.voice_commands import VoiceCommand
from config.sections import Captions

Arguments = TypeVarTuple("Arguments")
Admits = Callable[[int], bool]
"""Whether a person may be listened to; asked on the input thread, before anything of theirs is opened."""


class EndCause(StrEnum):
    """Why a call ended."""

    COMMAND = "command"
    VOICE_COMMAND = "voice command"
    KICKED = "kicked"
    CHANNEL_DELETED = "channel deleted"
    ALONE = "alone"
    CONNECTION_LOST = "connection lost"
    VOICE_LOST = "voice lost"
    FAILURE = "failure"
    SHUTDOWN = "shutdown"


class InputThread(Protocol):
    """The thread that listens, as a transport sees it: it does there what costs time, such as decryption."""

    def post(self, act: Callable[[Unpack[Arguments]], Any], *arguments: *Arguments) -> None:
        """Do this on the thread, after what waits already; from any thread."""
        ...

    def offer(self, act: Callable[[Unpack[Arguments]], Any], *arguments: *Arguments) -> None:
        """As :meth:`post`, for a piece of sound: it is dropped where too many wait."""
        ...

    def left(self, person: int) -> None:
        """This person is out of the call; from any thread."""
        ...

    def heard(self, heard: InputEvent) -> None:
        """Take the next stretch of somebody's sound, or its end; on the thread alone."""
        ...


class AudioInput(Protocol):
    """People's sound. :meth:`start` and :meth:`stop` belong to the event loop, all else to the input thread."""

    @property
    def deadline(self) -> float | None:
        """When :meth:`tick` is due, in monotonic seconds."""
        ...

    def start(self, thread: InputThread, admits: Admits) -> None:
        """Hand what is heard of those who are admitted to this thread, from now on."""
        ...

    def stop(self) -> None:
        """Hand on nothing more."""
        ...

    def tick(self, now: float) -> None:
        """Give up waiting for what is overdue."""
        ...

    def left(self, person: int, at: float) -> None:
        """Keep nothing of this person, who has left or is no longer listened to, and hand that on."""
        ...


class People(Participants, Protocol):
    """The people in the call, by their user ids. All but :meth:`is_program` belongs to the event loop."""

    @property
    def alone(self) -> bool:
        """Whether nobody but programs is there."""
        ...

    def others(self, person: int) -> tuple[str, ...]:
        """The names of everybody but this person."""
        ...

    def is_program(self, person: int) -> bool:
        """Whether this is a program: one that plays music, say. May be asked from any thread."""
        ...

    def refusal(self, person: int, command: VoiceCommand) -> str | None:
        """Why a spoken command of theirs is not obeyed, in words for them; ``None`` where it is."""
        ...


class PromptChannel(Protocol):
    """Where prompts come from and where words go that can't be spoken."""

    @property
    def id(self) -> int:
        """By which it is found again after the call."""
        ...

    async def acknowledge(self, prompt: Prompt) -> None:
        """Show the author that the prompt was taken."""
        ...

    async def tell(self, text: str, prompt: Prompt | None = None) -> None:
        """Write, as an answer to ``prompt`` where there is one; long texts are split."""
        ...


class CaptionError(Exception):
    """A caption could not be written."""


class CaptionOutlet(Protocol):
    """Where captions are written."""

    async def write(self, text: str, place: Captions) -> None:
        """Write a message of at most 2,000 characters; raises :class:`CaptionError`."""
        ...


class FrameSource(Protocol):
    """The call's own sound, 20 ms at a time; see :class:`~bot.voice.playback.playback.ReplyPlayback`."""

    wake: Callable[[], None]

    @property
    def making(self) -> bool:
        """True while a reply is being made that has not sounded yet."""
        ...

    def take(self) -> bytes | None:
        """The next 20 ms of PCM, or ``None`` between replies; never blocks."""
        ...


class Transport(Protocol):
    """Carries a call. It is made idle; :meth:`connect` begins, :meth:`close` ends everything that it started."""

    @property
    def kind(self) -> str:
        """What carries the call, in a word: ``discord``."""
        ...

    @property
    def place(self) -> str:
        """The name of where the call is."""
        ...

    @property
    def encrypted(self) -> bool:
        """True while end-to-end encryption is in force."""
        ...

    @property
    def audio(self) -> AudioInput:
        """People's sound."""
        ...

    @property
    def people(self) -> People:
        """Who is there."""
        ...

    @property
    def prompts(self) -> PromptChannel:
        """Where people write to the bot."""
        ...

    @property
    def captions(self) -> CaptionOutlet:
        """Where it is written down who said what."""
        ...

    def check(self) -> None:
        """See whether the call can be had; raises :class:`~bot.user_error.UserError`."""
        ...

    async def connect(self) -> None:
        """Join the call; raises :class:`~bot.user_error.UserError`."""
        ...

    def play(self, frames: FrameSource, sent: Callable[[bytes, float], None]) -> None:
        """Send these frames, one every 20 ms, until the end; ``sent`` is told each voiced one, behind its sending."""
        ...

    async def wait_lost(self) -> EndCause:
        """Return when the call can't go on."""
        ...

    async def close(self) -> None:
        """Fall silent and leave; also after a failed or cancelled :meth:`connect`."""
        ...

"""What a call needs of the world, and its parts of each other: protocols, so that each can be tested alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

from audio.samples import Samples
from bot.llm.history import Turn
from bot.speech_server.stream import SpeechEvent
from bot.voice.turn import Prompt, TurnId
from bot.voice.utterances.classifier import Classification, SpokenCommand, Utterance
from wire.messages import ClientMessage


class Responder(Protocol):
    """Answers prompts; what was said before it reads in the call's history."""

    async def warm_up(self) -> None:
        """Get ready to answer at once; never raises."""
        ...

    def answer(self, asked: Turn, when_loading: Callable[[], None] | None = None) -> AsyncGenerator[str, None]:
        """Stream the answer; raises :class:`~bot.llm.errors.ModelError`; closing it closes the model's stream.

        ``when_loading`` is called once if the model is still being loaded, and has been for a while.
        """
        ...


class SpeechConnection(Protocol):
    """The connection to the speech server."""

    async def send(self, message: ClientMessage) -> None:
        """Send; raises :class:`~bot.speech_server.errors.SpeechUnavailable`."""
        ...

    def events(self) -> AsyncIterator[SpeechEvent]:
        """Everything the server says, and the connection's own ups and downs; ends when it is closed."""
        ...


class SpeechClient(SpeechConnection, Protocol):
    """A :class:`SpeechConnection` that is opened for a call and closed after it."""

    @property
    def connected(self) -> bool:
        """True while the server can be spoken to."""
        ...

    async def open(self) -> None:
        """Connect; raises :class:`~bot.speech_server.errors.SpeechUnavailable`."""
        ...

    async def loaded(self, report: Callable[[float], None]) -> None:
        """Wait until the server's voice is loaded; ``report`` is told how far it is, 0 to 1."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


class Playback(Protocol):
    """Where sound goes: float32 mono at 48,000 Hz in, position in samples out."""

    def begin(self, reply: str) -> None:
        """A reply is being made: get ready."""
        ...

    def write(self, reply: str, samples: Samples) -> None:
        """Queue sound."""
        ...

    def mark(self, reply: str, number: int) -> None:
        """Report when the sound queued next begins to be played."""
        ...

    def pause(self, reply: str) -> None:
        """Silence is meant from here on, until there is more sound of the reply."""
        ...

    def finish(self, reply: str) -> None:
        """No more sound comes: report when the last sample was sent."""
        ...

    def hold(self) -> None:
        """Fall silent, and keep what is queued."""
        ...

    def resume(self) -> None:
        """Go on where :meth:`hold` stopped."""
        ...

    def drop(self, reply: str) -> int:
        """Drop what is not sent; returns the samples that were."""
        ...

    def position(self, reply: str) -> int:
        """The samples of the reply that were sent."""
        ...

    async def wait_for_room(self, seconds: float) -> None:
        """Wait until less than this is queued."""
        ...


class ReplyControl(Protocol):
    """The conversation, as those see it who listen."""

    @property
    def answering(self) -> bool:
        """True while a reply is made or spoken that is sure to be wanted."""
        ...

    @property
    def answered(self) -> int | None:
        """Who is being answered, by their user id, as far as it is known."""
        ...

    def speculate(self, prompt: Prompt) -> None:
        """Prepare an answer to what somebody may have finished saying; nothing of it is heard yet."""
        ...

    def commit(self, prompt: Prompt) -> None:
        """Answer what somebody has said, with the speculative reply where there is one."""
        ...

    def discard(self, turn: TurnId) -> None:
        """Throw away what was prepared for a turn."""
        ...

    def interruption_started(self, turn: TurnId) -> None:
        """Fall silent: somebody who may interrupt speaks."""
        ...

    def interruption_confirmed(self, turn: TurnId) -> None:
        """There are words in what they say: the reply that they interrupt is over."""
        ...

    def release_floor(self, turn: TurnId) -> None:
        """They have finished, or it was nothing: speak, or go on."""
        ...

    def overhear(self, turn: Turn) -> None:
        """Somebody said something that wants no answer, but that the next answer should know of."""
        ...


class Participants(Protocol):
    """The people in the call, by their user ids, as turn taking needs to know them."""

    def name(self, person: int) -> str:
        """What to call them."""
        ...

    def names(self) -> tuple[str, ...]:
        """Everybody's names."""
        ...

    def may_talk(self, person: int) -> bool:
        """Whether they are answered."""
        ...

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        """Whether the bot falls silent when they speak; ``answered`` is whom it is answering, if that is known."""
        ...


class UtteranceClassifier(Protocol):
    """Decides what an utterance is to the bot."""

    def classify(self, utterance: Utterance) -> Classification:
        """Classify it, as far as it goes; asked again when there is more of it."""
        ...

    def said(self, person: int, text: str, *, addressed: bool) -> None:
        """A turn is over and these were its words."""
        ...

    @property
    def own_names(self) -> tuple[str, ...]:
        """What the bot is called."""
        ...


class PauseListener(Protocol):
    """Is told the end-of-turn estimate of a paused turn, so that its detector knows how long to wait for more."""

    def end_of_turn_estimated(self, turn: TurnId, over: float, *, wordless: bool = False) -> None:
        """How likely a turn that is paused is over, 0 to 1; ``wordless``: nothing was said in it."""
        ...


class CommandRunner(Protocol):
    """Does what is asked for aloud."""

    def execute(self, command: SpokenCommand) -> None:
        """Do it, or say why not."""
        ...


class NoticeWriter(Protocol):
    """Writes to everybody in the call, behind whoever has something to say."""

    def tell(self, text: str, prompt: Prompt | None = None) -> None:
        """Write, as an answer to ``prompt`` where there is one."""
        ...

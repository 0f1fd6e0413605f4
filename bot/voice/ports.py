"""Protocols between the parts of a call, so that each part can be tested alone."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Protocol

from audio.samples import Samples
from bot.llm.answer_progress import NOT_WATCHED, AnswerProgress
from bot.llm.history import Turn
from bot.speech_server.events import SpeechEvent
from bot.voice.turn import Prompt, TurnId
from bot.voice.utterances.classifier import Classification, SpokenCommand, Utterance
from wire.messages import ClientMessage


class Responder(Protocol):
    """Answers prompts with a language model. It reads the call's history."""

    async def warm_up(self) -> None:
        """Prepare the model, so that the next answer comes sooner. Never raises."""
        ...

    async def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None:
        """Have the model process the conversation and the ``words`` so far of the ``speaker``. Never raises.

        Args:
            person: the speaker's user id; ``None`` if it is not known.
        """
        ...

    def answer(self, asked: Turn, progress: AnswerProgress = NOT_WATCHED) -> AsyncGenerator[str, None]:
        """Stream the text of the answer to a turn. Closing the generator closes the model's stream.

        Raises:
            ModelError: the model could not answer, or stopped in the middle.
        """
        ...


class SpeechConnection(Protocol):
    """The connection to the speech server."""

    async def send(self, message: ClientMessage) -> None:
        """Send a message; raises :class:`~bot.speech_server.errors.SpeechUnavailable`."""
        ...

    def events(self) -> AsyncIterator[SpeechEvent]:
        """Yield the server's messages, and changes of the connection itself, until the connection is closed."""
        ...


class SpeechClient(SpeechConnection, Protocol):
    """A :class:`SpeechConnection` that is opened for a call and closed after it."""

    @property
    def connected(self) -> bool:
        """Whether the server is connected."""
        ...

    async def open(self) -> None:
        """Connect; raises :class:`~bot.speech_server.errors.SpeechUnavailable`."""
        ...

    async def loaded(self, report: Callable[[float], None]) -> None:
        """Wait until the server's engine is loaded. ``report`` is called with the progress, 0 to 1."""
        ...

    async def close(self) -> None:
        """Disconnect."""
        ...


class Playback(Protocol):
    """Plays replies. Sound is mono float32 at 48,000 Hz; positions are in samples. ``reply`` is the id of a reply."""

    def begin(self, reply: str) -> None:
        """Prepare for the sound of a new reply."""
        ...

    def prime(self) -> None:
        """Have silence sent ahead of the reply's sound."""
        ...

    def write(self, reply: str, samples: Samples) -> None:
        """Queue sound of the reply."""
        ...

    def mark(self, reply: str, number: int) -> None:
        """Mark the place where segment ``number`` begins. The playback reports when it reaches this place."""
        ...

    def pause(self, reply: str) -> None:
        """Allow silence from here on, until more sound of the reply is queued."""
        ...

    def trim(self, reply: str, samples: int) -> None:
        """Drop the reply's sound behind its first ``samples`` samples, as far as it was not sent."""
        ...

    def finish(self, reply: str) -> None:
        """End the reply's sound. The playback reports when the last sample was sent."""
        ...

    def hold(self) -> None:
        """Fall silent, and keep the queued sound."""
        ...

    def resume(self) -> None:
        """Continue where :meth:`hold` stopped."""
        ...

    def cut(self, reply: str, samples: int) -> None:
        """End the reply's sound after its first ``samples`` samples. The playback reports when it reaches this end."""
        ...

    def drop(self, reply: str) -> int:
        """Drop the reply's sound that was not sent. Returns how many of its samples were sent."""
        ...

    def position(self, reply: str) -> int:
        """Number of samples of the reply that were sent and heard."""
        ...

    def sent(self, reply: str) -> int:
        """Number of samples of the reply that were sent, whether they were heard yet or not."""
        ...

    async def wait_for_room(self, seconds: float) -> None:
        """Wait until less than ``seconds`` of sound is queued."""
        ...


class ReplyControl(Protocol):
    """The conversation, for turn taking: it begins, commits, discards and interrupts replies."""

    @property
    def answering(self) -> bool:
        """Whether a committed reply is being made or spoken."""
        ...

    @property
    def answered(self) -> int | None:
        """User id of the person who is being answered; ``None`` if nobody is, or if the id is not known."""
        ...

    def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None:
        """Have the model process the conversation and the ``words`` so far of the ``speaker``, who may want an answer.

        Nothing of it is heard, shown or remembered.
        """
        ...

    def speculate(self, prompt: Prompt) -> None:
        """Prepare a reply to a turn that may be over. Nothing of it is heard or shown before :meth:`commit`."""
        ...

    def commit(self, prompt: Prompt) -> None:
        """Answer a turn that is over. The speculative reply is used if it was made for the same words."""
        ...

    def discard(self, turn: TurnId) -> None:
        """Discard the speculative reply to a turn."""
        ...

    def interruption_started(self, turn: TurnId) -> None:
        """Hold the playback, because somebody who may interrupt has started to speak."""
        ...

    def interruption_confirmed(self, turn: TurnId) -> None:
        """End the reply that the turn interrupts, because there are words in the turn."""
        ...

    def release_floor(self, turn: TurnId) -> None:
        """Release the floor (the right to speak): the turn is over or was no interruption. Playback may continue."""
        ...

    def overhear(self, turn: Turn) -> None:
        """Add to the history a turn that is not answered, so that the next answer can refer to it."""
        ...


class Participants(Protocol):
    """The people in the call, for turn taking. ``person`` is a user id."""

    def name(self, person: int) -> str:
        """The display name of a person."""
        ...

    def names(self) -> tuple[str, ...]:
        """The display names of all people in the call."""
        ...

    def may_talk(self, person: int) -> bool:
        """Whether the bot answers this person."""
        ...

    def may_interrupt(self, person: int, answered: int | None) -> bool:
        """Whether the bot falls silent when this person speaks.

        Args:
            answered: user id of the person who is being answered, if it is known.
        """
        ...


class UtteranceClassifier(Protocol):
    """Classifies utterances: for the bot, a command, an echo, or talk between people."""

    def classify(self, utterance: Utterance) -> Classification:
        """Classify an utterance. This is called again when more words of the same turn are known."""
        ...

    def note_utterance(self, person: int, text: str, *, addressed: bool) -> None:
        """Note the words of a turn that is over. ``addressed`` says whether they were for the bot."""
        ...

    @property
    def own_names(self) -> tuple[str, ...]:
        """The names of the bot."""
        ...


class PauseListener(Protocol):
    """Receives end-of-turn estimates, from which a turn's detector knows how long to wait for more speech."""

    def end_of_turn_estimated(self, turn: TurnId, probability: float, *, wordless: bool = False) -> None:
        """Receive the estimate for a turn that has paused.

        Args:
            probability: how likely it is that the turn is over, 0 to 1.
            wordless: whether no words were recognised in the turn.
        """
        ...


class CommandRunner(Protocol):
    """Executes spoken commands."""

    def execute(self, command: SpokenCommand) -> None:
        """Execute the command, or say why it is refused."""
        ...


class CommandReciter(Protocol):
    """Speaks the answer to a command."""

    def __call__(self, command: SpokenCommand, text: str, /, *, may_be_left_out: bool = False) -> None:
        """Queue a text that is spoken word for word.

        Args:
            may_be_left_out: whether the person misses nothing if it is not said: it confirms what was done, or asks
                back.
        """
        ...


class NoticeWriter(Protocol):
    """Writes notices into the prompt channel, in order, without making the caller wait."""

    def tell(self, text: str, prompt: Prompt | None = None) -> None:
        """Write a notice, as an answer to ``prompt`` if there is one."""
        ...

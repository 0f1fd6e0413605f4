"""What a conversation needs of the world: a mind, a voice, a loudspeaker, and a place to write."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Protocol

from bot.voice.dialogue_messages import Samples
from bot.voice.reply import Prompt
from bot.voice.tts_client import SpeechEvent
from tts_server import wire


class Companion(Protocol):
    """The mind behind the voice."""

    async def warm_up(self) -> None:
        """Get ready to answer at once; never raises."""
        ...

    def answer(self, author: str, text: str) -> AsyncGenerator[str, None]:
        """Stream the answer; raises :class:`~bot.llm.errors.ModelError`; closing it closes the model's stream."""
        ...

    def remember(self, author: str, text: str, heard: str, *, interrupted: bool) -> None:
        """Add an exchange to the history."""
        ...

    def overhear(self, author: str, text: str) -> None:
        """Add to the history what somebody said that was not answered."""
        ...


class Voice(Protocol):
    """The connection to the speech server."""

    async def send(self, message: wire.ClientMessage) -> None:
        """Send; raises :class:`~bot.voice.tts_client.SpeechUnavailable`."""
        ...

    def events(self) -> AsyncIterator[SpeechEvent]:
        """Everything the server says, and the connection's own ups and downs; ends when it is closed."""
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


class PromptChannel(Protocol):
    """Where prompts come from and where words go that can't be spoken."""

    async def acknowledge(self, prompt: Prompt) -> None:
        """Show the author that the prompt was taken."""
        ...

    async def tell(self, text: str, prompt: Prompt | None) -> None:
        """Write, as an answer to ``prompt`` where there is one; long texts are split."""
        ...

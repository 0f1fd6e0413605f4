"""What the server asks of a speech engine. An engine is a plug: nothing else here knows which one speaks."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from audio.samples import Samples
from tts_server.voices.profile import VoiceProfile
from wire.parameters import SpeechParameters


class EngineError(RuntimeError):
    """The engine could not speak; the text is fit to be shown to a client."""


class UnknownEngineError(EngineError):
    """There is no engine of that name."""


class BrokenVoiceError(EngineError):
    """One of the engine's voices can't be used; with its others, it can speak."""


class OutOfMemoryError(EngineError):
    """The card has no room for what was asked; after an unload, or once others have let go, it may work again."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One of an engine's voices.

    Attributes:
        language: a BCP 47 tag such as ``en-us``.
        also: other tags that it serves, in small letters.
    """

    id: str
    name: str
    language: str
    also: tuple[str, ...] = ()


LoadingReport = Callable[[float], None]
"""Told how far loading is, 0 to 1; called in the thread that loads."""


class SpeechEngine(Protocol):
    """A voice. Made off the event loop; ``synthesize`` runs in at most ``concurrency`` threads at once.

    It is loaded before it speaks, may be unloaded when nobody needs it and loaded again, and is closed once. What is
    ready at once is always loaded.
    """

    @property
    def name(self) -> str:
        """What people call it, such as ``espeak-ng``."""
        ...

    @property
    def sample_rate(self) -> int:
        """Of what :meth:`synthesize` yields, in Hz."""
        ...

    @property
    def concurrency(self) -> int:
        """How many texts it can speak at once, each in its own thread."""
        ...

    @property
    def shifts_pitch(self) -> bool:
        """Whether it heeds ``pitch_shift`` itself; where not, its sound is shifted afterwards."""
        ...

    @property
    def loaded(self) -> bool:
        """Whether it can speak at once."""
        ...

    @property
    def advice(self) -> str | None:
        """What people should know of how it runs now, such as that it is slow for want of a card."""
        ...

    def load(self, report: LoadingReport) -> None:
        """Get ready to speak; nothing happens if it is. Blocks for as long as that takes: call it in a thread.

        Raises:
            EngineError: it can't; the text says what is missing, and what to do.
        """
        ...

    def unload(self) -> None:
        """Give back the memory that loading took, on the card too. Called in a thread, when nothing is being spoken."""
        ...

    def voices(self) -> Sequence[Voice]:
        """Every voice it has, loaded or not. Called on the event loop: must not block."""
        ...

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """The voice to speak with; its own choice where both are ``None``. Called on the event loop.

        Raises:
            UnknownVoiceError: it has no such voice, or none for that language.
        """
        ...

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Speak one segment, chunk by chunk as it is made. Called in a worker thread.

        Once ``stop`` is set it returns within 50 ms, even if no chunk is asked for or ready.
        Parameters it has no use for are ignored.

        Raises:
            BrokenVoiceError: it could not, with this voice.
            OutOfMemoryError: there is no room for it now.
            EngineError: it could not speak this text.
        """
        ...

    def close(self) -> None:
        """Let go of everything; called once, when nothing is being spoken."""
        ...


class AlwaysLoaded:
    """The part of an engine that has nothing to load."""

    loaded = True
    advice: str | None = None

    def load(self, report: LoadingReport) -> None:
        """As :meth:`SpeechEngine.load`."""

    def unload(self) -> None:
        """As :meth:`SpeechEngine.unload`."""


@runtime_checkable
class CloningEngine(SpeechEngine, Protocol):
    """An engine that speaks with the voices of recordings; it lists them among its :meth:`voices`."""

    def learn(self, profile: VoiceProfile) -> float:
        """Learn a voice, or anew one whose recordings have changed. Blocks: call it in a thread; loads if need be.

        Returns:
            The cosine similarity (-1 to 1) of the speaker's embedding in its own speech to that in the recordings.

        Raises:
            EngineError: it can't be learnt; the text says why.
        """
        ...

    def forget(self, voice: str) -> None:
        """Drop what it knows of the voice with this id, on the disk too; nothing happens if it knows nothing."""
        ...

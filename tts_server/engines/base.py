"""The interface of speech engines. The rest of the server works with any engine that implements it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from audio.samples import Samples
from tts_server.voices.profile import VoiceProfile
from wire.parameters import SpeechParameters


class EngineError(RuntimeError):
    """The engine could not speak; the message may be shown to a client."""


class UnknownEngineError(EngineError):
    """There is no engine of that name."""


class BrokenVoiceError(EngineError):
    """One of the engine's voices can't be used; the engine can still speak with its other voices."""


class UnspeakableError(EngineError):
    """The engine can't speak this text. It may be able to speak other texts."""


class OutOfMemoryError(EngineError):
    """The GPU has too little free memory. The engine may work after an unload, or when other programs free memory."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One of an engine's voices.

    Attributes:
        id: the id that clients use.
        name: the name that people see.
        language: a BCP 47 tag such as ``en-us``.
        also: other language tags that the voice serves, in lower case.
    """

    id: str
    name: str
    language: str
    also: tuple[str, ...] = ()


LoadingReport = Callable[[float], None]
"""A function that gets the progress of loading, 0 to 1. The thread that loads calls it."""


class SpeechEngine(Protocol):
    """A text-to-speech engine.

    It is created in a thread, never on the event loop. It is loaded before it speaks, may be unloaded and loaded again,
    and is closed once. An engine that needs no loading always counts as loaded. At most ``concurrency`` threads call
    :meth:`synthesize` at the same time.
    """

    @property
    def name(self) -> str:
        """The engine's name for people, such as ``espeak-ng``."""
        ...

    @property
    def sample_rate(self) -> int:
        """The sample rate of the sound that :meth:`synthesize` yields, in Hz."""
        ...

    @property
    def concurrency(self) -> int:
        """The number of texts that the engine can speak at the same time, each in its own thread."""
        ...

    @property
    def shifts_pitch(self) -> bool:
        """Whether the engine applies ``pitch_shift`` itself; if not, the server shifts its sound afterwards."""
        ...

    @property
    def loaded(self) -> bool:
        """Whether the engine can speak without loading first."""
        ...

    @property
    def advice(self) -> str | None:
        """Advice for people about how the engine runs now, such as that it is slow without a GPU."""
        ...

    def load(self, report: LoadingReport) -> None:
        """Get ready to speak; do nothing if already loaded. It blocks until done: call it in a thread.

        Raises:
            EngineError: loading failed; the message says what is missing and what to do.
        """
        ...

    def unload(self) -> None:
        """Free the memory that loading took, including the GPU's. Called in a thread, while nothing is being spoken."""
        ...

    def voices(self) -> Sequence[Voice]:
        """Return every voice, whether loaded or not. Called on the event loop: it must not block."""
        ...

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """Return the voice for a request; if both arguments are ``None``, the engine's default.

        Called on the event loop: it must not block.

        Raises:
            UnknownVoiceError: the engine has no such voice, or none for that language.
        """
        ...

    def synthesize(
        self, text: str, voice: Voice, parameters: SpeechParameters, stop: threading.Event
    ) -> Generator[Samples, None, None]:
        """Speak one segment, and yield its sound chunk by chunk. Called in a worker thread.

        The generator ends within 50 ms after ``stop`` is set, even in the middle of a chunk. Parameters that the engine
        does not support are ignored.

        Raises:
            BrokenVoiceError: this voice can't be used.
            OutOfMemoryError: the GPU has too little free memory.
            EngineError: the engine could not speak this text.
        """
        ...

    def close(self) -> None:
        """Release everything. Called once, while nothing is being spoken."""
        ...


class AlwaysLoaded:
    """Base class of engines that need no loading."""

    loaded = True
    advice: str | None = None

    def load(self, report: LoadingReport) -> None:
        """Do nothing: the engine is always loaded."""

    def unload(self) -> None:
        """Do nothing: there is nothing to unload."""


@runtime_checkable
class ExpressiveEngine(SpeechEngine, Protocol):
    """An engine that applies more parameters than speed and pitch.

    Those two work with every engine: the server applies them to the sound of an engine that does not.
    """

    @property
    def expression(self) -> frozenset[str]:
        """The names of these other parameters, as in :class:`~wire.parameters.SpeechParameters`."""
        ...


@runtime_checkable
class CloningEngine(SpeechEngine, Protocol):
    """An engine that clones voices from recordings; :meth:`voices` lists the cloned voices too."""

    def learn(self, profile: VoiceProfile) -> float:
        """Learn a new voice, or a voice whose recordings have changed. It loads the engine if needed.

        It blocks: call it in a thread.

        Returns:
            The clone's similarity: the cosine similarity (-1 to 1) of the speaker embeddings of the engine's speech and
            of the recordings.

        Raises:
            EngineError: the voice can't be learned; the message says why.
        """
        ...

    def forget(self, voice: str) -> None:
        """Delete what the engine has learned about the voice with this id, in memory and on the disk."""
        ...

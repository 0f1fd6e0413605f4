"""What the server asks of a speech engine. An engine is a plug: nothing else here knows which one speaks."""

from __future__ import annotations

import threading
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tts_server.wire import SpeechParameters

Samples = NDArray[np.float32]
"""Mono, nominally -1 to 1, at the rate its owner names."""


class EngineError(RuntimeError):
    """The engine could not speak; the text is fit to be shown to a client."""


class UnknownVoiceError(ValueError):
    """The engine has no such voice, or none for that language."""


@dataclass(frozen=True, slots=True)
class Voice:
    """One of an engine's voices. ``language`` is a BCP 47 tag such as ``en-us``."""

    id: str
    name: str
    language: str


class SpeechEngine(Protocol):
    """A voice. Made and closed off the event loop; ``synthesize`` runs in at most ``concurrency`` threads at once."""

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

    def voices(self) -> Sequence[Voice]:
        """Every voice it has. Called on the event loop: must not block."""
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
            EngineError: it could not speak this text.
        """
        ...

    def close(self) -> None:
        """Let go of everything; called once, when nothing is being spoken."""
        ...

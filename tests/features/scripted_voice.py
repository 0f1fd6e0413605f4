"""A voice that says what a test tells it to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field

from audio.samples import Samples
from bot.speech_server.errors import SpeechUnavailable
from tests.tones import tone


@dataclass(slots=True)
class ScriptedVoice:
    """Says every text as ``sounds`` once ``may_speak`` is set, or raises ``error``. Records what it is asked to say."""

    sounds: Sequence[Samples] = (tone(0.5), tone(0.25))
    error: SpeechUnavailable | None = None
    asked: list[tuple[str, int]] = field(default_factory=list)
    may_speak: asyncio.Event = field(default_factory=asyncio.Event)
    open: int = 0
    most_open: int = 0

    def __post_init__(self) -> None:
        self.may_speak.set()

    async def say(self, text: str, scope: int) -> AsyncGenerator[Samples, None]:
        self.asked.append((text, scope))
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await self.may_speak.wait()
            if self.error is not None:
                raise self.error
            for sound in self.sounds:
                yield sound
        finally:
            self.open -= 1

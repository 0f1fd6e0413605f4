"""A turn in the hands of turn taking, from its first sound until its words are acted on."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from bot.voice.turn import TurnId
from bot.voice.turns.events import SpeechPaused, TurnEnded


@dataclass(slots=True, eq=False)
class OpenTurn:
    """A turn whose words turn taking has not acted on yet.

    Attributes:
        during_reply: whether the turn began while the bot was answering.
        interrupting: whether the turn began during a reply, and the person may interrupt that reply.
        interruption_decided: whether turn taking has decided that the turn ends that reply, or that it is only an echo.
        may_be_echo: whether the turn's newest sound may be the bot's own voice.
        parts: transcriptions of the turn's earlier parts, in order. A long turn is transcribed in parts.
        interim: transcription of the sound so far, while the person speaks.
        transcription: transcription of the sound up to ``paused``.
        estimate: the end-of-turn estimate for ``paused``.
        paused: the newest pause; ``None`` while the person speaks.
        text: the words up to ``paused``; ``None`` if they are not known yet.
        language: the language of the words that were transcribed last, as Whisper's code.
        transcribed_at: when ``text`` became known, in monotonic seconds.
        ended: the end of the turn; ``None`` before it.
    """

    id: TurnId
    during_reply: bool
    interrupting: bool
    interruption_decided: bool = False
    may_be_echo: bool = True
    parts: list[asyncio.Task[str]] = field(default_factory=list)
    interim: asyncio.Task[None] | None = None
    transcription: asyncio.Task[None] | None = None
    estimate: asyncio.Task[None] | None = None
    paused: SpeechPaused | None = None
    text: str | None = None
    language: str | None = None
    transcribed_at: float = 0.0
    ended: TurnEnded | None = None

    def tasks(self) -> list[asyncio.Task[Any]]:
        """The tasks of the turn."""
        return [task for task in (*self.parts, self.interim, self.transcription, self.estimate) if task is not None]

"""Speech with fallbacks: a voice or manner that the server refuses is left out, and people are told of changes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.stream import SpeechEvent
from bot.voice.ports import NoticeWriter, SpeechConnection
from wire.messages import (
    Cancel,
    ClientMessage,
    EngineChange,
    EngineChanged,
    Failure,
    Notice,
    SegmentEnd,
    SegmentStart,
    Speak,
    Warned,
)
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)

VOICE_GONE = "⚠️ The speech server no longer has the voice `{voice}`, so I speak with my usual one."
MANNER_UNKNOWN = "⚠️ The speech server can't speak in the style of my mood ({cause}), so I use the normal one."
MAX_CHARACTERS = 4_000
"""Characters that fit into one message, whatever they are."""


@dataclass(slots=True, eq=False)
class _SentReply:
    """What was sent of a reply, and how many of its characters have been spoken."""

    reply: str
    parameters: SpeechParameters
    tokens: list[str] = field(default_factory=list)
    flushed: bool = False
    segment: str = ""
    spoken: int = 0

    def unspoken(self) -> str:
        return "".join(self.tokens)[self.spoken :]


class FallbackSpeech:
    """A :class:`~bot.voice.ports.SpeechConnection` over another one.

    What the server refuses for its voice or manner, it is asked for once more without, and nobody above sees a failure.
    ``parameters`` are those of the last reply, as its first message set them, or plainer ones after a refusal.

    Args:
        notices: of each voice that is gone, people are told once.
    """

    def __init__(self, speech: SpeechConnection, notices: NoticeWriter) -> None:
        self._speech = speech
        self._notices = notices
        self.parameters = SpeechParameters()
        self._notified: set[str] = set()
        self._current: _SentReply | None = None
        # What is said again must reach the server in one piece, before what the model writes meanwhile.
        self._sending = asyncio.Lock()

    async def send(self, message: ClientMessage) -> None:
        """As :meth:`SpeechConnection.send`."""
        async with self._sending:
            await self._speech.send(self._note_sent(message))

    def _note_sent(self, message: ClientMessage) -> ClientMessage:
        if isinstance(message, Cancel) or message.reply is None:
            self._current = None
            return message
        if self._current is None or self._current.reply != message.reply:
            self._current = _SentReply(message.reply, message.parameters)
            self.parameters = message.parameters
        else:
            # The protocol wants them with the first message alone.
            message = replace(message, parameters=SpeechParameters())
        self._current.tokens.append(message.token)
        self._current.flushed |= message.flush
        return message

    async def events(self) -> AsyncIterator[SpeechEvent]:
        """As :meth:`SpeechConnection.events`, without the failures that could be helped."""
        async for event in self._speech.events():
            sent = self._current
            match event:
                case SegmentStart(_, text, reply) if sent is not None and reply == sent.reply:
                    sent.segment = text
                case SegmentEnd(_, _, reply) if sent is not None and reply == sent.reply:
                    sent.spoken += len(sent.segment)
                case Failure() as failure if sent is not None and failure.reply == sent.reply:
                    plainer = self._without_refused(sent.parameters, failure)
                    if plainer is not None and await self._resend(sent, plainer):
                        continue
            yield event

    def _without_refused(self, refused: SpeechParameters, failure: Failure) -> SpeechParameters | None:
        """What to ask for in place of what was refused; ``None`` where that was not the parameters' fault."""
        match failure.code:
            case "unknown_voice" if refused.voice is not None:
                self._notify_once(VOICE_GONE.format(voice=refused.voice))
                return replace(refused, voice=None)
            case "bad_parameter" if refused != SpeechParameters():
                self._notify_once(MANNER_UNKNOWN.format(cause=failure.error))
                return SpeechParameters()
            case _:
                return None

    def _notify_once(self, text: str) -> None:
        _log.warning("%s", text)
        if text not in self._notified:
            self._notified.add(text)
            self._notices.tell(text)

    async def _resend(self, sent: _SentReply, plainer: SpeechParameters) -> bool:
        async with self._sending:
            if self._current is not sent:
                return False
            sent.parameters = self.parameters = plainer
            try:
                if not sent.flushed:
                    # The reply that failed must end for the server, or it would take the rest for more of it.
                    await self._speech.send(Speak(flush=True, reply=sent.reply))
                text = sent.unspoken()
                sent.tokens, sent.spoken, sent.segment = [text], 0, ""
                for start in range(0, len(text), MAX_CHARACTERS):
                    last = start + MAX_CHARACTERS >= len(text)
                    piece = Speak(text[start : start + MAX_CHARACTERS], sent.flushed and last, sent.reply, plainer)
                    await self._speech.send(piece)
            except SpeechUnavailable:
                return False
        return True


_WHILE_AWAY: dict[EngineChange, str] = {
    "loading": "⏳ My voice is being loaded; {engine} speaks until it is there.",
    "too_slow": "🐢 My voice can't keep up at the moment; {engine} speaks until it can.",
    "out_of_memory": "⚠️ The graphics card is full, so {engine} speaks in place of my voice until there is room.",
    "failed": "⚠️ My voice has failed, so {engine} speaks until it works again: {detail}",
    "asked": "🐢 Low-performance mode is on, so {engine} speaks meanwhile.",
}
MAX_DETAIL = 500
BACK = "🎤 My own voice is back."


class VoiceNotices:
    """One call's: turns the server's notices into words, and each state into words once."""

    def __init__(self) -> None:
        self._state: EngineChange = "ready"

    def text_for(self, notice: Notice) -> str | None:
        """What to write in the prompt channel, where there is anything to say."""
        match notice:
            case Warned(text):
                return text
            case EngineChanged(engine, reason, detail) if reason != self._state:
                self._state = reason
                detail = detail[:MAX_DETAIL] or "the reason is not known"
                return BACK if reason == "ready" else _WHILE_AWAY[reason].format(engine=engine, detail=detail)
            case _:
                return None

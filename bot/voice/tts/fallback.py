"""Retries of replies whose speech parameters the speech server refuses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

from bot.speech_server.errors import SpeechUnavailable
from bot.speech_server.events import Disconnected, SpeechEvent
from bot.voice.ports import NoticeWriter, SpeechConnection
from wire.messages import (
    Cancel,
    ClientMessage,
    Failure,
    SegmentEnd,
    SegmentStart,
    Speak,
)
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)

VOICE_GONE = "⚠️ The speech server no longer has the voice `{voice}`, so I speak with my usual one."
MANNER_UNKNOWN = "⚠️ The speech server can't speak in the style of my mood ({cause}), so I use the normal one."


@dataclass(slots=True, eq=False)
class _SentReply:
    """The text that was sent to the speech server for one reply.

    Attributes:
        parameters: the speech parameters that were sent with the text.
        tokens: the pieces of text that were sent, in order.
        flushed: whether the text is complete.
        segment: text of the newest segment.
        spoken: number of characters whose sound has come.
    """

    reply: str
    parameters: SpeechParameters
    tokens: list[str] = field(default_factory=list)
    flushed: bool = False
    segment: str = ""
    spoken: int = 0

    def unspoken(self) -> str:
        """The text whose sound has not come yet."""
        return "".join(self.tokens)[self.spoken :]


class FallbackSpeech:
    """A :class:`~bot.voice.ports.SpeechConnection` that wraps another one and retries refused replies.

    If the server refuses a reply because of its voice or other parameters, the reply is sent again without them, and
    the failure is not passed on.

    Args:
        speech: the connection to the speech server.
        notices: tells people, once, about each voice or style that was refused.

    Attributes:
        parameters: the speech parameters of the last reply. Parameters that were refused are left out.
    """

    def __init__(self, speech: SpeechConnection, notices: NoticeWriter) -> None:
        self._speech = speech
        self._notices = notices
        self.parameters = SpeechParameters()
        self._notified: set[str] = set()
        self._current: _SentReply | None = None
        # A reply that is sent again must reach the server before any new text of the model.
        self._sending = asyncio.Lock()

    async def send(self, message: ClientMessage) -> None:
        """Send a message; raises :class:`~bot.speech_server.errors.SpeechUnavailable`."""
        async with self._sending:
            await self._speech.send(self._note_sent(message))

    def _note_sent(self, message: ClientMessage) -> ClientMessage:
        """Remember a message for a retry. Returns the message to send in its place."""
        if isinstance(message, Cancel) or message.reply is None:
            self._current = None
            return message
        if self._current is None or self._current.reply != message.reply:
            self._current = _SentReply(message.reply, message.parameters)
            self.parameters = message.parameters
        else:
            # The protocol allows parameters only in the first message of a reply.
            message = replace(message, parameters=SpeechParameters())
        self._current.tokens.append(message.token)
        self._current.flushed |= message.flush
        return message

    async def events(self) -> AsyncIterator[SpeechEvent]:
        """Yield the server's messages and changes of the connection, without failures that led to a retry."""
        async for event in self._speech.events():
            sent = self._current
            match event:
                case SegmentStart(_, text, reply) if sent is not None and reply == sent.reply:
                    sent.segment = text
                case SegmentEnd(_, _, reply) if sent is not None and reply == sent.reply:
                    sent.spoken += len(sent.segment)
                case Disconnected(replaced=True):
                    # Another server gets the rest as if it were a whole reply, with the parameters.
                    self._current = None
                case Failure() as failure if sent is not None and failure.reply == sent.reply:
                    plainer = self._without_refused(sent.parameters, failure)
                    if plainer is not None and await self._resend(sent, plainer):
                        continue
            yield event

    def _without_refused(self, refused: SpeechParameters, failure: Failure) -> SpeechParameters | None:
        """The parameters for a retry; ``None`` if the parameters were not the cause of the failure."""
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
        """Send the unspoken rest of a text a second time, with other parameters. Returns False if that fails."""
        async with self._sending:
            if self._current is not sent:
                return False
            sent.parameters = self.parameters = plainer
            try:
                if not sent.flushed:
                    # The flush ends the failed reply. Otherwise the retry would continue the failed reply.
                    await self._speech.send(Speak(flush=True, reply=sent.reply))
                text = sent.unspoken()
                sent.tokens, sent.spoken, sent.segment = [text], 0, ""
                for piece in Speak.in_pieces(text, flush=sent.flushed, reply=sent.reply, parameters=plainer):
                    await self._speech.send(piece)
            except SpeechUnavailable:
                return False
        return True

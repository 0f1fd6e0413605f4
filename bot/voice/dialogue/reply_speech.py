"""The speech of a call's replies: sends their text to the speech server, and makes events of what comes back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace

from bot.speech_server.errors import SpeechLimitError, SpeechUnavailable
from bot.speech_server.events import Disconnected, SegmentAudio, ServerMoved
from bot.voice.dialogue import events
from bot.voice.dialogue.measured_replies import MeasuredReplies
from bot.voice.dialogue.outbox import Outbox
from bot.voice.dialogue.reply_parameters import ReplyParameters
from bot.voice.notices import Notices
from bot.voice.ports import Playback, SpeechConnection
from bot.voice.thinking_sound import ThinkingWatcher
from bot.voice.tts.voice_notices import VoiceNotices
from config.json_log import TURN
from wire.messages import ClientMessage, Failure, Notice, SegmentStart, Speak

_log = logging.getLogger(__name__)

BUFFERED_SECONDS = 10.0
"""Maximum number of seconds of sound that wait to be played. While so much waits, no messages of the speech server
are read."""
VOICE_LIMIT = "🔇 {why} Until then I write what I would say."


class ReplySpeech:
    """The messages to and from the speech server about the replies of a call. Use it only on the event loop.

    Args:
        speech: the connection to the speech server.
        parameters: the speech parameters of the current reply.
        playback: says how much sound waits to be played.
        measured: measures the current reply.
        notices: writes what people should know about the voice.
        thinking: plays a sound while people wait. It is notified when text is on its way to the voice.
        current: returns the id of the current reply, if there is one.
        handle: passes an event to the state machine.
        limited: called when today's limit has kept a reply from being spoken.
    """

    def __init__(
        self,
        speech: SpeechConnection,
        parameters: ReplyParameters,
        playback: Playback,
        measured: MeasuredReplies,
        notices: Notices,
        thinking: ThinkingWatcher,
        *,
        current: Callable[[], str | None],
        handle: Callable[[events.Event], None],
        limited: Callable[[], None],
    ) -> None:
        self._speech = speech
        self._parameters = parameters
        self._playback = playback
        self._measured = measured
        self._notices = notices
        self._thinking = thinking
        self._current = current
        self._handle = handle
        self._limited = limited
        self._outbox = Outbox(speech, self._not_sent)
        self._voice_notices = VoiceNotices()
        self._limit_told = False
        self._failed = set[str]()

    def send(self, message: ClientMessage) -> None:
        """Queue a message. Text of the reply gets the reply's parameters."""
        if isinstance(message, Speak) and message.token:
            self._thinking.text_came()
            message = replace(message, parameters=self._parameters.current())
        self._outbox.put(message)

    async def send_queued(self) -> None:
        """Send the queued messages until cancelled."""
        await self._outbox.run()

    def _not_sent(self, message: ClientMessage, error: SpeechUnavailable) -> None:
        if isinstance(message, Speak) and message.reply == self._current():
            _log.warning("Reply %s: %s", message.reply, error)
            if isinstance(error, SpeechLimitError):
                if not self._limit_told:
                    self._limit_told = True
                    self._notices.tell(VOICE_LIMIT.format(why=error))
                self._limited()
            self._handle(Disconnected(str(error)))

    async def receive(self) -> None:
        """Receive messages until the connection is closed."""
        async for event in self._speech.events():
            TURN.set(None if self._measured.turn is None else str(self._measured.turn))
            match event:
                case SegmentStart(reply=reply):
                    self._measured.note_stage(reply, "first_clause")
                case SegmentAudio(reply):
                    if reply is not None and reply == self._current():
                        await self._playback.wait_for_room(BUFFERED_SECONDS)
                    self._measured.note_stage(reply, "first_audio")
                case Failure() as failure:
                    self._log_failure(failure)
                case Disconnected(reason):
                    _log.warning("The voice is gone: %s", reason)
                case Notice() if (text := self._voice_notices.text_for(event)) is not None:
                    self._notices.tell(text)
                case ServerMoved(text):
                    self._notices.tell(text)
                case _:
                    pass
            if isinstance(event, Disconnected) and event.replaced:
                # The other server gets all that has not been spoken, so what waits here would be sent twice.
                self._outbox.clear()
                reply = self._current()
                self._handle(events.SpeechServerReplaced(0 if reply is None else self._playback.sent(reply)))
            elif isinstance(event, events.SpeechOutput):
                self._handle(event)

    def _log_failure(self, failure: Failure) -> None:
        """Log the first failure of each reply, and the first failure that does not belong to the current reply."""
        reply = failure.reply
        failed = reply if reply is not None and reply == self._current() else "a message"
        if failed not in self._failed:
            self._failed.add(failed)
            _log.warning("The voice failed at %s: %s (%s)", failed, failure.error, failure.code)

"""Turns the events of a browser call into messages for its client."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from bot.voice.browser.audio_output import SoundOutlet
from bot.voice.browser.played import PlayedReports
from bot.voice.browser.server_messages import (
    AudioEnd,
    AudioResponse,
    ChatState,
    EndReason,
    LlmToken,
    ServerMessage,
    State,
    Transcription,
)
from bot.voice.events import (
    CallBegan,
    CallEnded,
    CallEvent,
    PromptTaken,
    ReplyEnded,
    SpeechStarted,
    SpeechStopped,
    UtteranceHeard,
    WordsSoFar,
    WordsSpoken,
)
from bot.voice.turn import Outcome, TurnId

REASONS: Mapping[Outcome, EndReason] = MappingProxyType(
    {
        Outcome.SPOKEN: "done",
        Outcome.WRITTEN: "done",
        Outcome.SILENT: "done",
        Outcome.INTERRUPTED: "interrupted",
        Outcome.FAILED: "failed",
        Outcome.DISCARDED: "interrupted",
        Outcome.REFUSED: "failed",
    }
)
"""The ``reason`` of ``audio_end`` for each outcome."""


class EventReporter:
    """A :data:`~bot.voice.events.Watcher` of one call, which tells the client what happens.

    Args:
        send: sends a message to the client.
        outlet: sends the sound of segments to the client.
        played: counts how much of a reply was heard. The reporter tells it when the sound of a reply begins.
        person_id: returns the id of a person in messages, ``web:NAME``.

    Attributes:
        state: what the call does now.
    """

    def __init__(
        self,
        send: Callable[[ServerMessage], None],
        outlet: SoundOutlet,
        played: PlayedReports,
        person_id: Callable[[], str],
    ) -> None:
        self.state: State = State("connecting")
        self._send = send
        self._outlet = outlet
        self._played = played
        self._person_id = person_id
        self._reply: str | None = None
        self._segments = 0
        self._answering = False
        self._speaking: set[TurnId] = set()

    @property
    def somebody_speaks(self) -> bool:
        """Whether the person speaks, or the bot makes or speaks an answer."""
        return self._answering or bool(self._speaking)

    def show(self, state: ChatState, progress: float | None = None) -> None:
        """Show what the call does, if that has changed."""
        shown = State(state, progress)
        if shown != self.state:
            self.state = shown
            self._send(shown)

    def __call__(self, event: CallEvent) -> None:
        """Tell the client of an event."""
        match event:
            case CallBegan():
                self.show("listening")
            case SpeechStarted(turn):
                self._speaking.add(turn)
            case SpeechStopped(turn):
                self._speaking.discard(turn)
            case WordsSoFar(_, _, text):
                self._send(Transcription(text, False, self._person_id()))
            case UtteranceHeard(_, _, text):
                self._send(Transcription(text, True, self._person_id()))
            case PromptTaken():
                self._answering = True
                self.show("thinking")
            case WordsSpoken(reply, text):
                self._begin_segment(reply, text)
            case ReplyEnded(trace, heard):
                self._end_reply(trace.reply, REASONS[trace.outcome], heard)
            case CallEnded():
                self._speaking.clear()
                self.show("idle")
            case _:
                pass

    def _begin_segment(self, reply: str, text: str) -> None:
        if reply != self._reply:
            self._reply, self._segments = reply, 0
            self._played.began(reply)
        self.show("speaking")
        self._send(LlmToken(text, reply))
        self._outlet.begin(AudioResponse(reply, self._segments, text))
        self._segments += 1

    def _end_reply(self, reply: str, reason: EndReason, heard: str) -> None:
        self._answering = False
        self._outlet.end(interrupted=reason == "interrupted")
        self._send(AudioEnd(reply, reason, heard))
        self.show("listening")

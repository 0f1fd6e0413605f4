"""Tells a Realtime client what happens in its call: the events of the call become those of OpenAI's protocol."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_hex
from typing import Any

from bot.http.queued_client import QueuedClient
from bot.http.realtime.formats import SoundEncoder
from bot.http.realtime.session import RealtimeError, Session
from bot.voice.browser.server_messages import CloseCode, ErrorCode, Failure, Notice, Ready, ServerMessage, State
from bot.voice.dialogue.left_unanswered import CALL_ENDED
from bot.voice.dialogue.prompt_queue import TOO_MANY_WAITING
from bot.voice.dialogue.restart import ASK_AGAIN
from bot.voice.dialogue.unheard_prompts import NOT_ANSWERED
from bot.voice.events import (
    CallEvent,
    PromptTaken,
    ReplyEnded,
    SpeechStarted,
    SpeechStopped,
    UtteranceHeard,
    WordsSpoken,
)
from bot.voice.turn import Outcome, TurnId

_STATUSES = {
    Outcome.SPOKEN: "completed",
    Outcome.WRITTEN: "completed",
    Outcome.SILENT: "completed",
    Outcome.INTERRUPTED: "cancelled",
}
"""The status of a response by the outcome of the reply. All other outcomes are failures."""
TROUBLE = ("❌", "🙉", "⚠️")
"""The first characters of notices about something that does not work, such as a model that gave no answer."""
NO_ANSWER = (NOT_ANSWERED, TOO_MANY_WAITING, ASK_AGAIN, CALL_ENDED)
"""The first words of notices about texts that are not answered. These notices begin with none of :data:`TROUBLE`."""
_MARKS = f"{''.join(TROUBLE)}🎤🔇👋 "
OVER = "The call is over."
MAX_TURNS = 100
"""Largest number of turns whose words are still awaited. If there are more, the oldest is given up: its words are never
sent to the client."""


def new_id(kind: str) -> str:
    """A new id, such as ``item_5f1c…``."""
    return f"{kind}_{token_hex(10)}"


@dataclass(slots=True)
class _Response:
    """A response that is being made.

    Attributes:
        encoder: turns its sound into the client's format.
        said: its words so far: those that have begun to be heard.
    """

    id: str
    item: str
    modality: str
    encoder: SoundEncoder
    said: list[str] = field(default_factory=list)

    def message(self, status: str) -> dict[str, Any]:
        """The answer as an item of the conversation."""
        parts = [] if status == "in_progress" else [self.part()]
        return {**_item(self.item, "assistant", parts), "status": status}

    def part(self) -> dict[str, Any]:
        """The words so far as a part of the item."""
        words = "".join(self.said)
        return {"type": "output_text", "text": words} if self.modality == "text" else _spoken(words)

    def place(self) -> dict[str, Any]:
        """The fields that say where a piece belongs."""
        return {"response_id": self.id, "item_id": self.item, "output_index": 0, "content_index": 0}


@dataclass(slots=True)
class _Spoken:
    """A turn of the person.

    Attributes:
        began: when it began, in monotonic seconds.
        told: whether the client knows that it is over.
    """

    item: str
    began: float
    told: bool = False


class RealtimeClient:
    """The :class:`~bot.voice.browser.client.ChatClient` of a Realtime socket, and a watcher of its call.

    Args:
        queue: sends what is put into it.
        when_ready: called when the call is on. From then on, the call's events have to be passed to :meth:`happened`.
        when_wished: called when the settings of the next answers have changed (:attr:`current`).

    Attributes:
        id: the id of the session.
        committed: the id of the item of sound that the client has committed; ``None`` once the call hears speech in it.
    """

    def __init__(
        self, queue: QueuedClient, when_ready: Callable[[], None], when_wished: Callable[[], None] = lambda: None
    ) -> None:
        self._session = Session()
        self._once: Session | None = None
        self._before_once: frozenset[str] = frozenset()
        self._when_wished = when_wished
        self.id = new_id("sess")
        self.committed: str | None = None
        self._queue = queue
        self._when_ready = when_ready
        self._ready = False
        self._conversation = new_id("conv")
        self._last_item: str | None = None
        self._turns: dict[TurnId, _Spoken] = {}
        self._responses: dict[str, _Response] = {}
        self._began: float | None = None

    @property
    def closing(self) -> bool:
        """Whether the socket is being closed."""
        return self._queue.closing

    @property
    def answering(self) -> bool:
        """Whether a response is being made."""
        return bool(self._responses)

    @property
    def awaits_words(self) -> bool:
        """Whether the words of a turn of the person, begun or committed, are still awaited."""
        return bool(self._turns) or self.committed is not None

    # The settings.

    @property
    def session(self) -> Session:
        """The settings of the session."""
        return self._session

    @session.setter
    def session(self, session: Session) -> None:
        self._session = session
        self._when_wished()

    @property
    def current(self) -> Session:
        """The settings of the next answer."""
        return self._session if self._once is None else self._once

    def use_once(self, session: Session) -> None:
        """Use other settings for the next answer that begins."""
        self._once, self._before_once = session, frozenset(self._responses)
        self._when_wished()

    def _restore_settings_after(self, reply: str) -> None:
        """Return to the settings of the session if this was the answer with other settings."""
        if self._once is not None and reply not in self._before_once:
            self._once = None
            self._when_wished()

    # What the call sends to its client.

    def send(self, message: ServerMessage) -> None:
        """Take a message of the call. Most of them say the same as an event of the call, and are left out."""
        match message:
            case Ready():
                self._when_ready()
                if not self._ready:
                    self._ready = True
                    self.tell("session.created", session=self.session.fields(self.id))
            case Failure(code, text):
                self.fail(RealtimeError(code.value, text.lstrip(_MARKS)))
                if code in (ErrorCode.CALL_FAILED, ErrorCode.NO_CALL):
                    self.close(CloseCode.TRY_LATER, text)
            case Notice(text) if text.startswith((*TROUBLE, *NO_ANSWER)):
                self.fail(RealtimeError("notice", text.lstrip(_MARKS)))
            case State("idle") if self._ready:
                self.close(CloseCode.GOING_AWAY, OVER)
            case _:
                pass

    def send_sound(self, pcm: bytes) -> None:
        """Take sound of the newest response: 16-bit mono, 24,000 Hz."""
        if self._responses:
            response = next(reversed(self._responses.values()))
            self._send_sound_of(response, response.encoder.encode(pcm))

    def close(self, code: CloseCode, reason: str) -> None:
        """Close the socket when everything queued has been sent."""
        self._queue.close(code, reason)

    # What the socket tells its client.

    def tell(self, kind: str, **fields: Any) -> None:
        """Send an event."""
        self._queue.put(json.dumps({"type": kind, "event_id": new_id("event"), **fields}))

    def fail(self, error: RealtimeError, event_id: str | None = None) -> None:
        """Send an error. ``event_id`` is the id that the client gave to the event that caused the error."""
        fields = {"type": "invalid_request_error", "code": error.code, "message": str(error), "param": error.param}
        self.tell("error", error={**fields, "event_id": event_id})

    def add_item(self, item: dict[str, Any]) -> None:
        """Tell the client of an item that is complete."""
        before, self._last_item = self._last_item, item["id"]
        self.tell("conversation.item.added", previous_item_id=before, item=item)
        self.tell("conversation.item.done", previous_item_id=before, item=item)

    def reply_of(self, item: str) -> str | None:
        """The reply whose item has the id ``item``, by its id in the call; ``None`` if no such reply is being made."""
        return next((reply for reply, response in self._responses.items() if response.item == item), None)

    # What happens in the call.

    def happened(self, event: CallEvent) -> None:
        """Tell the client of an event of its call."""
        if self._began is None:
            self._began = event.at
        match event:
            case SpeechStarted(turn):
                self._begin_turn(turn, event.at)
            case SpeechStopped(turn):
                self._end_turn(turn, event.at)
            case UtteranceHeard(text=text, turn=turn) if turn is not None:
                self._heard(turn, text, event.at)
            case PromptTaken(reply):
                self._response(reply)
            case WordsSpoken(reply, text):
                self._say(self._response(reply), text)
            case ReplyEnded(trace, heard):
                self._end_response(trace.reply, _STATUSES.get(trace.outcome, "failed"), heard)
            case _:
                pass

    def _begin_turn(self, turn: TurnId, at: float) -> None:
        manual, item = self.session.detection is None, self.committed or new_id("item")
        self.committed = None
        self._turns[turn] = _Spoken(item, at, told=manual)
        if len(self._turns) > MAX_TURNS:
            del self._turns[next(iter(self._turns))]
        if not manual:
            self.tell("input_audio_buffer.speech_started", audio_start_ms=self._ms(at), item_id=item)

    def _end_turn(self, turn: TurnId, at: float) -> None:
        spoken = self._turns.get(turn)
        if spoken is not None and not spoken.told:
            spoken.told = True
            self.tell("input_audio_buffer.speech_stopped", audio_end_ms=self._ms(at), item_id=spoken.item)
            self.tell("input_audio_buffer.committed", previous_item_id=self._last_item, item_id=spoken.item)
            self.add_item(sound_item(spoken.item))

    def _heard(self, turn: TurnId, text: str, at: float) -> None:
        self._end_turn(turn, at)
        spoken = self._turns.pop(turn, None)
        if spoken is not None:
            self.tell(
                "conversation.item.input_audio_transcription.completed",
                item_id=spoken.item,
                content_index=0,
                transcript=text,
                usage={"type": "duration", "seconds": round(max(0.0, at - spoken.began), 3)},
            )

    def _response(self, reply: str) -> _Response:
        """The response for a reply of the call. Tells the client of a new one."""
        if (known := self._responses.get(reply)) is not None:
            return known
        session = self.current
        response = _Response(new_id("resp"), new_id("item"), session.modality, SoundEncoder(session.spoken))
        self._responses[reply] = response
        self.tell("response.created", response=self._fields(response, "in_progress", []))
        before, self._last_item = self._last_item, response.item
        item = response.message("in_progress")
        self.tell("response.output_item.added", response_id=response.id, output_index=0, item=item)
        self.tell("conversation.item.added", previous_item_id=before, item=item)
        empty = {"type": "text", "text": ""} if response.modality == "text" else {"type": "audio", "transcript": ""}
        self.tell("response.content_part.added", **response.place(), part=empty)
        return response

    def _send_sound_of(self, response: _Response, data: bytes) -> None:
        if data and response.modality == "audio":
            self.tell("response.output_audio.delta", **response.place(), delta=base64.b64encode(data).decode())

    def _say(self, response: _Response, words: str) -> None:
        response.said.append(words)
        name = "output_text" if response.modality == "text" else "output_audio_transcript"
        self.tell(f"response.{name}.delta", **response.place(), delta=words)

    def _end_response(self, reply: str, status: str, heard: str) -> None:
        response = self._response(reply)
        if heard and not response.said:
            # The voice has failed, and the answer was written.
            self._say(response, heard)
        elif status == "cancelled":
            response.said = [heard]
        del self._responses[reply]
        self._restore_settings_after(reply)
        words, place = "".join(response.said), response.place()
        if response.modality == "text":
            self.tell("response.output_text.done", **place, text=words)
            part = {"type": "text", "text": words}
        else:
            self._send_sound_of(response, response.encoder.rest())
            self.tell("response.output_audio.done", **place)
            self.tell("response.output_audio_transcript.done", **place, transcript=words)
            part = {"type": "audio", "transcript": words}
        self.tell("response.content_part.done", **place, part=part)
        item = response.message("completed" if status == "completed" else "incomplete")
        self.tell("response.output_item.done", response_id=response.id, output_index=0, item=item)
        self.tell("conversation.item.done", item=item)
        self.tell("response.done", response=self._fields(response, status, [item]))

    def _fields(self, response: _Response, status: str, output: list[dict[str, Any]]) -> dict[str, Any]:
        return {
            "id": response.id,
            "object": "realtime.response",
            "status": status,
            "status_details": None if status in ("in_progress", "completed") else {"type": status},
            "conversation_id": self._conversation,
            "output_modalities": [response.modality],
            "output": output,
        }

    def _ms(self, at: float) -> int:
        return round(1000 * max(0.0, at - (self._began or at)))


def text_item(name: str, text: str) -> dict[str, Any]:
    """The item of a typed text."""
    return _item(name, "user", [{"type": "input_text", "text": text}])


def sound_item(name: str) -> dict[str, Any]:
    """The item of a turn whose words are not known yet."""
    return _item(name, "user", [{"type": "input_audio", "transcript": None}])


def _item(name: str, role: str, content: list[dict[str, Any]]) -> dict[str, Any]:
    fields = {"id": name, "object": "realtime.item", "type": "message", "status": "completed"}
    return {**fields, "role": role, "content": content}


def _spoken(words: str) -> dict[str, Any]:
    return {"type": "output_audio", "transcript": words}

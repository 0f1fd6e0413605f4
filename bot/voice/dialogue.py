"""Who is being answered, who waits, and how far the answer has come: the state machine of a call.

Pure: events in, effects out, no input, no output, no clock. Every race of a call (a cancel against a token, a failure
against the session's end) is decided here and nowhere else. What carries the id of a reply that is over is dropped.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from bot.voice.dialogue_messages import (
    Acknowledge,
    AskModel,
    AudioCame,
    BeginReply,
    CancelSpeech,
    CloseModel,
    DropPlayback,
    Effect,
    EndOfText,
    EndReply,
    Event,
    FinishPlayback,
    ModelDone,
    ModelFailed,
    Play,
    PlaybackDrained,
    Prompted,
    Refuse,
    Remember,
    SegmentEnded,
    SegmentStarted,
    SpeechFailed,
    SpeechFlushed,
    Stopped,
    Tell,
    TokenCame,
    TokenToVoice,
)
from bot.voice.reply import Outcome, Prompt, PromptKind, Reply, Segment

MAX_WAITING = 20
VOICE_FAILED = "⚠️ (Voice failed, text mode): "
TOO_MANY_WAITING = (
    f"🎤 One moment! {MAX_WAITING} messages already wait for an answer. Ask me again when I have caught up."
)


@dataclass(frozen=True, slots=True)
class DialogueTexts:
    """What the machine says in the persona's name."""

    confused: str = "*Seiyuu seems confused...*"
    speechless: str = "🎤 Seiyuu has nothing to say to that."


class Dialogue:
    """The state machine. Call :meth:`handle` with each event, in order, from one thread, and carry out the effects."""

    def __init__(self, texts: DialogueTexts) -> None:
        self._texts = texts
        self._waiting: deque[Prompt] = deque()
        self._reply: Reply | None = None
        self._count = 0

    @property
    def current(self) -> str | None:
        """The id of the reply that is being made or spoken."""
        return self._reply.id if self._reply else None

    @property
    def waiting(self) -> int:
        """How many prompts wait behind the current one."""
        return len(self._waiting)

    def handle(self, event: Event) -> list[Effect]:
        """Take one event and return what has to be done, in this order."""
        return list(self._handle(event))

    def _handle(self, event: Event) -> Iterator[Effect]:
        match event:
            case Prompted(prompt):
                yield from self._prompted(prompt)
            case Stopped(heard):
                yield from self._stopped(heard)
            case SpeechFailed(None):
                # A reply that has not said a word yet loses nothing: the voice may be back before it does.
                if self._reply and self._reply.written:
                    yield from self._speech_failed(self._reply)
            case _:
                reply = self._reply
                if reply is not None and event.reply == reply.id:
                    yield from self._progress(reply, event)

    def _prompted(self, prompt: Prompt) -> Iterator[Effect]:
        if len(self._waiting) >= MAX_WAITING:
            yield Refuse(prompt, TOO_MANY_WAITING)
            return
        self._waiting.append(prompt)
        yield from self._next()
        # After the model is asked: the sign costs a request to Discord, and the answer should not wait for it.
        yield Acknowledge(prompt)

    def _next(self) -> Iterator[Effect]:
        if self._reply is not None or not self._waiting:
            return
        self._count += 1
        reply = self._reply = Reply(f"r{self._count}", self._waiting.popleft())
        yield BeginReply(reply.id, reply.prompt)
        if reply.prompt.kind is PromptKind.RECITE:
            yield from self._token(reply, reply.prompt.text)
            yield from self._text_ended(reply)
        else:
            yield AskModel(reply.id, reply.prompt)

    def _stopped(self, heard: int) -> Iterator[Effect]:
        self._waiting.clear()
        reply = self._reply
        if reply is None:
            return
        yield CloseModel(reply.id)
        yield CancelSpeech(reply.id)
        yield DropPlayback(reply.id)
        yield from self._end(reply, Outcome.INTERRUPTED, reply.heard(heard))

    def _progress(self, reply: Reply, event: Event) -> Iterator[Effect]:
        match event:
            case TokenCame(_, text):
                yield from self._token(reply, text)
            case ModelDone():
                yield from self._text_ended(reply)
            case ModelFailed(_, fault, timed_out):
                yield from self._model_failed(reply, fault, timed_out)
            case SegmentStarted(_, text) if not reply.voice_lost:
                reply.segments.append(Segment(text))
            case AudioCame(_, samples) if not reply.voice_lost and reply.segments:
                reply.segments[-1].received += len(samples)
                yield Play(reply.id, samples)
            case SegmentEnded() if not reply.voice_lost and reply.segments:
                reply.segments[-1].whole = True
            case SpeechFlushed() if not reply.voice_lost:
                yield from self._finish_playback(reply)
                yield from self._settle(reply)
            case SpeechFailed():
                yield from self._speech_failed(reply)
            case PlaybackDrained():
                reply.drained = True
                yield from self._settle(reply)

    def _token(self, reply: Reply, text: str) -> Iterator[Effect]:
        if reply.text_ended or not text:
            return
        reply.written += text
        if not reply.voice_lost:
            yield TokenToVoice(reply.id, text)

    def _text_ended(self, reply: Reply) -> Iterator[Effect]:
        if reply.text_ended:
            return
        reply.text_ended = True
        if reply.voice_lost or not reply.written.strip():
            yield from self._finish_playback(reply)
            yield from self._settle(reply)
        else:
            yield EndOfText(reply.id)

    def _model_failed(self, reply: Reply, fault: str, timed_out: bool) -> Iterator[Effect]:
        if reply.text_ended:
            return
        reply.fault = fault
        if timed_out:
            yield from self._token(reply, (" " if reply.written else "") + self._texts.confused)
        else:
            yield Tell(fault, reply.prompt)
        yield from self._text_ended(reply)

    def _speech_failed(self, reply: Reply) -> Iterator[Effect]:
        if reply.voice_lost or reply.playback_finished:
            return
        reply.voice_lost = True
        yield CancelSpeech(reply.id)
        # What has arrived is still played: it is good sound, and the text that follows takes up where it ends.
        yield from self._finish_playback(reply)
        yield from self._settle(reply)

    def _finish_playback(self, reply: Reply) -> Iterator[Effect]:
        if reply.playback_finished:
            return
        reply.playback_finished = True
        if reply.received:
            yield FinishPlayback(reply.id)
        else:
            reply.drained = True

    def _settle(self, reply: Reply) -> Iterator[Effect]:
        """End the reply when nothing more of it can come."""
        if not (reply.text_ended and reply.playback_finished and reply.drained):
            return
        text = reply.written.strip()
        if not text:
            if reply.fault is None:
                yield Tell(self._texts.speechless, reply.prompt)
            yield from self._end(reply, Outcome.FAILED, "")
        elif reply.voice_lost:
            unspoken = reply.unspoken()
            if unspoken:
                yield Tell(VOICE_FAILED + unspoken, reply.prompt)
            yield from self._end(reply, Outcome.WRITTEN, text)
        elif not reply.received:
            # Nothing in it could be spoken (an emoji alone, say), and silence is no answer.
            yield Tell(text, reply.prompt)
            yield from self._end(reply, Outcome.WRITTEN, text)
        else:
            yield from self._end(reply, Outcome.SPOKEN, text)

    def _end(self, reply: Reply, outcome: Outcome, heard: str) -> Iterator[Effect]:
        self._reply = None
        if heard or outcome is Outcome.INTERRUPTED:
            yield Remember(reply.prompt, heard, interrupted=outcome is Outcome.INTERRUPTED)
        yield EndReply(reply.id, outcome)
        yield from self._next()

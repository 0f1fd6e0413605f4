"""The life of one reply, from the model's tokens over the voice's segments to the last sample played. Pure, too."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import accumulate
from typing import Self

from bot.llm.personas import Persona
from bot.speech_server.stream import SegmentAudio
from bot.voice.dialogue.effects import (
    AskModel,
    BeginReply,
    CloseModel,
    CommitReply,
    DropPlayback,
    Effect,
    EndReply,
    FinishPlayback,
    MarkSegment,
    PausePlayback,
    Play,
    Remember,
    Send,
    Tell,
)
from bot.voice.dialogue.events import Event, ModelDone, ModelFailed, ModelLoading, PlaybackDrained, TokenCame
from bot.voice.turn import Outcome, Prompt, PromptKind
from wire.messages import Cancel, Failure, Flushed, SegmentEnd, SegmentStart, Speak

SAMPLES_PER_CHARACTER = 3_200
"""About 15 characters a second: how far a segment has been heard while its whole length is not known."""


@dataclass(slots=True)
class Segment:
    """A segment that the voice took up. Lengths in samples at 48,000 Hz, mono."""

    text: str
    received: int = 0
    complete: bool = False


@dataclass(slots=True)
class Reply:
    """A reply in the making. It lives in the state machine alone; others know it by ``id``.

    While it is not ``sure`` it is speculative, and nothing of it may be heard or seen. ``notice`` is what is said
    before the answer and is no part of it: that it takes a moment.
    """

    id: str
    prompt: Prompt
    committed: bool = True
    notice: str = ""
    written: str = ""
    segments: list[Segment] = field(default_factory=list)
    text_ended: bool = False
    speech_lost: bool = False
    playback_finished: bool = False
    drained: bool = False
    fault: str | None = None

    @property
    def said(self) -> str:
        """Everything that the voice was given to say."""
        return self.notice + self.written

    @property
    def received(self) -> int:
        """Samples of this reply that the voice has delivered."""
        return sum(segment.received for segment in self.segments)

    @property
    def answer_received(self) -> int:
        """The same of the answer alone."""
        ends = accumulate(len(segment.text) for segment in self.segments)
        return sum(segment.received for segment, end in zip(self.segments, ends, strict=True) if end > len(self.notice))

    @property
    def notice_complete(self) -> bool:
        """Whether the voice has delivered the whole notice, and nothing yet of the answer."""
        spoken = "".join(segment.text for segment in self.segments if segment.complete)
        return bool(self.notice) and spoken.strip() == self.notice.strip()

    def heard(self, samples: int) -> str:
        """The part of the answer that was heard when ``samples`` samples had been played, cut at a word."""
        text = ""
        for segment in self.segments:
            if segment.complete and samples >= segment.received:
                text += segment.text
                samples -= segment.received
                continue
            length = segment.received if segment.complete else len(segment.text) * SAMPLES_PER_CHARACTER
            text += _first_words(segment.text, samples / length if length else 0.0)
            break
        return text[len(self.notice) :].strip()

    def unspoken(self) -> str:
        """The part of the answer that the voice has not delivered whole."""
        spoken = 0
        for segment in self.segments:
            if not segment.complete:
                break
            spoken += len(segment.text)
        return self.said[max(spoken, len(self.notice)) :].strip()


def _first_words(text: str, share: float) -> str:
    """The words whose end lies within the first ``share`` (0 to 1) of ``text``."""
    end = int(len(text) * share)
    if end >= len(text):
        return text
    # A script without spaces has no words to cut at; there a character is the unit.
    if " " not in text.strip():
        return text[:end]
    return text[: text.rfind(" ", 0, end + 1) + 1] if end > 0 else ""


VOICE_FAILED = "⚠️ (Voice failed, text mode): "


@dataclass(frozen=True, slots=True)
class DialogueTexts:
    """What is said in the persona's name."""

    confused: str = "*Seiyuu seems confused...*"
    speechless: str = "🎤 Seiyuu has nothing to say to that."
    waking: str = "One moment, my mind is waking up."

    @classmethod
    def of(cls, persona: Persona) -> Self:
        """Those of this persona."""
        return cls(persona.confused_line, f"🎤 {persona.name} has nothing to say to that.")


class ReplyProgress:
    """One reply's part of the state machine; :attr:`over` when nothing more of it can come."""

    def __init__(self, reply: Reply, texts: DialogueTexts) -> None:
        self.reply = reply
        self.over = False
        self._texts = texts
        self._withheld: list[Effect] = []

    def begin(self) -> Iterator[Effect]:
        """Set the model, or for recited text the voice, to work."""
        reply = self.reply
        yield BeginReply(reply.id, reply.prompt)
        if reply.committed:
            yield CommitReply(reply.id, reply.prompt)
        if reply.prompt.kind is PromptKind.RECITE:
            yield from self._token(reply.prompt.text)
            yield from self._text_ended()
        else:
            yield AskModel(reply.id, reply.prompt)

    def commit(self, prompt: Prompt) -> Iterator[Effect]:
        """It is sure that the reply is wanted: let out what has been withheld."""
        self.reply.committed = True
        self.reply.prompt = prompt
        yield CommitReply(self.reply.id, prompt)
        withheld, self._withheld = self._withheld, []
        # What is told answers the prompt as it is known now.
        yield from (replace(effect, prompt=prompt) if isinstance(effect, Tell) else effect for effect in withheld)
        yield from self._settle()

    def interrupt(self, heard: int) -> Iterator[Effect]:
        """End it after ``heard`` samples; a speculative reply leaves no trace."""
        reply = self.reply
        yield CloseModel(reply.id)
        yield Send(Cancel(reply.id))
        yield DropPlayback(reply.id)
        if reply.committed:
            yield from self._end(Outcome.INTERRUPTED, reply.heard(heard))
        else:
            yield from self._end(Outcome.DISCARDED, "")

    def handle(self, event: Event) -> Iterator[Effect]:
        """Take an event of this reply."""
        reply = self.reply
        match event:
            case ModelLoading():
                yield from self._model_loading()
            case TokenCame(_, text):
                yield from self._token(text)
            case ModelDone():
                yield from self._text_ended()
            case ModelFailed(_, fault, timed_out):
                yield from self._model_failed(fault, timed_out)
            case SegmentStart(_, text) if not reply.speech_lost:
                reply.segments.append(Segment(text))
                yield from self._show(MarkSegment(reply.id, text))
            case SegmentAudio(_, _, samples) if not reply.speech_lost and reply.segments:
                reply.segments[-1].received += len(samples)
                yield from self._show(Play(reply.id, samples))
            case SegmentEnd() if not reply.speech_lost and reply.segments:
                reply.segments[-1].complete = True
                if reply.notice_complete and not reply.written:
                    yield from self._show(PausePlayback(reply.id))
            case Flushed() if not reply.speech_lost:
                yield from self._finish_playback()
                yield from self._settle()
            case Failure():
                yield from self.speech_failed()
            case PlaybackDrained():
                reply.drained = True
                yield from self._settle()

    def speech_failed(self) -> Iterator[Effect]:
        """Go on in writing."""
        reply = self.reply
        if reply.speech_lost or reply.playback_finished:
            return
        reply.speech_lost = True
        yield Send(Cancel(reply.id))
        if reply.notice and not reply.received and not reply.written:
            yield from self._show(Tell(reply.notice.strip(), reply.prompt))
        # What has arrived is still played: it is good sound, and the text that follows takes up where it ends.
        yield from self._finish_playback()
        yield from self._settle()

    def _show(self, effect: Effect) -> Iterator[Effect]:
        """Let people hear or see something, now or when the reply is sure to be wanted."""
        if self.reply.committed:
            yield effect
        else:
            self._withheld.append(effect)

    def _model_loading(self) -> Iterator[Effect]:
        """Say that it takes a moment: once, and only while there is nothing of the answer yet."""
        reply = self.reply
        if reply.said or reply.text_ended:
            return
        # A line of its own, so that the voice takes it up at once.
        reply.notice = f"{self._texts.waking}\n"
        if reply.speech_lost:
            yield from self._show(Tell(self._texts.waking, reply.prompt))
        else:
            yield Send(Speak(reply.notice, reply=reply.id))

    def _token(self, text: str) -> Iterator[Effect]:
        reply = self.reply
        if reply.text_ended or not text:
            return
        reply.written += text
        if not reply.speech_lost:
            yield Send(Speak(text, reply=reply.id))

    def _text_ended(self) -> Iterator[Effect]:
        reply = self.reply
        if reply.text_ended:
            return
        reply.text_ended = True
        if reply.speech_lost or not reply.said.strip():
            yield from self._finish_playback()
            yield from self._settle()
        else:
            yield Send(Speak(flush=True, reply=reply.id))

    def _model_failed(self, fault: str, timed_out: bool) -> Iterator[Effect]:
        reply = self.reply
        if reply.text_ended:
            return
        reply.fault = fault
        if timed_out:
            yield from self._token((" " if reply.written else "") + self._texts.confused)
        else:
            yield from self._show(Tell(fault, reply.prompt))
        yield from self._text_ended()

    def _finish_playback(self) -> Iterator[Effect]:
        reply = self.reply
        if reply.playback_finished:
            return
        reply.playback_finished = True
        if reply.received:
            yield from self._show(FinishPlayback(reply.id))
        else:
            reply.drained = True

    def _settle(self) -> Iterator[Effect]:
        """End the reply when nothing more of it can come."""
        reply = self.reply
        if not (reply.committed and reply.text_ended and reply.playback_finished and reply.drained):
            return
        text = reply.written.strip()
        if not text:
            if reply.fault is None:
                yield Tell(self._texts.speechless, reply.prompt)
            yield from self._end(Outcome.FAILED, "")
        elif reply.speech_lost:
            unspoken = reply.unspoken()
            if unspoken:
                yield Tell(VOICE_FAILED + unspoken, reply.prompt)
            yield from self._end(Outcome.WRITTEN, text)
        elif not reply.answer_received:
            # Nothing in it could be spoken (an emoji alone, say), and silence is no answer.
            yield Tell(text, reply.prompt)
            yield from self._end(Outcome.WRITTEN, text)
        else:
            yield from self._end(Outcome.SPOKEN, text)

    def _end(self, outcome: Outcome, heard: str) -> Iterator[Effect]:
        self.over = True
        if heard or outcome is Outcome.INTERRUPTED:
            yield Remember(self.reply.prompt, heard, interrupted=outcome is Outcome.INTERRUPTED)
        yield EndReply(self.reply.id, outcome)

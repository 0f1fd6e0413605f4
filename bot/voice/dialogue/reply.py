"""The state of one reply, from the model's first token to the last sample played.

It is a pure part of the dialogue's state machine: it takes events and returns effects, and has no I/O and no clock.
"""

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

VOICE_FAILED = "⚠️ (Voice failed, text mode): "
"""Prefix of the message that contains the unspoken part of an answer."""
SAMPLES_PER_CHARACTER = 3_200
"""Estimated length of one spoken character, in samples: about 15 characters a second.

While the length of a segment's sound is not known, this number serves to estimate how much of the segment was heard.
"""


@dataclass(slots=True)
class Segment:
    """A segment of a reply: a piece of text that the speech server synthesizes as a whole.

    Attributes:
        received: length of the sound that has come so far, in samples (mono, 48,000 Hz).
        complete: whether all sound of the segment has come.
    """

    text: str
    received: int = 0
    complete: bool = False


@dataclass(slots=True)
class Reply:
    """A reply that is not over. Only the state machine uses this object; all other parts use its ``id``.

    Attributes:
        committed: whether people may hear and see the reply. Until then it is speculative: it answers what somebody has
            said so far, before it is certain that they have finished.
        notice: text that is spoken before the answer, to say that the answer takes a moment. History and captions
            leave the notice out.
        answer: text of the answer so far.
        segments: segments of notice and answer whose synthesis has begun, in order.
        text_ended: whether the text of the answer is complete.
        speech_lost: whether the speech server failed at this reply. Then the rest is written into the prompt channel.
        playback_finished: whether no more sound of the reply will come. Sound that has come may still be playing.
        drained: whether the last sample was sent, or the reply has no sound at all.
        fault: why the model failed, as a text for users; ``None`` if it did not fail.
    """

    id: str
    prompt: Prompt
    committed: bool = True
    notice: str = ""
    answer: str = ""
    segments: list[Segment] = field(default_factory=list)
    text_ended: bool = False
    speech_lost: bool = False
    playback_finished: bool = False
    drained: bool = False
    fault: str | None = None

    @property
    def text(self) -> str:
        """All text that is to be spoken: the notice and the answer so far."""
        return self.notice + self.answer

    @property
    def received(self) -> int:
        """Number of samples of this reply that have come from the speech server."""
        return sum(segment.received for segment in self.segments)

    @property
    def answer_received(self) -> int:
        """Number of samples that have come for the answer, without the notice."""
        ends = accumulate(len(segment.text) for segment in self.segments)
        return sum(segment.received for segment, end in zip(self.segments, ends, strict=True) if end > len(self.notice))

    @property
    def notice_complete(self) -> bool:
        """Whether all sound of the notice has come, and no segment of the answer is complete yet."""
        spoken = "".join(segment.text for segment in self.segments if segment.complete)
        return bool(self.notice) and spoken.strip() == self.notice.strip()

    def heard_text(self, samples: int) -> str:
        """The part of the answer that people have heard after ``samples`` samples, up to the end of a word."""
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
        """The rest of the answer, beginning with the first segment whose sound is incomplete."""
        spoken = 0
        for segment in self.segments:
            if not segment.complete:
                break
            spoken += len(segment.text)
        return self.text[max(spoken, len(self.notice)) :].strip()


def _first_words(text: str, share: float) -> str:
    """The whole words in the first ``share`` (0 to 1) of ``text``."""
    end = int(len(text) * share)
    if end >= len(text):
        return text
    # Without spaces there are no words to cut at, so the text is cut between two characters.
    if " " not in text.strip():
        return text[:end]
    return text[: text.rfind(" ", 0, end + 1) + 1] if end > 0 else ""


@dataclass(frozen=True, slots=True)
class DialogueTexts:
    """Texts that the dialogue says in the name of a persona.

    Attributes:
        confused: spoken when the model times out.
        speechless: written when the model's answer is empty.
        waking: spoken while the model server loads its model.
    """

    confused: str = "*Seiyuu seems confused...*"
    speechless: str = "🎤 Seiyuu has nothing to say to that."
    waking: str = "One moment, my mind is waking up."

    @classmethod
    def of(cls, persona: Persona) -> Self:
        """The texts in the name of ``persona``."""
        return cls(persona.confused_line, f"🎤 {persona.name} has nothing to say to that.")


class ReplyProgress:
    """The part of the state machine that handles one reply.

    Args:
        voice_runs_ahead: whether the speech server gets the text before the reply is committed.

    Attributes:
        over: whether the reply has ended.
    """

    def __init__(self, reply: Reply, texts: DialogueTexts, *, voice_runs_ahead: bool = True) -> None:
        self.reply = reply
        self.over = False
        self._texts = texts
        self._voice_runs_ahead = voice_runs_ahead
        self._withheld: list[Effect] = []

    @property
    def text_sent(self) -> bool:
        """Whether text of this reply was sent to the speech server."""
        return bool(self.reply.text) and (self.reply.committed or self._voice_runs_ahead)

    def begin(self) -> Iterator[Effect]:
        """Begin the reply. Ask the model, or send the prompt to the speech server if it is a text to recite."""
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
        """Commit the reply to the final ``prompt``, and release the effects that were withheld."""
        self.reply.committed = True
        self.reply.prompt = prompt
        yield CommitReply(self.reply.id, prompt)
        withheld, self._withheld = self._withheld, []
        # Withheld ``Tell`` effects still have the provisional prompt, so the final prompt replaces it.
        yield from (replace(effect, prompt=prompt) if isinstance(effect, Tell) else effect for effect in withheld)
        yield from self._end_if_complete()

    def interrupt(self, position: int) -> Iterator[Effect]:
        """End the reply at once. A speculative reply is discarded.

        Args:
            position: number of the reply's samples that were sent so far.
        """
        reply = self.reply
        yield CloseModel(reply.id)
        yield Send(Cancel(reply.id))
        yield DropPlayback(reply.id)
        if reply.committed:
            yield from self._end(Outcome.INTERRUPTED, reply.heard_text(position))
        else:
            yield from self._end(Outcome.DISCARDED, "")

    def handle(self, event: Event) -> Iterator[Effect]:
        """Handle an event of this reply."""
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
                if reply.notice_complete and not reply.answer:
                    yield from self._show(PausePlayback(reply.id))
            case Flushed() if not reply.speech_lost:
                yield from self._finish_playback()
                yield from self._end_if_complete()
            case Failure():
                yield from self.speech_failed()
            case PlaybackDrained():
                reply.drained = True
                yield from self._end_if_complete()

    def speech_failed(self) -> Iterator[Effect]:
        """Handle a failure of the speech server: the rest of the answer is written instead of spoken."""
        reply = self.reply
        if reply.speech_lost or reply.playback_finished:
            return
        reply.speech_lost = True
        yield Send(Cancel(reply.id))
        if reply.notice and not reply.received and not reply.answer:
            yield from self._show(Tell(reply.notice.strip(), reply.prompt))
        # Sound that has come is still played. The written text begins with the first segment whose sound is incomplete.
        yield from self._finish_playback()
        yield from self._end_if_complete()

    def _show(self, effect: Effect) -> Iterator[Effect]:
        """Yield an effect that people hear or see: now, or when the reply is committed."""
        if self.reply.committed:
            yield effect
        else:
            self._withheld.append(effect)

    def _speak(self, text: Speak) -> Iterator[Effect]:
        """Send text to the speech server. If the voice must not run ahead, withhold it until the reply is committed."""
        if self.reply.committed or self._voice_runs_ahead:
            yield Send(text)
        else:
            self._withheld.append(Send(text))

    def _model_loading(self) -> Iterator[Effect]:
        """Say once that the answer takes a moment, unless a part of the answer has come already."""
        reply = self.reply
        if reply.text or reply.text_ended:
            return
        # The line break makes the speech server synthesize the notice at once.
        reply.notice = f"{self._texts.waking}\n"
        if reply.speech_lost:
            yield from self._show(Tell(self._texts.waking, reply.prompt))
        else:
            yield from self._speak(Speak(reply.notice, reply=reply.id))

    def _token(self, text: str) -> Iterator[Effect]:
        """Add text to the answer."""
        reply = self.reply
        if reply.text_ended or not text:
            return
        reply.answer += text
        if not reply.speech_lost:
            yield from self._speak(Speak(text, reply=reply.id))

    def _text_ended(self) -> Iterator[Effect]:
        """Note that the text of the answer is complete."""
        reply = self.reply
        if reply.text_ended:
            return
        reply.text_ended = True
        if reply.speech_lost or not reply.text.strip():
            yield from self._finish_playback()
            yield from self._end_if_complete()
        else:
            yield from self._speak(Speak(flush=True, reply=reply.id))

    def _model_failed(self, fault: str, timed_out: bool) -> Iterator[Effect]:
        reply = self.reply
        if reply.text_ended:
            return
        reply.fault = fault
        if timed_out:
            yield from self._token((" " if reply.answer else "") + self._texts.confused)
        else:
            yield from self._show(Tell(fault, reply.prompt))
        yield from self._text_ended()

    def _finish_playback(self) -> Iterator[Effect]:
        """Note that the reply will have no more sound."""
        reply = self.reply
        if reply.playback_finished:
            return
        reply.playback_finished = True
        if reply.received:
            yield from self._show(FinishPlayback(reply.id))
        else:
            reply.drained = True

    def _end_if_complete(self) -> Iterator[Effect]:
        """End the reply if its text is complete and its last sample was sent."""
        reply = self.reply
        if not (reply.committed and reply.text_ended and reply.playback_finished and reply.drained):
            return
        text = reply.answer.strip()
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
            # The answer has nothing to speak (for example, only an emoji), so people get it in writing.
            yield Tell(text, reply.prompt)
            yield from self._end(Outcome.WRITTEN, text)
        else:
            yield from self._end(Outcome.SPOKEN, text)

    def _end(self, outcome: Outcome, heard: str) -> Iterator[Effect]:
        self.over = True
        if heard or outcome is Outcome.INTERRUPTED:
            yield Remember(self.reply.prompt, heard, interrupted=outcome is Outcome.INTERRUPTED)
        yield EndReply(self.reply.id, outcome)

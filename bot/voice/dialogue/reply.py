"""The state of one reply, from the model's first token to the last sample played.

It is a pure part of the dialogue's state machine: it takes events and returns effects, and has no I/O and no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from bot.llm.silence import SilenceFilter
from bot.speech_server.events import SegmentAudio
from bot.voice.dialogue.effects import (
    AskModel,
    BeginReply,
    CloseModel,
    CommitReply,
    CutPlayback,
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
    TrimPlayback,
)
from bot.voice.dialogue.events import (
    Event,
    ModelDone,
    ModelFailed,
    ModelLoading,
    PlaybackDrained,
    TokenCame,
    ToolsBegan,
    ToolsLate,
    ToolsTakeLong,
)
from bot.voice.dialogue.reply_state import Reply
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.turn import Outcome, Prompt, PromptKind
from wire.messages import Cancel, Failure, Flushed, SegmentEnd, SegmentStart, Speak

VOICE_FAILED = "⚠️ (Voice failed, text mode): "
"""Prefix of the message that contains the unspoken part of an answer."""
STILL_WAITING = "⏳ {remark}"
"""The message that says that the tools take long."""
MAX_SERVERS_LOST = 3
"""Number of speech servers that a reply may lose. If it loses more, its rest is written: the text may be the cause."""
MAX_REMARKS = 2
"""Maximum number of remarks in one reply that say that the tools take long."""


class ReplyProgress:
    """The part of the state machine that handles one reply.

    Args:
        voice_speculates: whether the speech server gets the text before the reply is committed.

    Attributes:
        over: whether the reply has ended.
        cut_off: if the reply is to end with the sentence that people are hearing (:meth:`end_with_sentence`), the rest
            of the answer, which they will not hear. Empty until all sound of that sentence has come.
    """

    def __init__(self, reply: Reply, texts: DialogueTexts, *, voice_speculates: bool = True) -> None:
        self.reply = reply
        self.over = False
        self.cut_off = ""
        self._texts = texts
        self._voice_speculates = voice_speculates
        self._withheld: list[Effect] = []
        self._silence = SilenceFilter()
        # The next two are set only if the reply is to end with the sentence that people hear. The first is a place in
        # this sentence, the second the sentence's end, once that is known. Both are counted in samples of the reply.
        self._last_sentence: int | None = None
        self._cut: int | None = None

    @property
    def text_sent(self) -> bool:
        """Whether text of this reply was sent to the speech server."""
        return bool(self.reply.text) and (self.reply.committed or self._voice_speculates)

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
            position: number of the reply's samples that people have heard so far.
        """
        reply = self.reply
        yield CloseModel(reply.id)
        yield Send(Cancel(reply.id))
        yield DropPlayback(reply.id)
        if reply.committed:
            yield from self._end(Outcome.INTERRUPTED, reply.heard_text(position))
        else:
            yield from self._end(Outcome.DISCARDED, "")

    def end_with_sentence(self, position: int) -> Iterator[Effect]:
        """End the reply with the sentence that people are hearing. They have heard ``position`` samples so far."""
        self._last_sentence = position
        yield from self._cut_after_sentence()

    def _cut_after_sentence(self) -> Iterator[Effect]:
        """End the reply after its last sentence, as soon as all sound of that sentence has come."""
        reply = self.reply
        if self._last_sentence is None or self._cut is not None or reply.speech_lost:
            return
        end = reply.sentence_end(self._last_sentence)
        if end is None or (reply.text_ended and reply.caught_up and end == reply.received):
            return
        self._cut = end
        self.cut_off = reply.unheard_text(end)
        reply.text_ended = reply.playback_finished = True
        yield CloseModel(reply.id)
        yield Send(Cancel(reply.id))
        yield CutPlayback(reply.id, end)

    def handle(self, event: Event) -> Iterator[Effect]:
        """Handle an event of this reply."""
        reply = self.reply
        match event:
            case ModelLoading():
                yield from self._model_loading()
            case TokenCame(_, text):
                yield from self._text_came(text)
            case ToolsBegan():
                yield from self._tools_began()
            case ToolsTakeLong(_, remark, position, first):
                yield from self._tools_take_long(remark, position, first=first)
            case ToolsLate(_, remark):
                yield from self._tools_late(remark)
            case ModelDone():
                yield from self._text_ended()
            case ModelFailed(_, fault, timed_out):
                yield from self._model_failed(fault, timed_out)
            case SegmentStart(_, text) if not reply.speech_lost and not reply.may_begin(text):
                yield from self.speech_failed()
            case SegmentStart(_, text) if not reply.speech_lost:
                new = reply.begin_segment(len(text))
                # A segment may be only the white space behind the last sentence, which nobody hears or wants to read.
                if new.strip():
                    yield from self._show(MarkSegment(reply.id, new))
            case SegmentAudio(_, _, samples) if not reply.speech_lost and reply.segments:
                reply.segments[-1].received += len(samples)
                yield from self._show(Play(reply.id, samples))
            case SegmentEnd() if not reply.speech_lost and reply.segments and not reply.segments[-1].complete:
                reply.segments[-1].complete = True
                if (reply.waiting or not reply.answer) and reply.caught_up:
                    yield from self._show(PausePlayback(reply.id))
                yield from self._cut_after_sentence()
            case Flushed() if not reply.speech_lost:
                yield from self._finish_playback()
                yield from self._end_if_complete()
            case Failure():
                yield from self.speech_failed()
            case PlaybackDrained() if self._cut is not None:
                yield from self._end(Outcome.INTERRUPTED, reply.heard_text(self._cut))
            case PlaybackDrained():
                reply.drained = True
                yield from self._end_if_complete()

    def write_wait(self, remark: str) -> Iterator[Effect]:
        """Write once that the tools take long: people who type may not hear the call, and the voice may have failed."""
        reply = self.reply
        if not reply.waiting or reply.text_ended or reply.wait_written:
            return
        if reply.prompt.message is not None or reply.speech_lost:
            reply.wait_written = True
            yield from self._show(Tell(STILL_WAITING.format(remark=remark), reply.prompt))

    def speech_failed(self) -> Iterator[Effect]:
        """Handle a failure of the speech server: the rest of the answer is written instead of spoken."""
        reply = self.reply
        if reply.speech_lost or reply.playback_finished:
            return
        reply.speech_lost = True
        yield Send(Cancel(reply.id))
        if reply.loading and not reply.received and not reply.answer:
            yield from self._show(Tell(self._texts.waking, reply.prompt))
        # Sound that has come is still played. The written text begins with the first segment whose sound is incomplete.
        yield from self._finish_playback()
        yield from self._end_if_complete()

    def server_replaced(self, sent: int) -> Iterator[Effect]:
        """Have another speech server speak what the lost one has not. What was heard is not said again.

        Args:
            sent: number of the reply's samples that were sent so far.
        """
        reply = self.reply
        if reply.speech_lost or reply.playback_finished:
            return
        reply.servers_lost += 1
        if reply.servers_lost > MAX_SERVERS_LOST:
            yield from self.speech_failed()
            return
        if not reply.committed:
            reply.begin_anew()
            self._withheld = [
                effect for effect in self._withheld if not isinstance(effect, MarkSegment | Play | PausePlayback)
            ]
        elif (kept := reply.break_off(sent)) is not None:
            yield TrimPlayback(reply.id, kept)
        rest = reply.rest
        if rest.strip() or (rest and not reply.text_ended):
            yield from map(Send, Speak.in_pieces(rest, flush=reply.text_ended, reply=reply.id))
        elif reply.text_ended:
            yield from self._finish_playback()
            yield from self._end_if_complete()

    def _show(self, effect: Effect) -> Iterator[Effect]:
        """Yield an effect that people hear or see: now, or when the reply is committed."""
        if self.reply.committed:
            yield effect
        else:
            self._withheld.append(effect)

    def _speak(self, text: Speak) -> Iterator[Effect]:
        """Send text to the speech server. If the voice must not run ahead, send it when the reply is committed."""
        if self.reply.committed or self._voice_speculates:
            yield Send(text)
        else:
            self._withheld.append(Send(text))

    def _model_loading(self) -> Iterator[Effect]:
        """Say once that the answer takes a moment, unless a part of the answer has come already."""
        reply = self.reply
        if reply.text or reply.text_ended:
            return
        reply.loading = True
        if reply.speech_lost:
            reply.add_notice(self._texts.waking)
            yield from self._show(Tell(self._texts.waking, reply.prompt))
        else:
            yield from self._speak_notice(self._texts.waking)

    def _speak_notice(self, text: str) -> Iterator[Effect]:
        """Speak a text that is not part of the answer."""
        # The line break makes the speech server synthesize the notice at once.
        self.reply.add_notice(f"{text}\n")
        yield from self._speak(Speak(f"{text}\n", reply=self.reply.id))

    def _tools_began(self) -> Iterator[Effect]:
        """Note that the answer waits for tools. What was said before the wait is spoken now."""
        reply = self.reply
        if reply.text_ended:
            return
        reply.waiting = reply.used_tools = True
        if reply.answer and not reply.answer.endswith("\n"):
            yield from self._token("\n")
        elif reply.text and reply.caught_up:
            yield from self._show(PausePlayback(reply.id))
        reply.preface = len(reply.answer)

    def _tools_take_long(self, remark: str, position: int, *, first: bool) -> Iterator[Effect]:
        """Speak a remark, if all that was said before was heard. The ``first`` remark is spoken only if the reply
        has no text yet."""
        reply = self.reply
        yield from self.write_wait(remark)
        if not reply.waiting or reply.text_ended or reply.speech_lost or reply.remarks >= MAX_REMARKS:
            return
        if reply.text and (first or not reply.caught_up or position < reply.received):
            return
        reply.remarks += 1
        yield from self._speak_notice(remark)

    def _tools_late(self, remark: str) -> Iterator[Effect]:
        """Say that the results come later. Unlike the remarks before, this is a part of the answer."""
        if self.reply.text_ended:
            return
        self.reply.waiting, self._silence = False, SilenceFilter()
        yield from self._token(remark)
        self.reply.preface = len(self.reply.answer)

    def _text_came(self, text: str) -> Iterator[Effect]:
        """Add text of the model, once it is certain that the model has something to say."""
        if self.reply.text_ended:
            return
        if said := self._silence.feed(text):
            self.reply.waiting = False
            yield from self._token(said)

    def _token(self, text: str) -> Iterator[Effect]:
        """Add text to the answer."""
        reply = self.reply
        if reply.text_ended or not text:
            return
        reply.add_answer(text)
        if not reply.speech_lost:
            yield from self._speak(Speak(text, reply=reply.id))

    def _text_ended(self) -> Iterator[Effect]:
        """Note that the text of the answer is complete."""
        reply = self.reply
        if reply.text_ended:
            return
        yield from self._token(self._silence.end())
        reply.silent = self._silence.silent
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
        reply.fault, self._silence = fault, SilenceFilter()
        if timed_out:
            yield from self._token((" " if reply.answer else "") + self._texts.confused)
        elif fault:
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
        if reply.silent:
            yield from self._end(Outcome.SILENT, "")
        elif not text:
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
        if heard or outcome in (Outcome.INTERRUPTED, Outcome.SILENT):
            yield Remember(self.reply.prompt, heard, interrupted=outcome is Outcome.INTERRUPTED)
        yield EndReply(self.reply.id, outcome)

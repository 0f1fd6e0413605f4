"""The state machine of a call: which prompt is answered, which prompts wait, and who interrupts.

It is pure: it takes events and returns effects, and has no I/O and no clock. All race conditions of a call are
handled here and in :mod:`bot.voice.dialogue.reply`. Examples are a person who speaks on while a speculative reply is
made, and a token that comes after its reply was cancelled. Events of a reply that is over are ignored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from bot.speech_server.events import Disconnected
from bot.text import same_words
from bot.voice.dialogue.effects import (
    Acknowledge,
    AnswerAnew,
    Drop,
    Effect,
    HoldPlayback,
    ResumePlayback,
    Tell,
)
from bot.voice.dialogue.events import (
    CallEnds,
    Dismissed,
    Event,
    FloorReleased,
    InterruptionConfirmed,
    InterruptionStarted,
    PromptCancelled,
    Prompted,
    RestartBegan,
    RestartIsDue,
    SpeechServerReplaced,
    Stopped,
    ToolsBegan,
    ToolsTakeLong,
    TurnCommitted,
    TurnDiscarded,
    TurnSpeculated,
)
from bot.voice.dialogue.left_unanswered import told_at_end
from bot.voice.dialogue.prompt_queue import PromptQueue
from bot.voice.dialogue.reply import ReplyProgress
from bot.voice.dialogue.reply_state import SAMPLES_PER_CHARACTER, Reply
from bot.voice.dialogue.restart import Keeps, SetAside, told_together
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.dialogue.unheard_prompts import MAX_BEGUN, NOT_ANSWERED, UnheardPrompts
from bot.voice.turn import Prompt, PromptKind, TurnId


class Dialogue:
    """The state machine. Call :meth:`handle` with each event, in order, and carry out the effects. Not thread-safe.

    A speculative reply is made like any other, but nothing of it is heard or seen before it is committed.

    The playback is held while somebody speaks who is allowed to interrupt. If there are words in that person's turn,
    the interrupted reply ends. If not, the playback continues where it was held. If nothing of the ended reply was
    heard, its prompt is answered anew, unless the interrupting turn continues the prompt.

    Args:
        texts: called for each reply; returns the texts that the dialogue says in the persona's name.
        voice_speculates: called for each reply; returns whether the speech server gets the text of a speculative reply
            at once. If not, it gets the text when the reply is committed.
        present: returns whether a person (user id) is in the call.
    """

    def __init__(
        self,
        texts: Callable[[], DialogueTexts],
        *,
        voice_speculates: Callable[[], bool] = lambda: True,
        present: Callable[[int], bool] = lambda person: True,
    ) -> None:
        self._texts = texts
        self.present = present
        self._voice_speculates = voice_speculates
        self._queue = PromptQueue()
        self._progress: ReplyProgress | None = None
        self._count = 0
        self._pace: float = SAMPLES_PER_CHARACTER
        self._set_aside = SetAside()
        self._end: CallEnds | None = None
        # For each turn that has the floor (the right to speak), the id of the reply that the turn interrupts, if any.
        self._floor: dict[TurnId, str | None] = {}
        self._unheard = UnheardPrompts()

    @property
    def current(self) -> str | None:
        """Id of the reply that is being made or spoken; ``None`` if there is none."""
        return self._progress.reply.id if self._progress else None

    @property
    def answering(self) -> bool:
        """Whether a committed reply is being made or spoken."""
        return self._progress is not None and self._progress.reply.committed

    @property
    def speculating(self) -> bool:
        """Whether a speculative reply is being made."""
        return self._progress is not None and not self._progress.reply.committed

    @property
    def floor_free(self) -> bool:
        """Whether nobody speaks, and no reply is being made, spoken or waiting."""
        return self._progress is None and not self._queue and not self._floor

    @property
    def waiting(self) -> int:
        """Number of prompts that wait behind the current one."""
        return len(self._queue)

    def unanswered(self, person: int) -> int:
        """Number of a person's prompts that wait or are being answered."""
        current = self._progress is not None and self.answering and self._progress.reply.prompt.person == person
        return current + sum(prompt.person == person for prompt in self._queue)

    @property
    def set_aside(self) -> tuple[Prompt, ...]:
        """The prompts that are kept for after the restart, in order. Empty until a restart begins."""
        return self._set_aside.kept

    def handle(self, event: Event) -> list[Effect]:
        """Handle one event. Returns the effects to carry out, in order."""
        return list(self._handle(event))

    def _handle(self, event: Event) -> Iterator[Effect]:
        match event:
            case Prompted(prompt):
                yield from self._accept(prompt)
            case TurnSpeculated(prompt):
                yield from self._speculate(prompt)
            case TurnCommitted(prompt):
                yield from self._commit(prompt)
            case TurnDiscarded(turn):
                yield from self._discard(turn)
            case InterruptionStarted(turn):
                yield from self._start_interruption(turn)
            case InterruptionConfirmed(turn, position):
                yield from self._confirm_interruption(turn, position)
            case FloorReleased(turn):
                yield from self._release_floor(turn)
            case Stopped(position):
                yield from self._drop(lambda prompt: True)
                yield from self._interrupt(position)
            case CallEnds():
                yield from self._end_call(event)
            case RestartBegan(position, keeps):
                yield from told_together(self._begin_restart(position, keeps))
            case RestartIsDue(position):
                yield from self._break_off(position)
            case PromptCancelled(prompt, position):
                yield from self._drop(lambda waiting: waiting is prompt)
                if self._progress is not None and self._progress.reply.prompt is prompt:
                    yield from self._interrupt(position)
            case Dismissed(person, position):
                yield from self._drop(lambda prompt: person in (prompt.person, prompt.told_to))
                if self._progress is not None and person in (
                    self._progress.reply.prompt.person,
                    self._progress.reply.prompt.told_to,
                ):
                    yield from self._interrupt(position)
            case Disconnected():
                # A reply that has no text yet is not affected: the speech server may be back before the text comes.
                if self._progress and self._progress.text_sent:
                    yield from self._advance(self._progress.speech_failed())
            case SpeechServerReplaced(sent):
                if self._progress and self._progress.text_sent:
                    yield from self._advance(self._progress.server_replaced(sent))
            case ToolsBegan(reply) if self._set_aside.begun and reply == self.current:
                # The bot can't wait for the tools any more, so the answer is left for after the restart.
                yield from self._break_off(0)
            case ToolsTakeLong(reply, remark) if self._floor:
                # Somebody speaks. A remark would be heard only after that, when it may not be true any more.
                if reply == self.current and self._progress is not None:
                    yield from self._advance(self._progress.write_wait(remark))
            case _:
                if event.reply == self.current and self._progress is not None:
                    yield from self._advance(self._progress.handle(event))

    # Prompts and speculative replies.

    def _accept(self, prompt: Prompt) -> Iterator[Effect]:
        if self._set_aside.begun:
            yield from self._set_aside.put(prompt)
            return
        if self._end is not None:
            yield Drop(prompt)
            yield from told_at_end([prompt], spoken_too=self._end.spoken_too)
            return
        accepted = yield from self._queue.put(prompt)
        if accepted:
            self._unheard.note_accepted(prompt)
        # Also after a refusal: if a speculative reply to this prompt was ended just now, the next reply begins here.
        yield from self._next()
        # The model is asked first: acknowledging costs a request, and the answer should not wait for that.
        if accepted and not prompt.results:
            yield Acknowledge(prompt)

    def _drop(self, unwanted: Callable[[Prompt], bool]) -> Iterator[Effect]:
        """Drop the prompts that wait or are to be answered anew, and that are ``unwanted``."""
        self._unheard.drop(unwanted)
        yield from map(Drop, self._queue.drop(unwanted))

    def _speculate(self, prompt: Prompt) -> Iterator[Effect]:
        progress = self._speculation_of(prompt.turn)
        if progress is not None:
            if same_words(progress.reply.prompt.text, prompt.text):
                return
            yield from self._end_speculation(progress)
        # A reply is prepared only if it could be spoken at once.
        if self._progress is None and not self._queue and not self._set_aside.begun and self._end is None:
            yield from self._begin(prompt, committed=False)
        # A prompt that has waited behind the earlier speculative reply is answered now.
        yield from self._next()

    def _commit(self, prompt: Prompt) -> Iterator[Effect]:
        progress = self._speculation_of(prompt.turn)
        if progress is not None and same_words(progress.reply.prompt.text, prompt.text):
            self._unheard.note_accepted(prompt)
            self._queue.note_answered(prompt)
            yield from self._advance(progress.commit(prompt))
            return
        if progress is not None:
            yield from self._end_speculation(progress)
        yield from self._accept(prompt)

    def _discard(self, turn: TurnId) -> Iterator[Effect]:
        if (progress := self._speculation_of(turn)) is not None:
            yield from self._end_speculation(progress)
            yield from self._next()

    def _end_speculation(self, progress: ReplyProgress) -> Iterator[Effect]:
        # The next reply is begun by the caller, not here.
        self._progress = None
        yield from progress.interrupt(0)

    def _speculation_of(self, turn: TurnId | None) -> ReplyProgress | None:
        """The speculative reply to a turn, if there is one."""
        progress = self._progress
        speculates = progress is not None and not progress.reply.committed and progress.reply.prompt.turn == turn
        return progress if speculates else None

    # The restart of the bot.

    def _begin_restart(self, position: int, keeps: Keeps) -> Iterator[Effect]:
        """Put all prompts aside, and let the sentence end that people hear."""
        if self._set_aside.begun:
            return
        self._set_aside.begin(keeps)
        waiting = [*self._unheard.take_all(), *self._queue.take_all()]
        progress = self._progress
        if progress is not None and not progress.reply.committed:
            yield from self._end_speculation(progress)
        elif progress is not None and progress.reply.hears_answer(position):
            yield from self._advance(progress.end_with_sentence(position))
        elif progress is not None:
            # Nothing of the answer was heard, or only that it waits for tools. So the answer is made anew.
            waiting.insert(0, progress.reply.prompt)
            yield from self._set_aside.put_all(waiting)
            yield from self._advance(progress.interrupt(position))
            return
        yield from self._set_aside.put_all(waiting)

    def _break_off(self, position: int) -> Iterator[Effect]:
        """End the reply at once, and keep the rest of a text that was read aloud, or a prompt without an answer."""
        progress = self._progress
        if self._set_aside.begun and progress is not None:
            prompt, answered = progress.reply.prompt, progress.reply.has_answered(position)
            progress.cut_off = progress.reply.unheard_text(position)
            yield from self._interrupt(position)
            if prompt.kind is PromptKind.ASK and not answered:
                yield from self._set_aside.put(prompt)

    # The end of the call.

    def _end_call(self, end: CallEnds) -> Iterator[Effect]:
        """Drop all prompts, end the reply, and tell everybody who has no answer."""
        self._end = end
        prompts = [*end.late, *self._unheard.take_all(), *self._queue]
        progress = self._progress
        # A reply that ended before its tools has no answer either, but its prompt is among the late ones already.
        if progress is not None and progress.reply.lacks_answer(end.position) and progress.reply.prompt not in end.late:
            prompts.insert(0, progress.reply.prompt)
        yield from self._drop(lambda prompt: True)
        yield from self._interrupt(end.position)
        yield from told_at_end(prompts, spoken_too=end.spoken_too)

    # Interruptions.

    def _start_interruption(self, turn: TurnId) -> Iterator[Effect]:
        if turn in self._floor:
            return
        self._floor[turn] = self.current if self.answering else None
        if len(self._floor) == 1:
            yield HoldPlayback()

    def _confirm_interruption(self, turn: TurnId, position: int) -> Iterator[Effect]:
        interrupted = self._floor.get(turn)
        if interrupted is None:
            return
        self._floor[turn] = None
        if interrupted == self.current and self._progress is not None:
            self._unheard.note_interrupted(self._progress.reply, position, by=turn)
            yield from self._interrupt(position)
            if self._set_aside.begun:
                # The restart may come before the end of the turn.
                for prompt in self._unheard.take_all():
                    yield from self._set_aside.put_whole(prompt)

    def _release_floor(self, turn: TurnId) -> Iterator[Effect]:
        if turn not in self._floor:
            return
        del self._floor[turn]
        if (unheard := self._unheard.take(turn)) is not None:
            yield from self._answer_anew(unheard)
        if not self._floor:
            yield ResumePlayback()

    def _answer_anew(self, unheard: Reply) -> Iterator[Effect]:
        """Answer the prompt of a reply that was interrupted before anything of it was heard."""
        prompt = unheard.prompt
        if unheard.used_tools or prompt.begun + 1 >= MAX_BEGUN:
            yield Tell(NOT_ANSWERED, prompt)
        else:
            self._queue.put_back(prompt)
            yield AnswerAnew(prompt)
            yield from self._next()

    # Replies, one after another.

    def _interrupt(self, position: int) -> Iterator[Effect]:
        if self._progress is not None:
            yield from self._advance(self._progress.interrupt(position))

    def _advance(self, effects: Iterator[Effect]) -> Iterator[Effect]:
        """Yield the effects of the current reply. If they end the reply, begin the reply to the next prompt."""
        progress = self._progress
        yield from effects
        if progress is None:
            return
        if progress.cut_off:
            yield from self._set_aside.put_rest(progress.reply.prompt, progress.cut_off)
        if progress is self._progress and progress.over:
            self._progress = None
            self._pace = progress.reply.samples_per_character
            yield from self._next()

    def _next(self) -> Iterator[Effect]:
        """Begin the reply to the next waiting prompt, unless another reply is in progress."""
        while self._progress is None and self._queue:
            prompt = self._queue.take_next()
            if prompt.only_if_present and prompt.person is not None and not self.present(prompt.person):
                yield Drop(prompt)
            else:
                yield from self._begin(prompt, committed=True)

    def _begin(self, prompt: Prompt, *, committed: bool) -> Iterator[Effect]:
        self._count += 1
        if committed:
            self._queue.note_answered(prompt)
        reply = Reply(f"r{self._count}", prompt, self._pace, committed=committed)
        progress = self._progress = ReplyProgress(reply, self._texts(), voice_speculates=self._voice_speculates())
        yield from progress.begin()

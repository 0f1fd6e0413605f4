"""The conversation of a call: it runs the dialogue's state machine and carries out the effects.

The effects use the language model, the speech server, the playback and the prompt channel. The conversation gets all of
them from its caller, so it does not depend on the transport.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Coroutine
from functools import partial
from typing import Any

from bot.llm.answer_progress import AnswerProgress
from bot.llm.history import History, Turn
from bot.voice.dialogue import effects, events
from bot.voice.dialogue.after_asking import AfterAsking
from bot.voice.dialogue.conversation_language import ConversationLanguage
from bot.voice.dialogue.kept_replies import KeptReplies
from bot.voice.dialogue.late_tools import LateTools
from bot.voice.dialogue.measured_replies import MeasuredReplies
from bot.voice.dialogue.model_answers import ModelAnswers
from bot.voice.dialogue.reply_mood import ReplyMood
from bot.voice.dialogue.reply_parameters import Manner, ReplyParameters
from bot.voice.dialogue.reply_sound import ReplySound
from bot.voice.dialogue.reply_speech import ReplySpeech
from bot.voice.dialogue.restart import Keeps
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.tool_wait import Sleep, WaitingLine, usual_line
from bot.voice.events import PromptTaken, Watcher
from bot.voice.metrics import ReplyMetrics, ReplySoFar
from bot.voice.notices import Notices
from bot.voice.ports import Playback, Responder, SpeechConnection
from bot.voice.prompt_handles import PromptHandle, PromptHandles
from bot.voice.speculation import WITHOUT_COSTS, Speculation, SpeculationBudget
from bot.voice.tasks import start_task
from bot.voice.thinking_sound import ThinkingWatcher, Unwatched
from bot.voice.turn import Outcome, Prompt, PromptKind, TurnId
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)


class Conversation:
    """The conversation of one call. :meth:`run` runs during the whole call. Use it only on the event loop.

    Args:
        dialogue: the state machine, which decides what happens.
        responder: the language model, which writes the answers.
        history: the history of the call. A prompt and its answer are added when the answer has ended. If
            the answer was interrupted, only the part that people heard is added.
        speech: the connection to the speech server.
        playback: plays the sound of the replies.
        notices: writes into the prompt channel.
        watch: receives the events of the call.
        manner: returns the usual speech parameters. Called when a reply begins, and again if the reply names a mood.
        mood: the moods that the replies name; ``None`` if the model can't move the mood.
        language: detects the language that people speak, which goes to the speech server with each reply. If ``None``,
            the speech server gets no language.
        speculation: whether speculative replies are made, and how many of them may be discarded.
        waiting_line: called when the answer waits for tools; returns what is said meanwhile.
        thinking: plays a sound while people wait. The conversation tells it how far the current reply is.
        when_model_limited: called once, when today's limit keeps the model from answering.
        voice_limited: called when today's limit has kept a reply from being spoken.
        clock: returns monotonic seconds.
        sleep: waits for some seconds.

    Attributes:
        sound: the sound of the replies, which is to be the listener of the playback.
    """

    def __init__(
        self,
        dialogue: Dialogue,
        responder: Responder,
        history: History,
        speech: SpeechConnection,
        playback: Playback,
        notices: Notices,
        *,
        watch: Watcher,
        manner: Manner = SpeechParameters,
        mood: ReplyMood | None = None,
        language: ConversationLanguage | None = None,
        speculation: Speculation = WITHOUT_COSTS,
        waiting_line: WaitingLine = usual_line,
        thinking: ThinkingWatcher | None = None,
        when_model_limited: Callable[[], object] = lambda: None,
        voice_limited: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._dialogue = dialogue
        self._history = history
        self._notices = notices
        self._watch = watch
        self._mood = mood
        self._language = language
        self._parameters = ReplyParameters(manner, language)
        self._thinking = thinking or Unwatched()
        self._after_asking = AfterAsking()
        self._tasks: asyncio.TaskGroup | None = None
        self._measured = MeasuredReplies(watch, clock)
        self._kept = KeptReplies(history, self._measured, mood, language, self._spawn)
        self.sound = ReplySound(
            playback,
            self._measured,
            self._thinking,
            watch,
            current=lambda: dialogue.current,
            handle=self._handle,
            clock=clock,
        )
        self._prompt_handles = PromptHandles(self._cancel)
        self._speculation = speculation
        self._speculation_budget = SpeculationBudget(speculation.wrong_a_minute, clock)
        self._late_tools = LateTools(self.prompt, dialogue.present, self._spawn, sleep, clock)
        self._answers = ModelAnswers(
            responder,
            self._late_tools,
            self._measured,
            current=lambda: dialogue.current,
            position=lambda: self.sound.position,
            remark=lambda wait: waiting_line(self._parameters.current().conversation_language, wait),
            handle=self._handle,
            start=self._spawn,
            when_limited=when_model_limited,
            sleep=sleep,
        )
        self._speech = ReplySpeech(
            speech,
            self._parameters,
            playback,
            self._measured,
            notices,
            self._thinking,
            current=lambda: dialogue.current,
            handle=self._handle,
            limited=voice_limited,
        )
        self._asker: int | None = None
        self._answered: int | None = None
        self._handled = asyncio.Event()

    async def run(self) -> None:
        """Converse until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._spawn(self._speech.send_queued(), "messages to the speech server")
                self._spawn(self._speech.receive(), "messages from the speech server")
                self._answers.warm_up()
                if self._language is not None:
                    self._spawn(self._language.load(), "language detection")
        finally:
            self._tasks = None
            self._prompt_handles.close()

    @property
    def over(self) -> bool:
        """Whether prompts are not answered any more. From then on, whoever passes a prompt has to tell its author so.

        The conversation itself tells the authors of earlier prompts that have no answer (:meth:`end`).
        """
        return self._prompt_handles.closed

    @property
    def waiting(self) -> int:
        """Number of prompts that wait behind the current one."""
        return self._dialogue.waiting

    def unanswered(self, person: int) -> int:
        """Number of a person's prompts that wait or are being answered."""
        return self._dialogue.unanswered(person)

    @property
    def floor_free(self) -> bool:
        """Whether nobody speaks, and no reply is being made, spoken or waiting."""
        return self._dialogue.floor_free

    @property
    def late_tools(self) -> int:
        """Number of replies that have ended before their tools. The bot tells their results later."""
        return len(self._late_tools)

    @property
    def answering(self) -> bool:
        """Whether a reply is being made or spoken. A speculative reply does not count."""
        return self._dialogue.answering

    @property
    def reply_so_far(self) -> ReplySoFar | None:
        """The timings so far of the reply that is being made or spoken; ``None`` if there is none."""
        return self._measured.so_far if self.answering else None

    @property
    def metrics(self) -> ReplyMetrics:
        """The timings of the latest replies."""
        return self._measured.metrics

    @property
    def answered(self) -> int | None:
        """User id of the person who is being answered; ``None`` if nobody is, or if the id is not known."""
        return self._answered if self.answering else None

    @property
    def asker(self) -> int | None:
        """User id of the person to whom the newest reply is made, also a speculative one; ``None`` if it is unknown."""
        return self._asker

    @property
    def model_limited(self) -> bool:
        """Whether today's limit has kept the model from the newest answer."""
        return self._answers.limited

    @property
    def quiet_since(self) -> float | None:
        """When the last reply ended, in monotonic seconds; ``None`` before the first reply and during a reply."""
        return self._measured.quiet_since

    @property
    def recently_spoken(self) -> str:
        """Text of the segments that started to play a short while ago. Microphones may pick them up as echo."""
        return self.sound.recent_words

    def prompt(self, prompt: Prompt) -> PromptHandle:
        """Queue a prompt. People are answered in turn. If the conversation is :attr:`over`, the prompt is discarded."""
        handle = self._prompt_handles.add(prompt)
        if handle.outcome is None:
            self._handle(events.Prompted(prompt))
        return handle

    def _cancel(self, prompt: Prompt) -> None:
        self._handle(events.PromptCancelled(prompt, self.sound.position))

    def read_ahead(self, speaker: str, words: str = "", person: int | None = None) -> None:
        """Have the model process the conversation and the ``words`` so far of the ``speaker``.

        Does nothing if a reply is being made, if there are no speculative replies, or if the model still processes
        earlier words.
        """
        if self._speculation.replies and self._dialogue.current is None and self._tasks is not None:
            self._answers.read_ahead(speaker, words, person)

    def speculate(self, prompt: Prompt) -> None:
        """Prepare a reply to a turn that may be over. Nothing of it is heard or shown before :meth:`commit`.

        Does nothing if there are no speculative replies, or if too many were discarded lately.
        """
        if self._speculation.replies and self._speculation_budget.allows(int(self._dialogue.speculating)):
            self._handle(events.TurnSpeculated(prompt))

    def commit(self, prompt: Prompt) -> None:
        """Answer a turn that is over. The speculative reply is used if it was made for the same words."""
        self._handle(events.TurnCommitted(prompt))

    def discard(self, turn: TurnId) -> None:
        """Discard the speculative reply to a turn."""
        self._handle(events.TurnDiscarded(turn))

    def interruption_started(self, turn: TurnId) -> None:
        """Hold the playback, because somebody who may interrupt has started to speak."""
        self._handle(events.InterruptionStarted(turn))

    def interruption_confirmed(self, turn: TurnId) -> None:
        """End the reply that the turn interrupts, because there are words in the turn."""
        self._handle(events.InterruptionConfirmed(turn, self.sound.position))

    def release_floor(self, turn: TurnId) -> None:
        """Release the floor (the right to speak): the turn is over or was no interruption. Playback may continue."""
        self._handle(events.FloorReleased(turn))

    def overhear(self, turn: Turn) -> None:
        """Add a turn that is not answered to the history, so that the next answer can refer to it."""
        self._history.add(turn)

    def warm_up(self) -> None:
        """Warm the responder up again, because the persona or the mood has changed. Does nothing during a reply."""
        if self._tasks is not None and not self.answering:
            self._answers.warm_up()

    def stop(self) -> bool:
        """End the current reply and all late tools, and drop all waiting prompts.

        Returns:
            Whether a reply was being made or spoken, or tools ran.
        """
        answering = self.answering or self.late_tools > 0
        self._late_tools.drop()
        self._handle(events.Stopped(self.sound.position))
        return answering

    def end(self, unfinished: Collection[Prompt] = (), *, spoken_too: bool) -> None:
        """End the reply, all late tools and the conversation, and tell the authors of prompts that have no answer.

        Args:
            unfinished: prompts that other parts of the call have not carried out.
            spoken_too: whether people who have spoken are told, too. Otherwise only those who have typed are.
        """
        late = (*self._late_tools.give_up(), *unfinished)
        self._handle(events.CallEnds(self.sound.position, spoken_too, late))
        self._prompt_handles.close()

    def begin_restart(self, keeps: Keeps) -> None:
        """End the reply with the sentence that is being spoken, and put all other prompts aside, now and later.

        Args:
            keeps: returns whether a prompt is kept until the bot is back. The authors of prompts that are not kept are
                told to ask again.
        """
        late = self._late_tools.give_up()
        self._handle(events.RestartBegan(self.sound.position, keeps))
        for prompt in late:
            self._handle(events.Prompted(prompt))

    def end_for_restart(self) -> None:
        """End the reply at once, because the restart can't wait any more."""
        self._handle(events.RestartIsDue(self.sound.position))

    @property
    def set_aside(self) -> tuple[Prompt, ...]:
        """The prompts that are kept for after the restart, in order."""
        return self._dialogue.set_aside

    async def wait_floor_free(self) -> None:
        """Wait until nobody speaks, and no reply is being made, spoken or waiting."""
        while not self._dialogue.floor_free:
            self._handled.clear()
            await self._handled.wait()

    def dismiss(self, person: int) -> None:
        """End the reply to a person (user id) and that person's late tools, and drop the person's waiting prompts.

        What the bot itself says to that person, such as a greeting, ends too.
        """
        self._late_tools.drop(lambda _, prompt: prompt.person == person)
        self._handle(events.Dismissed(person, self.sound.position))

    def _handle(self, event: events.Event) -> None:
        self._after_asking.catch_up()
        for effect in self._dialogue.handle(event):
            self._perform(effect)
        self._handled.set()

    def _perform(self, effect: effects.Effect) -> None:
        match effect:
            case effects.Acknowledge(prompt):
                self._after_asking.do(partial(self._notices.acknowledge, prompt))
            case effects.Tell(text, prompt, others):
                self._notices.tell(text, prompt, others)
            case effects.Refuse(prompt, text):
                self._notices.tell(text, prompt)
                self._prompt_handles.end_unspoken(prompt, Outcome.REFUSED)
            case effects.Drop(prompt, refused):
                self._prompt_handles.end_unspoken(prompt, Outcome.REFUSED if refused else Outcome.DISCARDED)
            case effects.BeginReply(reply, prompt):
                self._begin(reply, prompt)
            case effects.CommitReply(reply, prompt):
                self._commit(reply, prompt)
            case effects.AskModel(reply, prompt):
                self._answers.ask(reply, prompt, self._progress(reply, prompt))
            case effects.CloseModel():
                self._answers.close()
            case effects.Send(message):
                self._speech.send(message)
            case effects.Remember(prompt, heard, interrupted):
                self._kept.keep(prompt, heard, interrupted=interrupted)
            case effects.AnswerAnew(prompt):
                _log.info("Nothing of a reply was heard before it was interrupted. Its prompt is answered anew")
                self._kept.take_back(prompt)
            case effects.EndReply(reply, outcome):
                if outcome is Outcome.INTERRUPTED:
                    # An interruption ends a reply with its tools, even those that were about to outlive it.
                    self._late_tools.drop(lambda late, _: late == reply)
                self._end(outcome)
                self._prompt_handles.end_reply(reply, outcome)
            case _:
                self.sound.perform(effect)

    def _begin(self, reply: str, prompt: Prompt) -> None:
        self._prompt_handles.begin(reply, prompt)
        self._measured.begin(reply, prompt.at, prompt.turn)
        self._answers.begin()
        self._asker = prompt.person
        self.sound.begin(reply)
        if self._mood is not None:
            self._mood.begin()
        if prompt.kind is PromptKind.ASK:
            self._after_asking.begin()
        self._after_asking.do(partial(self._prepare_to_speak, prompt))

    def _prepare_to_speak(self, prompt: Prompt) -> None:
        self._parameters.begin(prompt)
        self.sound.prime()

    def _mood_named(self, reply: str, prompt: Prompt, named: str | None) -> None:
        """Speak the reply in the mood that it names, or in the usual manner if the mood stays."""
        if self._mood is None or reply != self._dialogue.current:
            return
        self._after_asking.catch_up()
        self._parameters.change(prompt, self._mood.name(named))

    def _commit(self, reply: str, prompt: Prompt) -> None:
        self._measured.commit(prompt.spoken)
        self._answered = prompt.person
        self._answers.commit()
        self._thinking.began()
        recited = prompt.kind is PromptKind.RECITE
        late = bool(prompt.results) or prompt.begun > 0
        taken = PromptTaken(
            reply, prompt.author, prompt.text, recited, prompt.person, prompt.turn, late, told_to=prompt.told_to
        )
        self._after_asking.do(partial(self._watch, taken))

    def _end(self, outcome: Outcome) -> None:
        self._answers.end()
        self._thinking.ended()
        if outcome is Outcome.DISCARDED:
            self._speculation_budget.note_discarded()
        self._measured.end(outcome)

    def _progress(self, reply: str, prompt: Prompt) -> AnswerProgress:
        """The functions that the responder calls while it makes the answer, except those that ``ModelAnswers`` adds."""
        return AnswerProgress(
            fitted=partial(self._measured.note_prompt, reply),
            asked=self._after_asking.catch_up,
            counted=partial(self._measured.note_tokens, reply),
            moved=lambda text: self._notices.tell(text, prompt),
            mood=partial(self._mood_named, reply, prompt),
        )

    def _spawn(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]:
        return start_task(self._tasks, work, f"conversation: {name}", self._measured.turn)

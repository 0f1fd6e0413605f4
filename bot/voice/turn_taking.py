"""Turn taking: has turns transcribed and classified, and makes a prompt from each turn that is for the bot.

A speculative reply is prepared at each pause in which the turn may be over.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from audio.samples import Sound16
from bot.llm.history import History, Turn
from bot.metering import THE_BOT
from bot.voice.end_estimates import EndEstimates
from bot.voice.ended_turns import EndedTurns
from bot.voice.events import SpeechStarted, SpeechStopped, UtteranceHeard, Watcher
from bot.voice.interims import InterimCaptions, InterimPace, Speaker
from bot.voice.listening_notice import CallMode
from bot.voice.open_turn import InterimWords, OpenTurn
from bot.voice.ports import CommandRunner, NoticeWriter, Participants, PauseListener, ReplyControl, UtteranceClassifier
from bot.voice.speculation import WITHOUT_COSTS, Speculation, SpeculationBudget
from bot.voice.tasks import start_task
from bot.voice.transcribe.transcriber import Transcriber, TranscriptionError, TranscriptionShed, Urgency
from bot.voice.turn import Microphone, Prompt, SpokenTurn, TurnId
from bot.voice.turn_transcriber import TurnTranscriber
from bot.voice.turns.end_of_turn import EndOfTurn
from bot.voice.turns.events import (
    SpeechPaused,
    SpeechResumed,
    SpeechSoFar,
    TurnDropped,
    TurnEnded,
    TurnEvent,
    TurnPart,
    TurnStarted,
)
from bot.voice.utterances.classifier import Classification, SpokenCommand, Utterance, UtteranceKind

_log = logging.getLogger(__name__)

INTERRUPTION_INTERVAL = 0.9
"""Least number of seconds between two interim transcripts that may end a reply.

Each of them may mistake a piece of the bot's own echo for words, so there are not more of them than needed.
"""


class TurnTaking:
    """Turn taking of one call. :meth:`run` runs during the whole call. Use it only on the event loop.

    Args:
        transcriber: transcribes the sound of turns.
        replies: the conversation, which begins, commits, discards and interrupts replies.
        people: knows people's names, whom the bot answers and who may interrupt it.
        classifier: decides whether words are for the bot, a command, an echo or talk between people.
        end_of_turn: estimates at each pause how likely it is that the turn is over.
        pauses: receives each estimate for the turn's detector.
        commands: executes spoken commands.
        notices: shows people why speech could not be transcribed.
        history: the history of the call, for the end-of-turn estimate.
        watch: receives the events of the call.
        speculation: whether turns are transcribed at their pauses, how many of these transcripts may be discarded, and
            whether turns are also transcribed while people speak.
        place: id of the place to which transcriptions are charged.
        limited: called once, when people are told that today's limit of the transcriber is reached.
        lost: called when people are told that speech was lost for another reason.
        clock: returns monotonic seconds.
        sleep: waits for some seconds.

    Attributes:
        mode: whether speech is answered, or only written down.
    """

    def __init__(
        self,
        transcriber: Transcriber,
        replies: ReplyControl,
        people: Participants,
        classifier: UtteranceClassifier,
        end_of_turn: EndOfTurn,
        pauses: PauseListener,
        commands: CommandRunner,
        notices: NoticeWriter,
        *,
        history: History,
        watch: Watcher,
        speculation: Speculation = WITHOUT_COSTS,
        place: int = THE_BOT,
        limited: Callable[[], object] = lambda: None,
        lost: Callable[[], object] = lambda: None,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.mode = CallMode.TALK
        self._turn_transcriber = TurnTranscriber(transcriber, people, classifier, notices, clock, place, limited, lost)
        self._replies = replies
        self._people = people
        self._classifier = classifier
        self._estimates = EndEstimates(end_of_turn, pauses, history)
        self._commands = commands
        self._watch = watch
        self._interims = speculation.interims
        self._interim_pace = InterimPace(clock)
        self._captions = InterimCaptions(watch)
        self._pause_budget = SpeculationBudget.of_words(speculation, clock)
        self._clock = clock
        self._turns: dict[TurnId, OpenTurn] = {}
        self._last_said: dict[int, str] = {}
        self._ended = EndedTurns(sleep)
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self) -> None:
        """Handle turns until cancelled.

        Turns that end before the transcriber is ready wait for it, so the first sentence of a call is not lost.
        """
        try:
            async with asyncio.TaskGroup() as self._tasks:
                self._spawn(self._turn_transcriber.warm_up(), "transcriber warm-up")
                await asyncio.Event().wait()
        finally:
            self._tasks = None

    def on_turn_event(self, event: TurnEvent) -> None:
        """Handle the next event of any turn detector. Before and after :meth:`run`, events are ignored."""
        if self._tasks is None:
            return
        if isinstance(event, TurnStarted):
            self._start_turn(event)
            return
        turn = self._turns.get(event.turn)
        if turn is None:
            return
        if isinstance(event, SpeechSoFar | SpeechPaused):
            turn.may_be_echo = event.may_be_echo
        if isinstance(event, TurnEnded | TurnDropped) and turn.ended is None:
            self._watch(SpeechStopped(event.turn))
        match event:
            case SpeechSoFar(_, sound) if (urgency := self._interim_urgency(turn, event.at)) is not None:
                turn.interim = self._spawn(self._transcribe_so_far(turn, sound, urgency), f"interim {turn.id}", turn.id)
            case SpeechPaused():
                turn.paused, turn.text = event, None
                if self._pause_budget.allows():
                    self._start_transcription(turn, event, Urgency.SPECULATION)
                self._guess_early(turn)
            case SpeechResumed():
                self._resume_turn(turn)
            case TurnPart(_, sound):
                turn.parts.append(
                    self._spawn(self._turn_transcriber.final_words(turn, sound), f"part of {turn.id}", turn.id)
                )
                self._captions.begin_part(turn.id)
            case TurnEnded():
                self._end_turn(turn, event)
            case TurnDropped():
                self._drop_turn(turn)

    def forget(self, person: int) -> None:
        """Drop the turns of a person who no longer wants to be listened to, also those that are being transcribed, and
        the person's last words."""
        # The newest is dropped first. Otherwise, dropping an older turn would let a newer one be answered, if its words
        # are known.
        for turn in [each for each in reversed(self._turns) if each.person == person]:
            self.on_turn_event(TurnDropped(turn, self._clock()))
        self._last_said.pop(person, None)

    # Handlers of the detectors' events.

    def _start_turn(self, event: TurnStarted) -> None:
        self._watch(SpeechStarted(event.turn))
        person, answered = event.turn.person, self._replies.answered
        may_interrupt = self.mode is CallMode.TALK and self._people.may_interrupt(person, answered)
        during_reply = self._replies.answering
        self._turns[event.turn] = OpenTurn(event.turn, during_reply, may_interrupt and during_reply)
        if may_interrupt:
            self._replies.interruption_started(event.turn)
        if self.mode is CallMode.TALK and self._people.may_talk(person):
            self._replies.read_ahead(self._people.name(person), person=person)

    def _resume_turn(self, turn: OpenTurn) -> None:
        if turn.transcription is not None:
            self._pause_budget.note_discarded()
        for task in (turn.transcription, turn.estimate):
            if task is not None:
                task.cancel()
        turn.transcription = turn.estimate = turn.paused = turn.text = None
        turn.speculated = False
        self._replies.discard(turn.id)

    def _end_turn(self, turn: OpenTurn, event: TurnEnded) -> None:
        turn.ended = event
        self._ended.add(turn)
        if turn.text is not None:
            self._conclude_in_order()
            return
        if turn.transcription is None or turn.transcription.done():
            paused = turn.paused or SpeechPaused(turn.id, event.sound, event.last_voiced_at, event.at)
            self._start_transcription(turn, paused, Urgency.FINAL)
        turn.waiting = self._spawn(self._limit_wait(turn), f"wait for {turn.id}", turn.id)

    async def _limit_wait(self, turn: OpenTurn) -> None:
        """Let the call go on without the words of a turn if they are late. They are answered when they are known."""
        await self._ended.wait_for_words(turn)
        # A reply to a guess at the words would wait for them, too, and all other prompts for it.
        self._replies.discard(turn.id)
        self._replies.release_floor(turn.id)
        self._conclude_in_order()

    def _drop_turn(self, turn: OpenTurn) -> None:
        del self._turns[turn.id]
        self._ended.drop(turn)
        for task in turn.tasks():
            task.cancel()
        self._captions.withdraw(turn.id)
        self._replies.discard(turn.id)
        self._replies.release_floor(turn.id)
        self._conclude_in_order()

    # Transcription.

    def _interim_urgency(self, turn: OpenTurn, at: float) -> Urgency | None:
        """How urgent a transcript of a turn that goes on would be; ``None`` if it should not be made now."""
        if turn.interim is not None:
            return None
        if turn.interrupting and not turn.interruption_decided:
            if at - turn.checked_at < INTERRUPTION_INTERVAL:
                return None
            turn.checked_at = at
            return Urgency.INTERIM
        return Urgency.ONLY_IF_IDLE if self._interims and self._interim_pace.due else None

    async def _transcribe_so_far(self, turn: OpenTurn, sound: Sound16, urgency: Urgency) -> None:
        """Transcribe a turn that goes on. If there are words, they may end a reply, and those who watch see them."""
        began_at, parts = self._clock(), len(turn.parts)
        try:
            text = await self._turn_transcriber.words(turn, sound, urgency)
        except TranscriptionError:
            return
        finally:
            turn.interim = None
        self._interim_pace.record_made(began_at)
        turn.so_far = InterimWords(text, len(sound), parts)
        self._decide_interruption(turn, text)
        self._guess_early(turn)
        # Meanwhile, a pause may have made the words known, or a part may have been cut off the sound.
        if self._interims and turn.ended is None and turn.text is None and len(turn.parts) == parts:
            self._use_so_far(turn, text)

    def _use_so_far(self, turn: OpenTurn, text: str) -> None:
        """Show the words of a turn that goes on, and have the model read them if they are for the bot.

        Does nothing if the words may be the bot's own, or if the turn's parts are not transcribed yet.
        """
        before, name = turn.words_of_parts, self._people.name(turn.id.person)
        if turn.may_be_echo or before is None:
            return
        words = f"{before} {text}".strip()
        kind = self._classify(turn, words).kind
        if kind not in (UtteranceKind.NOTHING, UtteranceKind.ECHO):
            self._captions.show(Speaker(turn.id, name), before, text)
        # If several people speak, the model would read the one's words and then the other's, again and again.
        if kind is UtteranceKind.ADDRESSED and not turn.speculated and len(self._turns) == 1:
            self._replies.read_ahead(name, words, turn.id.person)

    def _decide_interruption(self, turn: OpenTurn, text: str) -> None:
        """Decide whether a turn ends the reply that it interrupts. Words end it, and an echo of the bot does not."""
        if not turn.interrupting or turn.interruption_decided:
            return
        match self._classify(turn, text).kind:
            case UtteranceKind.NOTHING | UtteranceKind.BACKCHANNEL | UtteranceKind.IGNORED:
                return
            case UtteranceKind.ECHO:
                self._replies.release_floor(turn.id)
            case _:
                self._replies.interruption_confirmed(turn.id)
        turn.interruption_decided = True

    def _start_transcription(self, turn: OpenTurn, paused: SpeechPaused, urgency: Urgency) -> None:
        if turn.transcription is not None:
            turn.transcription.cancel()
        turn.transcription = self._spawn(self._transcribe_pause(turn, paused, urgency), f"words of {turn.id}", turn.id)

    async def _transcribe_pause(self, turn: OpenTurn, paused: SpeechPaused, urgency: Urgency) -> None:
        """Transcribe a turn up to a pause. If the words are for the bot, have a speculative reply prepared."""
        try:
            text = await turn.with_parts(await self._turn_transcriber.words(turn, paused.sound, urgency))
        except TranscriptionShed:
            # The transcriber dropped this request, for example for a more urgent one. If the turn is over, its words
            # are needed, so they are requested again.
            if turn.ended is None:
                return
            text = await turn.with_parts(await self._turn_transcriber.final_words(turn, paused.sound))
        except TranscriptionError as error:
            self._turn_transcriber.report_failure(error)
            text = await turn.with_parts("")
        else:
            self._estimate_end(turn, paused.sound, text)
        turn.text, turn.transcribed_at = text, self._clock()
        if turn.ended is not None:
            self._conclude_in_order()
            return
        kind = self._classify(turn, text).kind
        self._decide_interruption(turn, text)
        self._guess(turn, paused, text, kind)

    def _guess_early(self, turn: OpenTurn) -> None:
        """Have a reply prepared at once if an interim transcript has nearly all that was said before the pause.

        The transcript of the pause will confirm the reply or replace it. Only that transcript serves to estimate
        whether the turn is over, and to decide whether the turn interrupts a reply.
        """
        text = turn.early_words
        if text is None or turn.paused is None or (turn.interrupting and not turn.interruption_decided):
            return
        turn.transcribed_at = self._clock()
        self._guess(turn, turn.paused, text, self._classify(turn, text).kind)

    def _guess(self, turn: OpenTurn, paused: SpeechPaused, text: str, kind: UtteranceKind) -> None:
        """Have a reply prepared to the words up to a pause, if they are for the bot."""
        if kind is UtteranceKind.ADDRESSED:
            self._replies.speculate(self._prompt(turn, paused, text))
            turn.speculated = True
        elif turn.speculated:
            self._replies.discard(turn.id)

    def _estimate_end(self, turn: OpenTurn, sound: Sound16, text: str) -> None:
        """Give the turn's detector an end-of-turn estimate, unless the turn has ended already."""
        if turn.ended is not None:
            return
        if not text:
            self._estimates.has_no_words(turn.id)
            return
        turn.estimate = self._spawn(self._estimates.estimate(turn.id, sound, text), f"end of {turn.id}", turn.id)

    # Turns that are over.

    def _conclude_in_order(self) -> None:
        """Conclude the turns that are over and transcribed, in the order in which they ended."""
        while (turn := self._ended.take()) is not None:
            del self._turns[turn.id]
            if turn.waiting is not None:
                turn.waiting.cancel()
            self._conclude(turn, turn.text or "")
            self._replies.release_floor(turn.id)

    def _conclude(self, turn: OpenTurn, text: str) -> None:
        """Act on the words of a turn that is over: answer them, execute a command, or only remember them."""
        person = turn.id.person
        classification = self._classify(turn, text)
        self._decide_interruption(turn, text)
        if classification.kind is not UtteranceKind.ADDRESSED:
            self._replies.discard(turn.id)
        if classification.kind in (UtteranceKind.NOTHING, UtteranceKind.ECHO):
            _log.debug("No words of a person were recognised in turn %s: %s", turn.id, classification.kind.value)
            self._captions.withdraw(turn.id)
            return
        self._captions.forget(turn.id)
        name = self._people.name(person)
        addressed = classification.kind in (UtteranceKind.ADDRESSED, UtteranceKind.COMMAND)
        utterance = UtteranceHeard(person, name, text, addressed, turn.language, turn.id)
        if classification.kind is UtteranceKind.IGNORED:
            self._watch(utterance)
            return
        before, self._last_said[person] = self._last_said.get(person), text
        self._classifier.note_utterance(person, text, addressed=addressed)
        self._watch(utterance)
        match classification:
            case Classification(UtteranceKind.COMMAND, command, choice, language) if command is not None:
                self._commands.execute(SpokenCommand(command, person, name, before, choice, language))
            case Classification(UtteranceKind.OVERHEARD):
                self._replies.overhear(Turn.of_person(name, text, person))
            case Classification(UtteranceKind.ADDRESSED) if turn.ended is not None:
                self._replies.commit(self._prompt(turn, turn.paused, text, turn.ended))

    def _classify(self, turn: OpenTurn, text: str) -> Classification:
        """Classify the words of a turn. Whether the person may talk to the bot, and the mode, are considered too."""
        classification = self._classifier.classify(Utterance(turn.id.person, text, turn.during_reply, turn.may_be_echo))
        persons_words = classification.kind not in (UtteranceKind.NOTHING, UtteranceKind.ECHO)
        if persons_words and not self._people.may_talk(turn.id.person):
            return Classification(UtteranceKind.IGNORED)
        if self.mode is CallMode.TRANSCRIBE and classification.kind is UtteranceKind.ADDRESSED:
            return Classification(UtteranceKind.OVERHEARD)
        return classification

    def _prompt(self, turn: OpenTurn, paused: SpeechPaused | None, text: str, ended: TurnEnded | None = None) -> Prompt:
        last_voiced_at = ended.last_voiced_at if ended else paused.last_voiced_at if paused else self._clock()
        spoken = SpokenTurn(
            turn.id,
            ended.microphone if ended else Microphone.UNKNOWN,
            paused.at if paused else last_voiced_at,
            turn.transcribed_at,
            ended.at if ended else None,
        )
        person = turn.id.person
        usual = self._turn_transcriber.usual_language(person)
        return Prompt(self._people.name(person), text, last_voiced_at, person=person, spoken=spoken, language=usual)

    def _spawn(self, work: Coroutine[Any, Any, Any], name: str, turn: TurnId | None = None) -> asyncio.Task[Any]:
        return start_task(self._tasks, work, f"turn taking: {name}", turn)

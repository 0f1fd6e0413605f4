"""A call: starts and ends its parts, and is what people control during it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from typing import ClassVar, Generic, TypeVar

from bot.llm.personas import Character
from bot.llm.spoken_lines import Announcement
from bot.speech_server.errors import SpeechUnavailable
from bot.user_error import UserError
from bot.voice.call_parts import CallParts
from bot.voice.dialogue.restart import Keeps
from bot.voice.earlier_call import EarlierCall
from bot.voice.engines import LoadingReport
from bot.voice.events import CallBegan, CallEnded, Watcher
from bot.voice.listening_notice import CallMode
from bot.voice.prompt_handles import PromptHandle
from bot.voice.transport import BY_PEOPLE, EndCause, Transport
from bot.voice.turn import Prompt
from bot.voice.turns.events import TurnEvent
from bot.voice.utterances.classifier import SpokenCommand
from config.json_log import CALL
from config.sections import Captions

_log = logging.getLogger(__name__)

CALL_OVER = "❌ The call is over."
TTS_UNAVAILABLE = "❌ TTS pipeline not available. {cause}"
NOTICES_LIMIT = 1.0
"""At a restart, the notices for people may take this many seconds before the call ends, and as many after it."""
LAST_NOTICES_LIMIT = 2.0
"""Seconds within which the last answers to prompts must be written when the bot has left."""
LAST_SOUND = 0.3
"""Seconds for the last sound to reach people's ears: their programs hold some of it back, to play it evenly."""

T = TypeVar("T", bound=Transport)


class Call(Generic[T]):
    """A call. Use it only on the event loop.

    Its methods are called in this order: :meth:`check`, :meth:`open`, :meth:`wait_lost`, :meth:`close`. Nothing runs
    before :meth:`check`, and :meth:`close` ends all that was started.

    Args:
        parts: its parts, connected.
        report: called during :meth:`open` with the loading progress of the speech server's engine, 0 to 1.

    Attributes:
        ended_by_people: the causes by which the people in the call end it.
        transport: carries the call.
        server: id of the Discord server for which persona, mood and voice were chosen; 0 for the page, 1 for the
            telephone.
        conversation: the conversation, which answers prompts.
        input_worker: the input thread.
        mixer: plays other sound beneath the bot's voice.
        recordings: the recordings of the call.
        notes: the notes of the call.
        samples: takes voice samples of people.
        terms_told: whether people were told what the bot does with their speech.
    """

    ended_by_people: ClassVar = BY_PEOPLE

    def __init__(self, parts: CallParts[T], report: LoadingReport) -> None:
        self.transport = parts.transport
        self.server = parts.server
        self.conversation = parts.conversation
        self.input_worker = parts.input_worker
        self.mixer = parts.mixer
        self.recordings = parts.recordings
        self.notes = parts.notes
        self.samples = parts.samples
        self._parts = parts
        self._report = report
        self._running: asyncio.Task[None] | None = None
        self._cleanup = AsyncExitStack()
        self._closing = False
        self.terms_told = False
        self._began = False
        self._place = ""
        self._cause = EndCause.FAILURE
        self._restarts = False

    # Start and end.

    def go_on_with(self, earlier: EarlierCall) -> None:
        """Take over the turns, the people and the language of an earlier call. To be called before :meth:`check`."""
        for turn in earlier.turns:
            self._parts.history.add(turn)
        self._parts.greeter.knows(earlier.present)
        self._parts.language.expect(earlier.language)

    async def check(self) -> None:
        """Check whether the transport can carry a call, and connect the speech server.

        People in the channel don't notice this check. The speech server stays connected until :meth:`close`.

        Raises:
            UserError: the transport can't carry a call now, or the speech server can't be reached.
        """
        self.transport.check()
        try:
            await self._parts.speech.open()
        except SpeechUnavailable as error:
            raise UserError(TTS_UNAVAILABLE.format(cause=error)) from error
        self._cleanup.push_async_callback(self._parts.speech.close)

    async def open(self) -> None:
        """Join the call and start the conversation.

        Raises:
            UserError: the transport could not join.
        """
        # All tasks of the call inherit its id, which is in their lines of the log.
        CALL.set(self._parts.events.call)
        # What is registered first is done last: the bot leaves before it writes its last words. Until then, people may
        # still opt out.
        self._cleanup.callback(self._parts.consent.watch(self._parts.notices.forget))
        self._cleanup.push_async_callback(self._write_last_notices)
        # This is registered before connecting, so that the transport is closed even if connecting fails half-way.
        self._cleanup.push_async_callback(self.transport.close)
        await self.transport.connect()
        await self._parts.speech.loaded(self._report)
        self.transport.play(self.mixer, self._sent)
        self._running = asyncio.create_task(self._run(), name="call")
        self._cleanup.push_async_callback(self._stop_running)
        stop_watching = self._parts.character.watch(self.conversation.warm_up)
        self._cleanup.callback(stop_watching)
        self._place = self.transport.place
        people = self.transport.people.names()
        began = CallBegan(self.transport.kind, self._place, self.transport.encrypted, people)
        self._began = True
        self._parts.events(began)

    def _sent(self, pcm: bytes, at: float) -> None:
        # The input thread needs the sound that was played, to recognise its echo and to record it.
        self.input_worker.played(pcm, at, self.mixer.sounding, self.mixer.taken)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._parts.notices.run(), name="call: notices")
            tasks.create_task(self.conversation.run(), name="call: conversation")
            tasks.create_task(self._listen(), name="call: listening")
            tasks.create_task(self._parts.commands.run(), name="call: spoken commands")
            tasks.create_task(self._parts.greeter.run(), name="call: people")
            if self._parts.ambience is not None:
                work = self._parts.ambience.run(self.mixer, self._parts.character, self.server)
                tasks.create_task(work, name="call: ambience")
            if self._parts.thinking is not None:
                tasks.create_task(self._parts.thinking.run(), name="call: thinking sound")

    async def _listen(self) -> None:
        """Listen until cancelled. Then stop everything that this method has started, in reverse order."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._parts.transcriber.release_memory)
            stack.push_async_callback(self._parts.captions.close)
            self._parts.captions.start()
            # Somebody may opt out while the recording is being closed.
            stack.callback(self._parts.consent.watch(self.recordings.forget))
            stack.push_async_callback(self.recordings.stop)
            stack.callback(self.samples.drop, "The call is over.")
            stop_watching = self._parts.consent.watch(self._forget)
            stack.callback(stop_watching)
            stack.push_async_callback(asyncio.to_thread, self.input_worker.end)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._parts.turn_taking.run(), name="call: turn taking")
                tasks.create_task(self._watch_input_thread(), name="call: input thread")
                # During this wait, turn taking begins to run. Otherwise it would miss a turn that begins at once: a
                # transport may have kept the first words of a person who did not wait for the call.
                await asyncio.sleep(0)
                self.input_worker.listen(self._on_turn_event, self._admits)
                self.tell_terms()

    def _on_turn_event(self, event: TurnEvent) -> None:
        if self._parts.thinking is not None:
            self._parts.thinking.follow(event)
        self._parts.turn_taking.on_turn_event(event)

    async def _watch_input_thread(self) -> None:
        await self.input_worker.wait_dead()
        raise RuntimeError("the input thread has ended")

    def _admits(self, person: int) -> bool:
        """Whether a person's sound may be used. Called for each frame, on the input thread."""
        return self._parts.gate.admits(person) and not self.transport.people.is_program(person)

    async def wait_lost(self) -> EndCause:
        """Wait until the call is to end, and return the cause."""
        if self._running is None:
            raise RuntimeError("the call is not open")
        return await self._parts.ends.wait(self._running)

    async def _stop_running(self) -> None:
        if waiting := self.conversation.waiting:
            _log.info("The call ends before all prompts are answered. Number of prompts that still waited: %d", waiting)
        self._parts.notices.keep()
        unfinished = self._parts.commands.unfinished
        self.conversation.end(unfinished, spoken_too=self._cause not in self.ended_by_people)
        if self._running is not None:
            # If the task had failed before, :class:`CallEndWatcher` has logged the error already.
            ends_now = self._running.cancel()
            (failed,) = await asyncio.gather(self._running, return_exceptions=True)
            if ends_now and isinstance(failed, Exception):
                _log.error("A part of the call could not be ended as it should", exc_info=failed)

    async def _write_last_notices(self) -> None:
        # Before a restart, `end_sentence` has written nearly all, and the process has to end soon.
        await self._parts.notices.write_last(NOTICES_LIMIT if self._restarts else LAST_NOTICES_LIMIT)

    async def end_sentence(self, limit: float, keeps: Keeps) -> None:
        """Answer no further prompts, and let the sentence end that is being spoken, within ``limit`` seconds.

        Prompts that come from now on are put aside (:attr:`Conversation.set_aside`). Their authors are told so within
        another :data:`NOTICES_LIMIT` seconds.

        Args:
            keeps: returns whether a prompt is kept until the bot is back.
        """
        self._restarts = True
        self.conversation.begin_restart(keeps)
        try:
            async with asyncio.timeout(limit):
                await self.conversation.wait_floor_free()
                await asyncio.sleep(LAST_SOUND)
        except TimeoutError:
            self.conversation.end_for_restart()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NOTICES_LIMIT):
                await self._parts.notices.wait_written()

    def when_closed(self, end: Callable[[], Awaitable[None]]) -> None:
        """Have ``end`` awaited when the call is closed, however it ends.

        Raises:
            UserError: the call is being closed already.
        """
        if self._closing:
            raise UserError(CALL_OVER)
        self._cleanup.push_async_callback(end)

    async def close(self, cause: EndCause) -> None:
        """Fall silent, leave, and end all parts. This also works after a failed or cancelled :meth:`open`.

        If one part raises, all others are still ended and the end of the call is reported. Then the error is raised.
        """
        self._closing, self._cause = True, cause
        CALL.set(self._parts.events.call)
        try:
            # The place is asked for now, because the bot may have been moved, and after leaving the place is not known.
            self._place = self.transport.place
        except Exception:
            _log.exception("Could not find out where the call is")
        try:
            await self._cleanup.aclose()
        finally:
            if self._began:
                self._began = False
                self._parts.events(CallEnded(self._place, cause.value))

    def _forget(self, person: int) -> None:
        """Drop all sound and words of a person who no longer wants to be listened to, apart from recordings."""
        self.samples.drop("That person no longer wants to be listened to.", person)
        self.input_worker.person_left(person)
        # Dismissing brings the part of an answer that was heard into the history, together with the words that it
        # answers. So the history forgets the person only after that.
        self._parts.turn_taking.forget(person)
        self._parts.commands.forget(person)
        self.conversation.dismiss(person)
        self._parts.history.forget(person)
        self._parts.attendance.forget(person)
        self._parts.captions.forget(person)
        self._parts.notices.forget(person)

    def give_up(self, person: int) -> int:
        """Answer nothing that a person has said or asked, because somebody else has taken their place in the call.

        Requests about the memory are carried out all the same, without an answer aloud. Returns the number of prompts
        that have no answer, or only its beginning.
        """
        unanswered = self.conversation.unanswered(person)
        self._parts.turn_taking.forget(person)
        self.conversation.dismiss(person)
        return unanswered

    def forget_words(self, has: Callable[[str], bool]) -> None:
        """Forget each turn, and each answer in a recording, with words that are to be forgotten.

        ``has`` tells whether a text has such words.
        """
        self._parts.history.forget_words(has)
        self.recordings.forget_words(has)

    # Control of an active call.

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Pass the events of this call to ``watcher`` too, until the returned function is called."""
        return self._parts.events.subscribe(watcher)

    @property
    def id(self) -> str:
        """The id of the call, which no other call has."""
        return self._parts.events.call

    @property
    def character(self) -> Character:
        """The bot's current persona and mood in this call."""
        return self._parts.character.now()

    @property
    def language(self) -> str | None:
        """The conversation's language, as Whisper's code; ``None`` before there is one."""
        return self._parts.language.current

    @property
    def voice_connected(self) -> bool:
        """Whether the speech server is connected."""
        return self._parts.speech.connected

    def say(self, prompt: Prompt) -> PromptHandle:
        """Queue a prompt. People are answered in turn, each person's prompts in order."""
        return self.conversation.prompt(prompt)

    def take_memory_request(self, person: int, name: str, text: str) -> bool:
        """Carry out what a person has typed, if it is a request about the memory. Returns whether it was one."""
        request = self._parts.classifier.memory_request(text)
        if request is None:
            return False
        self._parts.commands.execute(
            SpokenCommand(request.command, person, name, None, request.choice, request.language)
        )
        return True

    def tell(self, text: str) -> None:
        """Write a text in the prompt channel."""
        self._parts.notices.tell(text)

    def tell_terms(self) -> None:
        """Write in the prompt channel that the bot listens, and what happens with the speech.

        A call begins with that. Call this method if somebody comes later who has not seen it.
        """
        policy = self._parts.consent.policy
        self.terms_told = True
        self.tell(self._parts.terms.notice(policy, self.transport.place, self.captions))

    async def announce(self, written: str, spoken: Announcement | None = None) -> PromptHandle | None:
        """Tell everybody in the call something: in the prompt channel and, if ``spoken`` is given, aloud."""
        await self._parts.notices.announce(written)
        return None if spoken is None else self._parts.recite(self._parts.aloud(spoken))

    def arrived(self, person: int) -> None:
        """Greet a person who has come. Call this if the transport's list of people does not show who comes."""
        self._parts.greeter.came((person,))

    def may_talk(self, person: int) -> bool:
        """Whether the bot answers this person's speech and messages."""
        return self.transport.people.may_talk(person)

    @property
    def volume(self) -> float:
        """Volume of the bot's speech, 0 to 2."""
        return self._parts.playback.volume

    @volume.setter
    def volume(self, value: float) -> None:
        self._parts.playback.volume = value

    @property
    def listening(self) -> bool:
        """Whether the bot listens to anybody."""
        return self._parts.gate.listening

    @listening.setter
    def listening(self, listening: bool) -> None:
        self._parts.gate.listening = listening
        if not listening:
            self.input_worker.forget_everyone()
            self.samples.drop("I don't listen to anybody any more.")

    @property
    def captions(self) -> Captions:
        """The place where captions are written."""
        return self._parts.captions.place

    @captions.setter
    def captions(self, place: Captions) -> None:
        self._parts.captions.place = place

    @property
    def mode(self) -> CallMode:
        """Whether speech is answered, or only written down."""
        return self._parts.turn_taking.mode

    @mode.setter
    def mode(self, mode: CallMode) -> None:
        self._parts.turn_taking.mode = mode

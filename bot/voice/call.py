"""A call: builds all parts of a conversation by voice, connects them, and starts and ends them.

A transport carries the call. Discord is one (``bot/voice/discord``); a telephone would be another package beside it.
``bot/voice/transport.py`` says what a transport has to do. For a new transport, nothing in this file changes.

In, from sound to a prompt:

- The transport turns packets into frames. A frame is a piece of one person's sound. The input thread
  (:class:`InputWorker`) passes each frame to its person's turn detector (:class:`TurnDetectors`). A detector finds out
  when its person speaks, pauses and has finished. The thread also passes the sound to recordings and voice samples.
- At each pause, turn taking (:class:`TurnTaking`) has the words transcribed. It asks the turn policy how likely it is
  that the turn is over, and passes this estimate to the person's detector. The higher the estimate, the shorter the
  detector waits for more speech. The detector alone decides that the turn is over.
- Meanwhile turn taking asks the conversation for a speculative reply, as if the turn were over. The speculative reply
  is not heard, shown or remembered before the detector has decided. If the person speaks on, or if the words were not
  for the bot, the conversation discards the speculative reply and closes the model's stream.

Out, from a prompt to sound:

- The conversation (:class:`Conversation`) asks the responder, which is the language model, and sends its words to the
  speech server. The sound that comes back goes to the playback (:class:`ReplyPlayback`). The transport takes the sound
  from the playback, frame by frame, through the mixer (:class:`Mixer`), which can play other sound beneath the voice.
- The playback tells the conversation how much was really played. Therefore only the heard part of an interrupted reply
  enters the history (:class:`History`, which the conversation writes), the captions and the stored conversation.

:class:`Call` builds each part before the parts that use it. Turn taking uses the conversation, so "out" is built
before "in". Then come the parts that people control during a call (captions, recordings, voice samples), and the part
that watches for the end of the call.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Generic, TypeVar

from audio.samples import Sound16
from bot.consent import ListeningConsent, ListeningGate
from bot.llm.history import MAX_TURNS, History
from bot.llm.personas import Character
from bot.llm.prompts import CallRoom
from bot.llm.spoken_lines import Announcement, LineChooser
from bot.metering import Account
from bot.speech_server.errors import SpeechUnavailable
from bot.user_error import UserError
from bot.voice.attendance import Attendance
from bot.voice.dialogue.conversation import Conversation
from bot.voice.dialogue.conversation_language import ConversationLanguage
from bot.voice.dialogue.reply import DialogueTexts
from bot.voice.dialogue.reply_mood import ReplyMood
from bot.voice.dialogue.restart import Keeps
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.earlier_call import EarlierCall
from bot.voice.echo.detector import EchoDetector
from bot.voice.ends import CallEndWatcher
from bot.voice.engines import CallEngines, LoadingReport
from bot.voice.events import CallBegan, CallEnded, CallFeed, Watcher
from bot.voice.greeter import Greeter
from bot.voice.input_thread import InputWorker
from bot.voice.listening_notice import CallMode, ListeningTerms
from bot.voice.memory_requests import MemoryRequests
from bot.voice.mixing.mixer import Mixer
from bot.voice.notices import Notices
from bot.voice.playback.playback import ReplyPlayback
from bot.voice.prompt_handles import PromptHandle
from bot.voice.records.captions import CaptionWriter
from bot.voice.records.note_taking import Notebook, NoteTaking
from bot.voice.records.recordings import Recordings
from bot.voice.records.voice_samples import VoiceSamples
from bot.voice.spoken_commands import SpokenCommands
from bot.voice.thinking_sound import ThinkingSound
from bot.voice.transport import EndCause, Transport
from bot.voice.tts.fallback import FallbackSpeech
from bot.voice.turn import Prompt, PromptKind
from bot.voice.turn_taking import TurnTaking
from bot.voice.turns.events import TurnEvent
from bot.voice.turns.turns import TurnDetectors
from bot.voice.utterances.classifier import CallClassifier, SpokenCommand
from config.json_log import CALL
from config.sections import CallSettings, Captions, ThinkingSounds

_log = logging.getLogger(__name__)

CALL_OVER = "❌ The call is over."
TTS_UNAVAILABLE = "❌ TTS pipeline not available. {cause}"
ID_BYTES = 6
"""Length of a call's id, in bytes."""

NOTICES_LIMIT = 1.0
"""Seconds in which what people are told before a restart must be written."""
LAST_SOUND = 0.3
"""Seconds for the last sound to reach people's ears: their programs hold some of it back, to play it evenly."""

T = TypeVar("T", bound=Transport)


def new_call_id() -> str:
    """An id for a call. Ids are random, so that two runs of the bot have no id in common."""
    return token_hex(ID_BYTES)


class Call(Generic[T]):
    """A call. Use it only on the event loop.

    Its methods are called in this order: :meth:`check`, :meth:`open`, :meth:`wait_lost`, :meth:`close`. Nothing runs
    before :meth:`check`, and :meth:`close` ends all that was started.

    Args:
        transport: carries the call. Its type is kept, so a caller can use its own kind of transport.
        engines: the responder, the speech client, the transcriber and the rules from which the call is built.
        consent: says who may be listened to.
        settings: the operator's settings for all calls.
        terms: makes the notice that tells people, when the call begins, what the bot does with their speech.
        data_dir: the folder in which recordings get folders of their own.
        volume: the volume of the bot's speech, 0 to 2.
        report: called during :meth:`open` with the loading progress of the speech server's engine, 0 to 1.
        watch: called with each event of the call.
        server: id of the Discord server for which persona, mood and voice were chosen; 0 outside Discord.
        notebook: stores notes of the call if people ask for them; ``None`` if the operator wants no notes.
        call_id: id of the call; ``None`` for a new one.
        clock: returns monotonic seconds.

    Attributes:
        conversation: the conversation, which answers prompts.
        input_worker: the input thread.
        mixer: plays other sound beneath the bot's voice.
    """

    def __init__(
        self,
        transport: T,
        engines: CallEngines,
        consent: ListeningConsent,
        settings: CallSettings,
        terms: ListeningTerms,
        data_dir: Path,
        *,
        volume: float,
        report: LoadingReport,
        watch: Watcher,
        server: int = 0,
        notebook: Notebook | None = None,
        call_id: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        loop = asyncio.get_running_loop()
        people, character = transport.people, engines.character
        self.transport = transport
        self.server = server
        self._terms = terms
        self._character = character
        self._consent = consent
        self._gate = ListeningGate(consent)
        self._transcriber = engines.transcriber
        self._ambience = engines.ambience
        self._report = report
        self._clock = clock
        self._events = CallFeed(call_id or new_call_id(), clock)
        self._notices = Notices(transport.prompts, self._events)
        self._history = History()

        self._attendance = Attendance(people.attending, lambda person: consent.choice(person) is False, clock)

        # Out: from a prompt (a text that is to be answered) to sound. These parts are built first, because the parts
        # below use them.
        self._speech = engines.make_speech_client(lambda: Account(server, self.conversation.asker))
        speech = FallbackSpeech(self._speech, self._notices)
        self._playback = ReplyPlayback(loop, clock=clock)
        self._playback.volume = volume
        self.mixer = Mixer(self._playback, duck_decibels=settings.duck_db)
        self._thinking = (
            ThinkingSound(self.mixer, lambda: self._playback.buffered_seconds, clock=clock)
            if settings.thinking_sound is ThinkingSounds.ON
            else None
        )
        lines, language = LineChooser(engines.word_lists.lines), ConversationLanguage(engines.language)
        self._language = language
        self._texts = engines.word_lists.lines
        self.conversation = Conversation(
            Dialogue(
                lambda: DialogueTexts.of(character.now().persona),
                voice_speculates=lambda: engines.speculation.voice and engines.voice_may_guess(),
                present=self._is_present,
            ),
            engines.make_responder(self._history, self._room),
            self._history,
            speech,
            self._playback,
            self._notices,
            watch=self._events,
            manner=engines.manner,
            mood=ReplyMood(character, engines.manner_in or (lambda _: engines.manner())),
            language=language,
            speculation=engines.speculation,
            waiting_line=lambda spoken, wait: lines.waiting(character.now().persona.waiting, spoken, wait),
            thinking=self._thinking,
            voice_limited=self._voice_limited,
            clock=clock,
        )
        self._playback.listener = self.conversation

        # In: from sound to a prompt, or to a spoken command.
        detectors = TurnDetectors(engines.detector_policy)
        self.input_worker = InputWorker(
            transport.audio, detectors, EchoDetector(), loop, follower=self.mixer, clock=clock
        )
        classifier = CallClassifier(
            self.conversation,
            people,
            character,
            settings.answer_to,
            engines.word_lists,
            remembers=engines.memory is not None,
            titles=engines.music.titles if engines.music is not None else None,
            clock=clock,
        )
        self._classifier = classifier
        memory = MemoryRequests(engines.memory, self._history, people.attending, lambda: self.conversation.answering)
        self._notes = NoteTaking(
            notebook,
            people.attending,
            people.hears,
            self._notices,
            self._recite,
            terms.notes_began,
            self._aloud,
            lambda: character.now().persona.name,
        )
        self._commands = SpokenCommands(
            self.conversation,
            people,
            character,
            self._notices,
            memory,
            self._notes,
            music=engines.music,
            call=self.id,
            clock=clock,
        )
        self._turn_taking = TurnTaking(
            self._transcriber,
            self.conversation,
            people,
            classifier,
            engines.turn_policy.end_of_turn,
            self.input_worker,
            self._commands,
            self._notices,
            history=self._history,
            watch=self._events,
            speculation=engines.speculation,
            place=server,
            limited=self._ears_limited,
            clock=clock,
        )

        def greet(person: int) -> None:
            self._recite(lines.greeting(character.now().persona.greetings, language.current, people.name(person)))

        def may_greet(person: int) -> bool:
            said = any(turn.person == person for turn in self._history.newest(MAX_TURNS))
            # A person who has talked with the bot already needs no greeting any more.
            willing = self.mode is CallMode.TALK and people.may_talk(person) and consent.choice(person) is not False
            return willing and people.hears(person) and not said

        self._greeter = Greeter(
            self._attendance,
            self.conversation,
            settings.greet,
            engines.greeted,
            may_greet,
            greet,
            clock,
        )

        # Captions, recordings, notes and voice samples, and the watchers of the call's events.
        self._captions = CaptionWriter(transport.captions, lambda: character.now().persona.name, settings.captions)
        self._recordings = Recordings(
            self.input_worker,
            self._events.call,
            transport,
            self._notices,
            self._recite,
            lambda: speech.parameters,
            data_dir,
            remake=settings.remake_recordings,
            clock=clock,
        )
        self._samples = VoiceSamples(self.input_worker, self.conversation, self._gate.admits)
        for watcher in (self._captions, self._recordings.note, self._notes, watch):
            self._events.subscribe(watcher)

        self._ends = CallEndWatcher(transport, self._speech, self._commands.wait_leave_requested, settings, clock=clock)
        self._running: asyncio.Task[None] | None = None
        self._cleanup = AsyncExitStack()
        self._closing = False
        self._began = False
        self._place = ""

    # Start and end.

    def go_on_with(self, earlier: EarlierCall) -> None:
        """Go on with an earlier call. Only before :meth:`check`."""
        for turn in earlier.turns:
            self._history.add(turn)
        self._greeter.knows(earlier.present)
        self._language.expect(earlier.language)

    async def check(self) -> None:
        """Check whether the transport can carry a call, and connect the speech server.

        People in the channel don't notice this check. The speech server stays connected until :meth:`close`.

        Raises:
            UserError: the transport can't carry a call now, or the speech server can't be reached.
        """
        self.transport.check()
        try:
            await self._speech.open()
        except SpeechUnavailable as error:
            raise UserError(TTS_UNAVAILABLE.format(cause=error)) from error
        self._cleanup.push_async_callback(self._speech.close)

    async def open(self) -> None:
        """Join the call and start the conversation.

        Raises:
            UserError: the transport could not join.
        """
        # All tasks of the call inherit it.
        CALL.set(self._events.call)
        # This is registered before connecting, so that the transport is closed even if connecting fails half-way.
        self._cleanup.push_async_callback(self.transport.close)
        await self.transport.connect()
        await self._speech.loaded(self._report)
        self.transport.play(self.mixer, self._sent)
        self._running = asyncio.create_task(self._run(), name="call")
        self._cleanup.push_async_callback(self._stop_running)
        stop_watching = self._character.watch(self.conversation.warm_up)
        self._cleanup.callback(stop_watching)
        self._place = self.transport.place
        began = CallBegan(self.transport.kind, self._place, self.transport.encrypted)
        self._began = True
        self._events(began)

    def _sent(self, pcm: bytes, at: float) -> None:
        # The input thread needs the sound that was played, to recognise its echo and to record it.
        self.input_worker.played(pcm, at, self.mixer.sounding, self.mixer.taken)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._notices.run(), name="call: notices")
            tasks.create_task(self.conversation.run(), name="call: conversation")
            tasks.create_task(self._listen(), name="call: listening")
            tasks.create_task(self._commands.run(), name="call: spoken commands")
            tasks.create_task(self._greeter.run(), name="call: people")
            if self._ambience is not None:
                work = self._ambience.run(self.mixer, self._character, self.server)
                tasks.create_task(work, name="call: ambience")
            if self._thinking is not None:
                tasks.create_task(self._thinking.run(), name="call: thinking sound")

    async def _listen(self) -> None:
        """Listen until cancelled. Then stop everything that this method has started, in reverse order."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._transcriber.release_memory)
            stack.push_async_callback(self._captions.close)
            self._captions.start()
            stack.push_async_callback(self._recordings.stop)
            stack.callback(self._samples.drop, "The call is over.")
            stop_watching = self._consent.watch(self._forget)
            stack.callback(stop_watching)
            stack.push_async_callback(asyncio.to_thread, self.input_worker.end)
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._turn_taking.run(), name="call: turn taking")
                tasks.create_task(self._watch_input_thread(), name="call: input thread")
                # Turn taking begins its run here. Before that it would miss a turn that begins at once: a transport may
                # have kept the first words of a person who did not wait for the call.
                await asyncio.sleep(0)
                self.input_worker.listen(self._on_turn_event, self._admits)
                self._notices.tell(self._terms.notice(self._consent.policy, self.transport.place, self.captions))

    def _on_turn_event(self, event: TurnEvent) -> None:
        if self._thinking is not None:
            self._thinking.follow(event)
        self._turn_taking.on_turn_event(event)

    async def _watch_input_thread(self) -> None:
        await self.input_worker.wait_dead()
        raise RuntimeError("the input thread has ended")

    def _admits(self, person: int) -> bool:
        """Whether a person's sound may be used. Called for each frame, on the input thread."""
        return self._gate.admits(person) and not self.transport.people.is_program(person)

    async def wait_lost(self) -> EndCause:
        """Wait until the call is to end, and return the cause."""
        if self._running is None:
            raise RuntimeError("the call is not open")
        return await self._ends.wait(self._running)

    async def _stop_running(self) -> None:
        self.conversation.stop()
        if self._running is not None:
            # If the task had failed before, :class:`CallEndWatcher` has logged the error already.
            ends_now = self._running.cancel()
            (failed,) = await asyncio.gather(self._running, return_exceptions=True)
            if ends_now and isinstance(failed, Exception):
                _log.error("A part of the call could not be ended as it should", exc_info=failed)

    async def end_sentence(self, limit: float, keeps: Keeps) -> None:
        """Answer no further prompts, and let the sentence end that is being spoken, within ``limit`` seconds.

        Prompts that come from now on are put aside (:attr:`Conversation.set_aside`). Their authors are told so, within
        :data:`NOTICES_LIMIT` more.

        Args:
            keeps: whether a prompt is kept until the bot is back.
        """
        self.conversation.begin_restart(keeps)
        try:
            async with asyncio.timeout(limit):
                await self.conversation.wait_floor_free()
                await asyncio.sleep(LAST_SOUND)
        except TimeoutError:
            self.conversation.end_for_restart()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(NOTICES_LIMIT):
                await self._notices.wait_written()

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
        self._closing = True
        CALL.set(self._events.call)
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
                self._events(CallEnded(self._place, cause.value))

    def _forget(self, person: int) -> None:
        """Drop all sound and words of a person who no longer wants to be listened to."""
        self._samples.drop("That person no longer wants to be listened to.", person)
        self.input_worker.person_left(person)
        self.conversation.end_late_tools(person)
        self._history.forget(person)
        self._attendance.forget(person)
        self._captions.forget(person)
        self._recordings.forget(person)

    def forget_words(self, has: Callable[[str], bool]) -> None:
        """Remove from the history each turn whose text ``has`` finds words in that are to be forgotten."""
        self._history.forget_words(has)

    def _is_present(self, person: int) -> bool:
        """Whether a person is in the call. The person of a call in which nobody comes and goes always is."""
        people = self.transport.people.attending()
        return not people or person in people

    def _room(self) -> CallRoom:
        """The place of the call and the people in it, for the model."""
        self._greeter.came(self._attendance.look())
        room = self.transport.room
        said = [turn.speaker for turn in self._history.newest(MAX_TURNS) if turn.role == "user"]
        last = [f"Spoke last: {said[-1]}."] if said and len(room.people) > 1 else []
        return replace(room, description="\n".join((room.description, *self._attendance.lines(), *last)))

    # Control of an active call.

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Pass the events of this call on to ``watcher`` too. The returned function ends that."""
        return self._events.subscribe(watcher)

    @property
    def id(self) -> str:
        """The id of the call, which no other call has."""
        return self._events.call

    @property
    def character(self) -> Character:
        """The bot's current persona and mood in this call."""
        return self._character.now()

    @property
    def language(self) -> str | None:
        """The conversation's language, as Whisper's code; ``None`` before there is one."""
        return self._language.current

    @property
    def voice_connected(self) -> bool:
        """Whether the speech server is connected."""
        return self._speech.connected

    def say(self, prompt: Prompt) -> PromptHandle:
        """Queue a prompt. Prompts are answered in order."""
        return self.conversation.prompt(prompt)

    def take_memory_request(self, person: int, name: str, text: str) -> bool:
        """Carry out what a person has typed, if it is a request about the memory. Returns whether it was one."""
        request = self._classifier.memory_request(text)
        if request is None:
            return False
        self._commands.execute(SpokenCommand(request.command, person, name, None, request.choice, request.language))
        return True

    def tell(self, text: str) -> None:
        """Write a text in the prompt channel."""
        self._notices.tell(text)

    async def announce(self, written: str, spoken: Announcement | None = None) -> PromptHandle | None:
        """Tell everybody in the call something: in the prompt channel and, if ``spoken`` is given, aloud."""
        await self._notices.announce(written)
        return None if spoken is None else self._recite(self._aloud(spoken))

    def _aloud(self, announcement: Announcement) -> str:
        """An announcement in the language that is spoken in the call."""
        return self._texts.announcement(announcement, self._language.current)

    def _recite(self, text: str) -> PromptHandle:
        return self.say(Prompt("", text, self._clock(), kind=PromptKind.RECITE))

    def _voice_limited(self) -> None:
        """Today's limit has kept a reply from being spoken. It was written instead, so there is nothing to do."""

    def _ears_limited(self) -> None:
        """Today's limit keeps speech from being transcribed. That was written, so there is nothing to do."""

    def arrived(self, person: int) -> None:
        """Have a person greeted who has come, where the transport's list of people does not show that."""
        self._greeter.came((person,))

    def may_talk(self, person: int) -> bool:
        """Whether the bot answers this person's speech and messages."""
        return self.transport.people.may_talk(person)

    @property
    def volume(self) -> float:
        """Volume of the bot's speech, 0 to 2."""
        return self._playback.volume

    @volume.setter
    def volume(self, value: float) -> None:
        self._playback.volume = value

    @property
    def listening(self) -> bool:
        """Whether the bot listens to anybody."""
        return self._gate.listening

    @listening.setter
    def listening(self, listening: bool) -> None:
        self._gate.listening = listening
        if not listening:
            self.input_worker.forget_everyone()
            self._samples.drop("I don't listen to anybody any more.")

    @property
    def captions(self) -> Captions:
        """The place where captions are written."""
        return self._captions.place

    @captions.setter
    def captions(self, place: Captions) -> None:
        self._captions.place = place

    @property
    def mode(self) -> CallMode:
        """Whether speech is answered, or only written down."""
        return self._turn_taking.mode

    @mode.setter
    def mode(self, mode: CallMode) -> None:
        self._turn_taking.mode = mode

    @property
    def recording(self) -> bool:
        """Whether the call is being recorded, or a recording is being announced."""
        return self._recordings.recording

    async def start_recording(self, written: str) -> None:
        """Announce a recording, in writing and aloud. The recording begins when the announcement ends.

        Raises:
            RecordingError: recording is not possible, or every announcement was interrupted.
        """
        await self._recordings.start(written, self._aloud(Announcement.RECORDING_BEGAN))

    async def stop_recording(self) -> None:
        """End the recording and close its files."""
        await self._recordings.stop()

    @property
    def taking_notes(self) -> bool:
        """Whether notes are taken, or are being announced."""
        return self._notes.on

    async def start_notes(self, asked_by: str) -> None:
        """Announce notes, in writing and aloud. They begin when the announcement ends.

        Raises:
            NotesError: the operator wants none, or every announcement was interrupted.
        """
        await self._notes.start(asked_by)

    async def finish_notes(self) -> None:
        """Take no further notes, and tell everybody."""
        await self._notes.finish()

    async def sample_voice(self, person: int) -> Sound16:
        """Record some seconds of speech of a person who agreed to it. The bot is silent meanwhile and does not answer.

        Raises:
            SampleError: no sample could be taken, or the person withdrew the consent.
        """
        return await self._samples.take(person)

"""A call: all the parts that run while it is on, over any transport. Discord is one; a telephone would be another.

In: the transport turns packets into frames of each person's sound and gives them to the ear, a thread of its own. There
the turn detectors find out, from the sound, when somebody speaks, pauses and has finished. At a pause, turn taking has
the words transcribed and asks the turn policy how likely this is the end; the detector waits longer or shorter for
it, and has the last word. Meanwhile an answer is prepared on the guess that it was the end. Where the person goes on,
turn taking withdraws the guess: the model's stream is closed, and nothing of it was heard, shown or remembered.

Out: the conversation asks the companion (the language model), sends its words to the speech server, and plays what
comes back, through the transport, frame by frame. The playback says how much was really played. So a reply that is
interrupted enters the history, the captions and the records only as far as people have heard it.

:class:`Call` builds these parts, each before those that are handed it, so what comes last in a turn is built first.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from secrets import token_hex
from typing import Generic, TypeVar

from audio.samples import Sound16
from bot.consent import ListeningConsent, ListeningGate
from bot.llm.circumstances import CallRoom
from bot.llm.history import History
from bot.llm.personas import Character
from bot.speech_server.errors import SpeechUnavailable
from bot.user_error import UserError
from bot.voice.dialogue.conversation import Conversation
from bot.voice.dialogue.conversation_language import ConversationLanguage
from bot.voice.dialogue.progress import DialogueTexts
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.ear import Ear
from bot.voice.echo.detector import EchoDetector
from bot.voice.ends import CallEnds
from bot.voice.engines import CallEngines, LoadingReport
from bot.voice.events import CallBegan, CallEnded, CallFeed, Watcher
from bot.voice.listening import CallMode, ListeningTerms
from bot.voice.notices import Notices
from bot.voice.records.captions import CaptionWriter
from bot.voice.records.recordings import Recordings
from bot.voice.records.voice_samples import VoiceSamples
from bot.voice.remarks.judge import CallJudge
from bot.voice.saying import Saying
from bot.voice.speaking.playback import ReplyPlayback
from bot.voice.speaking.reply_voice import ReplyVoice
from bot.voice.spoken_commands import SpokenCommands
from bot.voice.transport import EndCause, Transport
from bot.voice.turn import Prompt, PromptKind
from bot.voice.turn_taking import TurnTaking
from bot.voice.turns.turns import Turns
from config.sections import CallSettings, Captions

TTS_UNAVAILABLE = "❌ TTS pipeline not available. {cause}"
ID_BYTES = 6
"""Of a call's id: random, so that two runs of the bot have no id in common."""

T = TypeVar("T", bound=Transport)


class Call(Generic[T]):
    """A call. It belongs to the event loop.

    Nothing runs until :meth:`check` and then :meth:`open`; :meth:`close` ends everything that they have started.

    Args:
        volume: 0 to 2.
        report: told how far the speech server's voice has loaded, during :meth:`open`.
        consent: who may be listened to.
        terms: what people are told of it.
        data_dir: where recordings go.
        watch: told what happens in the call.
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
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        loop = asyncio.get_running_loop()
        people, character = transport.people, engines.character
        self.transport = transport
        self._terms = terms
        self._character = character
        self._consent = consent
        self._gate = ListeningGate(consent)
        self._transcriber = engines.transcriber
        self._report = report
        self._clock = clock
        self._events = CallFeed(token_hex(ID_BYTES), clock)
        self._notices = Notices(transport.prompts, self._events)
        self._history = History()

        # Out: from a prompt (what somebody wants answered) to sound. Built first, since what comes in ends here.
        self._speech = engines.make_voice()
        voice = ReplyVoice(self._speech, self._notices)
        self._playback = ReplyPlayback(loop, clock=clock)
        self._playback.volume = volume
        self.conversation = Conversation(
            Dialogue(lambda: DialogueTexts.of(character.now().persona)),
            engines.make_companion(self._history, self._room),
            self._history,
            voice,
            self._playback,
            self._notices,
            watch=self._events,
            manner=engines.manner,
            language=ConversationLanguage(),
            clock=clock,
        )
        self._playback.listener = self.conversation

        # In: from sound to a prompt, or to a spoken command.
        self.ear = Ear(transport.audio, Turns(engines.turn_policy), EchoDetector(), loop, clock=clock)
        self._commands = SpokenCommands(self.conversation, people, character, self._notices, clock=clock)
        self._turn_taking = TurnTaking(
            self._transcriber,
            self.conversation,
            people,
            CallJudge(self.conversation, people, character, settings.answer_to, engines.word_lists, clock=clock),
            engines.turn_policy.end_of_turn,
            self.ear,
            self._commands,
            self._notices,
            history=self._history,
            watch=self._events,
            clock=clock,
        )

        # What is kept of the call, and who is told of it.
        self._captions = CaptionWriter(transport.captions, lambda: character.now().persona.name, settings.captions)
        self._recordings = Recordings(
            self.ear,
            transport,
            self._notices,
            self._recite,
            lambda: voice.parameters,
            data_dir,
            remake=settings.remake_recordings,
            clock=clock,
        )
        self._samples = VoiceSamples(self.ear, self.conversation, self._gate.admits)
        for watcher in (self._captions, self._recordings.note, watch):
            self._events.subscribe(watcher)

        self._ends = CallEnds(transport, self._speech, self._commands.wait_sent_away, settings, clock=clock)
        self._running: asyncio.Task[None] | None = None
        self._open = AsyncExitStack()
        self._began = False

    def _room(self) -> CallRoom:
        return CallRoom(self.transport.place, self.transport.people.names())

    # Lifecycle.

    async def check(self) -> None:
        """See whether the call can be had, before anything is held for it.

        The speech server stays connected from here on.

        Raises:
            UserError: the transport can't carry it now, or the speech server can't be reached.
        """
        self.transport.check()
        try:
            await self._speech.open()
        except SpeechUnavailable as error:
            raise UserError(TTS_UNAVAILABLE.format(cause=error)) from error
        self._open.push_async_callback(self._speech.close)

    async def open(self) -> None:
        """Join, and begin to converse.

        Raises:
            UserError: the transport could not join.
        """
        self._open.push_async_callback(self.transport.close)
        await self.transport.connect()
        await self._speech.loaded(self._report)
        self.transport.play(self._playback, self._sent)
        self._running = asyncio.create_task(self._run(), name="call")
        self._open.push_async_callback(self._stop_running)
        self._open.callback(self._character.watch(self.conversation.get_ready))
        self._began = True
        self._events(CallBegan(self.transport.kind, self.transport.place, self.transport.encrypted))

    def _sent(self, pcm: bytes, at: float) -> None:
        # The ear must know what was played: to recognise its echo, and to record it.
        self.ear.played(pcm, at, self._playback.sounding)

    async def _run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._notices.run(), name="call: notices")
            tasks.create_task(self.conversation.run(), name="call: conversation")
            tasks.create_task(self._listen(), name="call: listening")
            tasks.create_task(self._commands.run(), name="call: spoken commands")

    async def _listen(self) -> None:
        """Listen until cancelled; then end, in reverse, what is begun here."""
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self._transcriber.rest)
            stack.push_async_callback(self._captions.close)
            self._captions.start()
            stack.push_async_callback(self._recordings.stop)
            stack.callback(self._samples.drop, "The call is over.")
            stack.callback(self._consent.watch(self._forget))
            stack.push_async_callback(asyncio.to_thread, self.ear.end)
            self.ear.listen(self._turn_taking.on_turn_event, self._admits)
            self._notices.tell(self._terms.notice(self._consent.policy, self.transport.place, self.captions))
            await self._turn_taking.run()

    def _admits(self, person: int) -> bool:
        """Whether this person's sound may be used; asked for every piece of it, on the ear's thread."""
        return self._gate.admits(person) and not self.transport.people.is_program(person)

    async def wait_lost(self) -> EndCause:
        """Return when the call can't go on by itself, or a part of it has failed."""
        if self._running is None:
            raise RuntimeError("the call is not open")
        return await self._ends.first(self._running)

    async def _stop_running(self) -> None:
        self.conversation.stop()
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def close(self, cause: EndCause) -> None:
        """Fall silent, leave, and let go of everything; also after a failed or cancelled :meth:`open`."""
        place = self.transport.place
        await self._open.aclose()
        if self._began:
            self._began = False
            self._events(CallEnded(place, cause.value))

    def _forget(self, person: int) -> None:
        """Drop all that is held of somebody who does not want to be listened to any more."""
        self._samples.drop("They no longer want to be listened to.", person)
        self.ear.left(person)
        self._history.forget(person)
        self._captions.forget(person)
        self._recordings.forget(person)

    # Commands, and settings for as long as the call is on.

    @property
    def character(self) -> Character:
        """Who the bot is in this call, now."""
        return self._character.now()

    @property
    def voice_connected(self) -> bool:
        """True while the speech server can be reached."""
        return self._speech.connected

    def say(self, prompt: Prompt) -> Saying:
        """Queue a prompt; prompts are answered in their order."""
        return self.conversation.prompt(prompt)

    async def announce(self, written: str, spoken: str | None = None) -> Saying | None:
        """Tell everyone in the call: in the prompt channel and, where there are words for it, aloud."""
        await self._notices.announce(written)
        return None if spoken is None else self._recite(spoken)

    def _recite(self, text: str) -> Saying:
        return self.say(Prompt("", text, self._clock(), kind=PromptKind.RECITE))

    def may_talk(self, person: int) -> bool:
        """Whether the bot answers this user, whether they speak or type."""
        return self.transport.people.may_talk(person)

    @property
    def volume(self) -> float:
        """How loud the bot speaks, 0 to 2."""
        return self._playback.volume

    @volume.setter
    def volume(self, value: float) -> None:
        self._playback.volume = value

    @property
    def listening(self) -> bool:
        """Whether it listens to anybody."""
        return self._gate.listening

    @listening.setter
    def listening(self, listening: bool) -> None:
        self._gate.listening = listening
        if not listening:
            self.ear.forget_everyone()
            self._samples.drop("I don't listen to anybody any more.")

    @property
    def captions(self) -> Captions:
        """Where captions are written."""
        return self._captions.place

    @captions.setter
    def captions(self, place: Captions) -> None:
        self._captions.place = place

    @property
    def mode(self) -> CallMode:
        """What is done with what is heard."""
        return self._turn_taking.mode

    @mode.setter
    def mode(self, mode: CallMode) -> None:
        self._turn_taking.mode = mode

    @property
    def recording(self) -> bool:
        """Whether sound is being kept, or people are being told that it will be."""
        return self._recordings.recording

    async def start_recording(self, written: str, spoken: str) -> None:
        """Tell everyone, in writing and aloud, and keep sound when they have heard it.

        Raises:
            RecordingError: see :meth:`~bot.voice.records.recordings.Recordings.start`.
        """
        await self._recordings.start(written, spoken)

    async def stop_recording(self) -> None:
        """Keep no more, and close the files."""
        await self._recordings.stop()

    async def sample_voice(self, person: int) -> Sound16:
        """Some seconds of speech from a person who agreed to it. It is not answered, and the bot is silent meanwhile.

        Raises:
            SampleError: no sample could be taken, or it was called off.
        """
        return await self._samples.take(person)

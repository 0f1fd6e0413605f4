"""The parts of a call: builds all parts of a conversation by voice, and connects them.

A transport carries the call: Discord, a browser or a telephone, each a package beside this file.
``bot/voice/transport.py`` says what a transport has to do. For a new transport, nothing in this file changes.

In, from sound to a prompt:

- The transport turns packets into frames. A frame is a piece of one person's sound. The input thread
  (:class:`InputWorker`) processes each frame (:class:`InputProcessor`): it keeps the bot's own echo out and passes the
  frame to its person's turn detector (:class:`TurnDetectors`). A detector finds out when its person speaks, pauses and
  has finished. Recordings and voice samples get the sound, too.
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

:class:`CallParts` builds each part before the parts that use it. Turn taking uses the conversation, so "out" is built
before "in". Then come the parts that people control during a call (captions, recordings, voice samples), and the part
that watches for the end of the call. :class:`~bot.voice.call.Call` starts and ends them.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Generic, TypeVar

from bot.consent import ListeningConsent, ListeningGate
from bot.llm.history import MAX_TURNS, History
from bot.llm.prompts import CallRoom
from bot.llm.spoken_lines import Announcement, LineChooser
from bot.metering import Account
from bot.voice.attendance import Attendance
from bot.voice.dialogue.conversation import Conversation
from bot.voice.dialogue.conversation_language import ConversationLanguage
from bot.voice.dialogue.reply_mood import ReplyMood
from bot.voice.dialogue.state_machine import Dialogue
from bot.voice.dialogue.texts import DialogueTexts
from bot.voice.echo.detector import EchoDetector
from bot.voice.ends import CallEndWatcher
from bot.voice.engines import CallEngines
from bot.voice.events import CallFeed, Watcher
from bot.voice.greeter import Greeter
from bot.voice.input_processor import InputProcessor
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
from bot.voice.transport import Transport
from bot.voice.tts.fallback import FallbackSpeech
from bot.voice.turn import Prompt, PromptKind
from bot.voice.turn_taking import TurnTaking
from bot.voice.turns.turns import TurnDetectors
from bot.voice.utterances.classifier import CallClassifier
from config.sections import CallSettings, ThinkingSounds

ID_BYTES = 6
"""Length of a call's id, in bytes."""

T = TypeVar("T", bound=Transport)


def new_call_id() -> str:
    """An id for a call. Ids are random, so that two runs of the bot have no id in common."""
    return token_hex(ID_BYTES)


class CallParts(Generic[T]):
    """All parts of a call, connected. Nothing runs yet. Build and use it on the event loop.

    Args:
        transport: carries the call. The attribute has the same type, so a caller gets its own kind of transport back.
        engines: the responder, the speech client, the transcriber and the rules from which the call is built.
        consent: says who may be listened to.
        settings: the operator's settings for all calls.
        terms: makes the notice that tells people, when the call begins, what the bot does with their speech.
        data_dir: the folder in which recordings get folders of their own.
        volume: the volume of the bot's speech, 0 to 2.
        watch: called with each event of the call.
        server: id of the Discord server for which persona, mood and voice were chosen; 0 for the page, 1 for the
            telephone.
        notebook: stores notes of the call if people ask for them; ``None`` if the operator wants no notes.
        call_id: id of the call; ``None`` for a new one.
        clock: returns monotonic seconds.

    Attributes:
        when_model_limited: called once, when today's limit keeps the model from answering. People were told so in
            writing, and by default they are also told aloud.
        when_voice_limited: called when today's limit has kept a reply from being spoken. The reply was written.
        when_ears_limited: called once, when today's limit keeps speech from being transcribed. People were told so in
            writing, and by default they are also told aloud.
        when_words_lost: called when speech could not be transcribed for another reason, and people were told so in
            writing.
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
        self.terms = terms
        self.character = character
        self.consent = consent
        self.gate = ListeningGate(consent)
        self.transcriber = engines.transcriber
        self.ambience = engines.ambience
        self._clock = clock
        self.when_model_limited: Callable[[], object] = lambda: self.recite(self.aloud(Announcement.LIMIT))
        self.when_voice_limited: Callable[[], None] = lambda: None
        self.when_ears_limited: Callable[[], object] = lambda: self.recite(self.aloud(Announcement.ONLY_TYPE))
        self.when_words_lost: Callable[[], object] = lambda: None
        self.events = CallFeed(call_id or new_call_id(), clock)
        self.notices = Notices(transport.prompts, self.events)
        self.history = History()

        self.attendance = Attendance(people.attending, lambda person: consent.choice(person) is False, clock)

        # Out: from a prompt (a text that is to be answered) to sound. These parts are built first, because the parts
        # below use them.
        self.speech = engines.make_speech_client(lambda: Account(server, self.conversation.asker))
        speech = FallbackSpeech(self.speech, self.notices)
        self.playback = ReplyPlayback(loop, clock=clock)
        self.playback.volume = volume
        self.mixer = Mixer(self.playback, duck_decibels=settings.duck_db)
        self.thinking = (
            ThinkingSound(self.mixer, lambda: self.playback.buffered_seconds, clock=clock)
            if settings.thinking_sound is ThinkingSounds.ON
            else None
        )
        lines, language = LineChooser(engines.word_lists.lines), ConversationLanguage(engines.language)
        self.language = language
        self._texts = engines.word_lists.lines
        self.conversation = Conversation(
            Dialogue(
                lambda: DialogueTexts.of(character.now().persona),
                voice_speculates=lambda: engines.speculation.voice and engines.voice_may_guess(),
                present=self._is_present,
            ),
            engines.make_responder(self.history, self._room),
            self.history,
            speech,
            self.playback,
            self.notices,
            watch=self.events,
            manner=engines.manner,
            mood=ReplyMood(character, engines.manner_in or (lambda _: engines.manner())),
            language=language,
            speculation=engines.speculation,
            waiting_line=lambda spoken, wait: lines.waiting(character.now().persona.waiting, spoken, wait),
            thinking=self.thinking,
            when_model_limited=lambda: self.when_model_limited(),
            voice_limited=lambda: self.when_voice_limited(),
            clock=clock,
        )
        self.playback.listener = self.conversation.sound

        # In: from sound to a prompt, or to a spoken command.
        processor = InputProcessor(TurnDetectors(engines.detector_policy), EchoDetector(), follower=self.mixer)
        self.input_worker = InputWorker(transport.audio, processor, loop, clock=clock)
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
        self.classifier = classifier
        memory = MemoryRequests(engines.memory, self.history, people.attending, lambda: self.conversation.answering)
        self.notes = NoteTaking(
            notebook,
            people.attending,
            people.hears,
            self.notices,
            self.recite,
            terms.notes_began,
            self.aloud,
            lambda: character.now().persona.name,
        )
        self.commands = SpokenCommands(
            self.conversation,
            people,
            character,
            self.notices,
            memory,
            self.notes,
            music=engines.music,
            call=self.events.call,
            clock=clock,
        )
        self.turn_taking = TurnTaking(
            self.transcriber,
            self.conversation,
            people,
            classifier,
            engines.turn_policy.end_of_turn,
            self.input_worker,
            self.commands,
            self.notices,
            history=self.history,
            watch=self.events,
            speculation=engines.speculation,
            place=server,
            limited=lambda: self.when_ears_limited(),
            lost=lambda: self.when_words_lost(),
            clock=clock,
        )

        def greet(person: int) -> None:
            greetings = character.now().persona.greetings
            self.recite(lines.greeting(greetings, language.current, people.name(person)), told_to=person)

        def may_greet(person: int) -> bool:
            said = any(turn.person == person for turn in self.history.newest(MAX_TURNS))
            # A person who has talked with the bot already needs no greeting any more.
            willing = (
                self.turn_taking.mode is CallMode.TALK
                and people.may_talk(person)
                and consent.choice(person) is not False
            )
            return willing and people.hears(person) and not said

        self.greeter = Greeter(
            self.attendance,
            self.conversation,
            settings.greet,
            engines.greeted,
            may_greet,
            greet,
            clock,
        )

        # Captions, recordings, notes and voice samples, and the watchers of the call's events.
        self.captions = CaptionWriter(transport.captions, lambda: character.now().persona.name, settings.captions)
        self.recordings = Recordings(
            processor,
            self.events.call,
            transport,
            self.notices,
            self.recite,
            self.aloud,
            lambda: speech.parameters,
            data_dir,
            consent.admits,
            remake=settings.remake_recordings,
            clock=clock,
        )
        self.samples = VoiceSamples(self.input_worker, self.conversation, self.gate.admits)
        for watcher in (self.captions, self.recordings.note, self.notes, watch):
            self.events.subscribe(watcher)

        self.ends = CallEndWatcher(transport, self.speech, self.commands.wait_leave_requested, settings, clock=clock)

    def _is_present(self, person: int) -> bool:
        """Whether a person is in the call. Always True if nobody can join or leave calls over this transport."""
        people = self.transport.people.attending()
        return not people or person in people

    def _room(self) -> CallRoom:
        """The place of the call and the people in it, for the model."""
        self.greeter.came(self.attendance.look())
        room = self.transport.room
        said = [turn.speaker for turn in self.history.newest(MAX_TURNS) if turn.role == "user"]
        last = [f"Spoke last: {said[-1]}."] if said and len(room.people) > 1 else []
        return replace(room, description="\n".join((room.description, *self.attendance.lines(), *last)))

    def aloud(self, announcement: Announcement) -> str:
        """An announcement in the language that is spoken in the call."""
        return self._texts.announcement(announcement, self.language.current)

    def recite(self, text: str, told_to: int | None = None) -> PromptHandle:
        """Speak a text when the floor is free. ``told_to``: see :class:`~bot.voice.turn.Prompt`."""
        return self.conversation.prompt(Prompt("", text, self._clock(), kind=PromptKind.RECITE, told_to=told_to))

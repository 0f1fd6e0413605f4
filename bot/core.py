"""The core of the bot: all parts that calls over any transport need. The core does not depend on Discord.

:mod:`bot.app` adds the Discord client with its commands and features. :mod:`bot.talk` adds only the page.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from bot.background import BackgroundWork
from bot.backup.moving import undo_and_clean_up
from bot.binding import take_port
from bot.call_announcer import CallAnnouncer
from bot.call_ends import CallEnds
from bot.call_factory import CallFactory
from bot.characters import Characters
from bot.consent import ListeningConsent, effective_listening_policy
from bot.controls.leaving import LateLeaving
from bot.controls.music_tools import music_tools
from bot.controls.sound_tools import sound_tools
from bot.controls.tools import Controls
from bot.controls.volumes import Volumes
from bot.controls.words import ControlWords
from bot.conversations.recordings import CallRecordings
from bot.cores import usable_cores
from bot.data_dir_lock import data_dir_lock
from bot.database import FILE as DATABASE_FILE
from bot.database import Database
from bot.engine_checks import EngineChecks
from bot.engine_warnings import engine_warning
from bot.engines import Engines, open_engines
from bot.heartbeat import FILE as HEARTBEAT_FILE
from bot.heartbeat import beat
from bot.ignored import IgnoredPeople
from bot.lease import Lease
from bot.llm.personas import PERSONAS_DIR
from bot.llm.small_model import SmallPrompts, load_small_prompts
from bot.long_term import KeepingRules, LongTerm, open_long_term
from bot.memory_answers import MemoryAnswers
from bot.missing_parts import missing_parts
from bot.monitoring.monitor import Monitor
from bot.monitoring.turns import TurnLog
from bot.monitoring.warnings import voice_remedy
from bot.music.ambience import Ambience
from bot.music.control import MusicControl
from bot.music.service import MusicService
from bot.music.sound_board import SoundBoard
from bot.music.web_music import WebMusic
from bot.operator_files import corrections_file, own_persona, prepare_folders, read_corrections
from bot.own_engines import Progress
from bot.own_tools import make_tools
from bot.paid_servers import costing_kinds
from bot.personal_data.noted import NotedLines
from bot.personal_data.personal_data import PersonalStores
from bot.personal_data.remembered import RememberedFacts
from bot.personal_data.stores import all_stores
from bot.personal_data.used import UsedEngines
from bot.phone_ports import check_phone_ports
from bot.reminders.records import ReminderRecords
from bot.reminders.reminders import Reminders
from bot.reminders.texts import ReminderLines
from bot.speculation_policy import allowed_speculation, has_spare_power
from bot.spoken_messages.file_transcriber import FileTranscriber
from bot.store import Store
from bot.tools.registry import ToolRegistry
from bot.typed_memory import TypedMemory
from bot.usage.usage import Usage
from bot.voice.call import Call
from bot.voice.events import EnginesReady, EventFeed, Ready, Watcher, WebReady
from bot.voice.manager import CallManager
from bot.voice.phone.people import PHONE_PLACE
from bot.voice.transcribe.learning import LearnedCorrections
from bot.voice.transcribe.shared import SharedTranscriber
from bot.voice.tts.moods import load_moods, speech_parameters
from bot.voice.turn import Prompt
from bot.voice.utterances.word_lists import load_word_lists
from bot.voices.voices import Voices
from bot.watching.traces import TraceFile
from config.sections import MoodFollows
from config.settings import Settings
from config.speech_settings import SpeechSettings, engine_variables
from hardware.poll import CardPoll
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)

SENTENCE_LIMIT = 4.0
"""Seconds that a sentence may go on after the bot was told to end."""


@dataclass(frozen=True, slots=True)
class Core:
    """The parts that every transport's calls need. Made by :func:`build_core`.

    Attributes:
        listening: the sockets of the HTTP server. Its port is taken before anything large is loaded.
        clock: returns the current time in the people's time zone.
        watch: gets the events of all calls.
        engines: the mind, the ears and the voice of all calls.
        long_term: what outlives a call: what people said, and what is remembered of it.
        typed_memory: carries out requests about the memory that are written outside of calls.
        calls: builds calls.
        manager: starts and ends all calls.
        call_ends: passes the end of each call on to its listeners.
        tools: the tools of the bot and of MCP servers, in every place where people talk with the bot.
        controls: what the bot can change about itself when it is asked.
        volumes: how loud the bot speaks in each place.
        music: the music of calls.
        music_control: plays music, and controls it, when people ask for that.
        sounds: the sound board.
        usage: counts how much the engines are used: tokens, and seconds of sound.
        personal_data: everything that is stored about a person.
        monitor: the figures of all calls, engines and graphics cards.
        background: the background tasks of all parts.
        warning: names the engines that are only small models or toys, and the settings for better ones; ``None`` if
            there are no such engines.
    """

    settings: Settings
    listening: Sequence[socket.socket]
    database: Database
    store: Store
    clock: Callable[[], datetime]
    watch: EventFeed
    engines: Engines
    learned_corrections: LearnedCorrections
    file_transcriber: FileTranscriber
    voices: Voices
    characters: Characters
    small_prompts: SmallPrompts
    ignored: IgnoredPeople
    consent: ListeningConsent
    long_term: LongTerm
    typed_memory: TypedMemory
    reminders: Reminders
    usage: Usage
    personal_data: PersonalStores
    tools: ToolRegistry
    controls: Controls
    volumes: Volumes
    music: MusicService
    music_control: MusicControl
    sounds: SoundBoard
    calls: CallFactory
    lease: Lease
    manager: CallManager[Call[Any]]
    call_ends: CallEnds
    checks: EngineChecks
    monitor: Monitor
    background: BackgroundWork
    warning: str | None

    def in_call(self) -> bool:
        """Whether a call is running, beginning or ending."""
        return bool(self.manager.occupants)

    def begin(self) -> None:
        """Start the background tasks of the core. Call this once all parts are built."""
        beating = partial(beat, self.settings.data_dir / HEARTBEAT_FILE, state=self.checks.state)
        self.background.begin({"heartbeat": beating, "health": self.checks.run, "usage": self.usage.run})
        self.background.begin({"the models' context": self.engines.models.learn_context_sizes})
        self.background.begin({"the graphics cards": partial(self.monitor.cards.run, lambda _: None)})
        if self.tools.servers:
            self.background.begin({"MCP servers": self._run_tool_servers})
        self.background.begin({"corrections": self.learned_corrections.follow})
        self.long_term.begin(self.background, self.in_call)

    def be_ready(self, page: str, when_warm: Callable[[], None] | None) -> None:
        """Report that calls are possible from now on.

        Args:
            page: the address of the page.
            when_warm: called once all engines are loaded. If it is ``None``, the first call loads them.
        """
        # Reminders can be told from now on: in calls, and where there is Discord, by pings.
        self.background.begin(
            {"reminders": self.reminders.run, "notes of past calls": self.long_term.notes.finisher.run}
        )
        self.watch(Ready(at=time.monotonic()))
        self.watch(WebReady(page, at=time.monotonic()))
        if when_warm is not None:
            self.background.begin({"warm-up": partial(self._warm_up, when_warm)})

    async def _run_tool_servers(self) -> None:
        """Keep the MCP servers running, if tools are offered to at least one model."""
        await self.engines.models.learn_model_sizes()
        if self.engines.models.take_tools({each.model for each in self.characters.personas.values()}):
            await self.tools.run()
        else:
            file = self.settings.tools_file
            _log.warning("The MCP servers of TOOLS_FILE=%s are not started: the model is too small for tools", file)

    async def _warm_up(self, when_warm: Callable[[], None]) -> None:
        await self.engines.warm_up(lambda: self.characters.default, self.in_call, self.clock, self.small_prompts)
        self.watch(EnginesReady(at=time.monotonic()))
        when_warm()

    async def end_sentences(self, keeps: Callable[[Call[Any], Prompt], bool] = lambda call, prompt: False) -> None:
        """Let the sentence that is being spoken in each call end, within :data:`SENTENCE_LIMIT`.

        Args:
            keeps: gets a call and one of its prompts; returns whether the prompt is kept until the bot is back.
        """
        calls = self.manager.calls
        await asyncio.gather(*(call.end_sentence(SENTENCE_LIMIT, partial(keeps, call)) for call in calls))

    async def end_calls(self) -> None:
        """End all calls, and begin nothing new.

        The background tasks end first. Otherwise those that are paused during calls would resume and begin something
        new.
        """
        await self.background.end()
        await self.manager.close()


@asynccontextmanager
async def build_core(settings: Settings, watchers: Sequence[Watcher], progress: Progress) -> AsyncIterator[Core]:
    """Build all parts, in order. When the context ends, end all calls and stop all parts in reverse order.

    Raises:
        DataDirInUseError, WebBindError, PhoneStartError, DatabaseError, ServiceError, RealWeightsMissingError,
            BrokenFileError, OSError: a part could not be built. The text says what to do.
    """
    await asyncio.to_thread(prepare_folders, settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(data_dir_lock(settings.data_dir))
        if await asyncio.to_thread(undo_and_clean_up, settings.data_dir):
            _log.warning("A restore was broken off half-way. It was undone: all data are as before the restore")
        # The persona is checked before it is used, so that an error names the setting.
        await asyncio.to_thread(own_persona, settings)
        listening = await asyncio.to_thread(take_port, settings.web)
        for each in listening:
            stack.enter_context(closing(each))
        await asyncio.to_thread(check_phone_ports, settings)
        moods = await asyncio.to_thread(load_moods)
        word_lists = await asyncio.to_thread(load_word_lists)
        small_prompts = await asyncio.to_thread(load_small_prompts)
        database = await stack.enter_async_context(Database.opened(settings.data_dir / DATABASE_FILE))
        follow_model = settings.mood_follows is MoodFollows.MODEL
        of_phone = {} if settings.phone.persona is None else {PHONE_PLACE: settings.phone.persona}
        characters = await Characters.open(
            database, PERSONAS_DIR, settings.persona, follow_model=follow_model, own_defaults=of_phone
        )
        zone = ZoneInfo(settings.timezone)

        def clock() -> datetime:
            return datetime.now(zone)

        online = (await asyncio.to_thread(engine_variables)).get("OPENAI_BASE_URL")
        costing = costing_kinds(settings, online)
        usage = await stack.enter_async_context(Usage.opened(database, clock, settings.daily, costing))
        store = Store(database)
        turn_log = TurnLog()
        watch = EventFeed(*watchers, turn_log, stack.enter_context(TraceFile(settings.data_dir)))

        corrections = await asyncio.to_thread(read_corrections, settings)
        engines = await open_engines(settings, database, corrections, stack, progress, usage)
        model = engines.models.for_calls_client
        voices = await Voices.load(engines.speech_server, database, settings.command_prefix)

        def parameters_at(place: int, mood: str | None = None) -> SpeechParameters:
            character = characters.at(place)
            return speech_parameters(replace(character, mood=mood or character.mood), moods, voices.manner(place))

        ignored = await IgnoredPeople.load(database)
        policy = await effective_listening_policy(store, settings)
        consent = await ListeningConsent.load(store, policy)

        rules = KeepingRules(consent, ignored, characters, settings.memory)
        long_term = await stack.enter_async_context(
            open_long_term(settings, database, store, rules, engines.models, engines.http, clock, usage)
        )
        memory, notes, conversations = long_term.memory, long_term.notes, long_term.conversations
        lease, call_ends = Lease(), CallEnds()
        long_term.join(lease)
        manager: CallManager[Call[Any]] = CallManager(
            lease, call_ends, prefix=settings.command_prefix, max_calls=settings.call.max_calls
        )

        def forget_words(has: Callable[[str], bool]) -> None:
            for call in manager.calls:
                call.forget_words(has)

        memory.on_forgotten(forget_words)
        reminder_lines = await asyncio.to_thread(ReminderLines)
        announcer = CallAnnouncer(lambda: manager.calls)
        reminders = Reminders(ReminderRecords(database), announcer, zone, reminder_lines)
        leaving = LateLeaving(manager)
        stack.push_async_callback(leaving.close)
        volumes = Volumes(store, manager, settings.music_volume / 100)
        words = await asyncio.to_thread(ControlWords)
        controls = Controls(manager, volumes, voices, characters, leaving, words)
        music = MusicService(settings.music_dir, settings.cache_dir, WebMusic(frozenset(settings.music_urls)))
        music_control = MusicControl(manager, music, volumes.music_at)
        sounds = SoundBoard(settings.sounds_dir, settings.cache_dir, volumes.sounds_at)
        own = [
            *controls.tools(),
            *music_tools(controls, music_control, volumes),
            *sound_tools(controls, sounds, manager),
        ]
        tools = await make_tools(settings, clock, reminders, own)
        memory_answers = MemoryAnswers(
            memory,
            conversations.writer,
            word_lists.memory,
            lambda: tools.users.confirmation,
            rules.may_keep,
            rules.remembers,
            settings.command_prefix,
        )
        calls = CallFactory(
            settings,
            characters,
            clock,
            model,
            engines.speech_server,
            parameters_at,
            parameters_at,
            SharedTranscriber(engines.transcriber),
            engines.turn_policy,
            word_lists,
            small_prompts,
            consent,
            conversations,
            watch,
            allowed_speculation(
                settings,
                model.options,
                (await asyncio.to_thread(engine_variables)).get("OPENAI_BASE_URL"),
                spare_power=has_spare_power(settings, toys=engines.weights.toy_stt, cores=usable_cores()),
            ),
            long_term.last_prompts,
            tools=tools,
            recalls=long_term.recall_service(),
            memory=memory_answers.at,
            notes=notes,
            music=music_control,
            ambience=Ambience(music, volumes.music_at, music.decoding),
        )

        def in_call() -> bool:
            return bool(manager.occupants)

        background = await stack.enter_async_context(BackgroundWork())
        stack.push_async_callback(manager.close)
        warning = await engine_warning(engines.weights)
        for text in filter(None, (warning, *await asyncio.to_thread(missing_parts, settings))):
            _log.warning("%s", text)
        stt_url = next((server.url for server in settings.stt.listed), None)
        engine_checks = EngineChecks(in_call, engines.checks(stt_url))
        limits = await asyncio.to_thread(lambda: SpeechSettings.read().tts_vram_warning)
        monitor = Monitor(
            turn_log,
            manager,
            lease,
            CardPoll(limits),
            settings.warn,
            engine_checks.state,
            engines.names(settings, lambda: characters.default),
            warning,
            settings.command_prefix,
            usage=usage,
            remedies={"tts_ms": voice_remedy(settings.voice_engine if settings.tts.websocket_url is None else None)},
        )
        call_ends.subscribe(monitor.call_ended)
        yield Core(
            settings=settings,
            listening=listening,
            database=database,
            store=store,
            clock=clock,
            watch=watch,
            engines=engines,
            learned_corrections=LearnedCorrections(corrections_file(settings), corrections),
            file_transcriber=FileTranscriber(engines.transcriber, in_call, characters.default.persona.names),
            voices=voices,
            characters=characters,
            small_prompts=small_prompts,
            ignored=ignored,
            consent=consent,
            long_term=long_term,
            typed_memory=TypedMemory(database, memory_answers, characters, conversations.writer),
            reminders=reminders,
            usage=usage,
            personal_data=all_stores(
                database,
                consent=consent,
                writer=conversations.writer,
                recordings=CallRecordings(settings.data_dir),
                voices=voices,
                characters=characters,
                more=(RememberedFacts(memory), NotedLines(notes), UsedEngines(usage)),
            ),
            tools=tools,
            controls=controls,
            volumes=volumes,
            music=music,
            music_control=music_control,
            sounds=sounds,
            calls=calls,
            lease=lease,
            manager=manager,
            call_ends=call_ends,
            checks=engine_checks,
            monitor=monitor,
            background=background,
            warning=warning,
        )

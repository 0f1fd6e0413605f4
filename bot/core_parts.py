"""Builds the parts of the core, each after those that it uses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import replace
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
from bot.core import Core
from bot.cores import usable_cores
from bot.data_dir_lock import data_dir_lock
from bot.database import FILE as DATABASE_FILE
from bot.database import Database
from bot.engine_checks import EngineChecks
from bot.engine_warnings import engine_warnings
from bot.engines import open_engines
from bot.ignored import IgnoredPeople
from bot.lease import Lease
from bot.llm.personas import PERSONAS_DIR
from bot.llm.small_model import load_small_prompts
from bot.long_term import KeepingRules, forget_in_recordings, open_long_term
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
from bot.typed_memory import TypedMemory
from bot.usage.usage import Usage
from bot.voice.call import Call
from bot.voice.events import EventFeed, Watcher
from bot.voice.manager import CallManager
from bot.voice.phone.people import PHONE_PLACE
from bot.voice.transcribe.learning import LearnedCorrections
from bot.voice.transcribe.shared import SharedTranscriber
from bot.voice.tts.moods import load_moods, speech_parameters
from bot.voice.utterances.word_lists import load_word_lists
from bot.voices.voices import Voices
from bot.watching.traces import TraceFile
from config.sections import MoodFollows
from config.settings import Settings
from config.speech_settings import SpeechSettings, engine_variables
from hardware.poll import CardPoll
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)

_END_OR_CHOOSE = "End that one first, or choose another DATA_DIR for this one."


@asynccontextmanager
async def build_core(settings: Settings, watchers: Sequence[Watcher], progress: Progress) -> AsyncIterator[Core]:
    """Build all parts, in order. When the context ends, end all calls and stop all parts in reverse order.

    Raises:
        DataDirInUseError, WebBindError, PhoneStartError, DatabaseError, ServiceError, RealWeightsMissingError,
            BrokenFileError, OSError: a part could not be built. The text says what to do.
    """
    await asyncio.to_thread(prepare_folders, settings)
    async with AsyncExitStack() as stack:
        stack.enter_context(data_dir_lock(settings.data_dir, _END_OR_CHOOSE))
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

        costing = costing_kinds(settings, await asyncio.to_thread(engine_variables))
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
        recordings = CallRecordings(settings.data_dir)
        await asyncio.to_thread(recordings.tidy)
        memory.also_forget(partial(forget_in_recordings, recordings))
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
        typed_memory = TypedMemory(database, memory_answers, characters, conversations.writer)
        stack.callback(consent.watch(typed_memory.forget))
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
        warnings = await engine_warnings(engines.weights)
        warnings.log()
        for text in await asyncio.to_thread(missing_parts, settings):
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
            warnings.text,
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
            typed_memory=typed_memory,
            reminders=reminders,
            usage=usage,
            personal_data=all_stores(
                database,
                consent=consent,
                writer=conversations.writer,
                recordings=recordings,
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
            warnings=warnings,
        )

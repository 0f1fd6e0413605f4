"""The composition root: builds all parts of the bot, connects them, and starts and stops them."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import aiohttp

from audio.opus import load_opus
from bot.access import Permit, RateLimit
from bot.background import BackgroundWork
from bot.backup.moving import undo_and_clean_up
from bot.call_factory import CallFactory
from bot.calls import Calls
from bot.characters import Characters
from bot.client import SeiyuuBot, check_token, connector, use_api
from bot.commands.help import HelpCommands
from bot.commands.ignoring import IgnoringCommands
from bot.commands.listening import ListeningCommands
from bot.commands.low_performance import LowPerformanceCommands
from bot.commands.message_router import MessageRouter
from bot.commands.prompt_listener import PromptListener
from bot.commands.release import LeaseCommands
from bot.commands.status_report import EngineTexts, StatusReporter
from bot.commands.unknown import CommandAdvice, UnknownCommands
from bot.commands.voice import VoiceCommands, VoiceStateListener
from bot.commands.voice_recording import VoiceRecordings
from bot.commands.voices import VoicesCommands
from bot.consent import ListeningConsent, effective_listening_policy
from bot.conversations.keeping import Conversations
from bot.conversations.records import ConversationRecords
from bot.cores import usable_cores
from bot.data_dir_lock import data_dir_lock
from bot.database import FILE as DATABASE_FILE
from bot.database import Database
from bot.engine_checks import EngineCheck, EngineChecks, check_model, check_speech_server, check_transcriber
from bot.feature import FeatureParts, FeatureSet
from bot.feature_set import build_features
from bot.features.vision.feature import Vision
from bot.first_start import toy_warning, welcome
from bot.guard import Guard, read_permits
from bot.guesses import has_spare_power, run_ahead
from bot.heartbeat import FILE as HEARTBEAT_FILE
from bot.heartbeat import beat
from bot.identity import HEADERS
from bot.ignored import Audience, IgnoredPeople
from bot.lease import Lease
from bot.llm.personas import PERSONAS_DIR, Character
from bot.llm.requests import ModelOptions
from bot.llm.small_model import load_small_prompts
from bot.missing_parts import missing_parts
from bot.operator_files import own_persona, prepare_folders
from bot.own_engines import Progress, open_model_router, start_speech_server
from bot.own_weights import OwnWeights, choose_weights
from bot.owners import Owners
from bot.presence import CallPresence
from bot.speech_server.address import ServerAddress
from bot.speech_server.client import SpeechServerClient
from bot.spoken_messages.listener import SpokenMessages
from bot.store import Store
from bot.transcribers import make_transcriber
from bot.voice.call import Call
from bot.voice.discord.people import BargeInRule, CallRights
from bot.voice.discord.text_channel import tell_in
from bot.voice.discord.transport import CallPlace, DiscordCall, DiscordTransport
from bot.voice.engines import LoadingReport
from bot.voice.events import EventFeed, Ready, Watcher
from bot.voice.manager import CallManager, CallState
from bot.voice.tts.moods import load_moods, speech_parameters
from bot.voice.turns.turns import load_turn_policy
from bot.voice.utterances.word_lists import load_word_lists
from bot.voices.introductions import load_introductions
from bot.voices.voices import Voices
from bot.warm_up import warm_model, warm_speech_server, warm_transcriber, warm_up_engines
from bot.watching.traces import TraceFile
from config.settings import Settings
from config.speech_settings import engine_variables
from wire.parameters import SpeechParameters

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Application:
    """The parts of the running bot that callers and tests use."""

    bot: SeiyuuBot
    calls: Calls
    features: FeatureSet
    database: Database
    manager: CallManager[Call[Any]]
    token: str

    async def run(self) -> None:
        """Connect to Discord. Returns when the client has been closed; raises discord.py's errors."""
        await self.bot.start(self.token)

    async def end(self) -> None:
        """End the current call, and disconnect from Discord. After that, :meth:`run` returns."""
        await self.bot.close()


@asynccontextmanager
async def build_application(
    settings: Settings, watchers: list[Watcher], progress: Progress, when_warm: Callable[[], None] | None = None
) -> AsyncIterator[Application]:
    """Build all parts, in order. When the context ends, end the current call and stop all parts in reverse order.

    With ``when_warm``, all engines are loaded as soon as the bot is connected, and then ``when_warm`` is called. If
    ``when_warm`` is ``None``, the first call loads the engines.

    Raises:
        OpusMissing, DataDirInUseError, DatabaseError, ServiceError, RealWeightsMissingError, BrokenFileError,
            OSError: a part could not be built. The text says what to do.
        discord.LoginFailure: the token is not valid.
    """
    if settings.discord_token is None:
        raise ValueError("DISCORD_TOKEN is not set")
    load_opus()
    await asyncio.to_thread(prepare_folders, settings)
    if settings.discord_api_url is not None:
        await use_api(str(settings.discord_api_url))
    async with AsyncExitStack() as stack:
        stack.enter_context(data_dir_lock(settings.data_dir))
        if await asyncio.to_thread(undo_and_clean_up, settings.data_dir):
            _log.warning("A restore was broken off half-way. It is undone: everything is as it was before it")
        # The persona is checked before it is used, so that an error names the setting.
        await asyncio.to_thread(own_persona, settings)
        await check_token(settings.discord_token.get_secret_value(), settings.discord_ca_file)
        moods = await asyncio.to_thread(load_moods)
        word_lists = await asyncio.to_thread(load_word_lists)
        introductions = await asyncio.to_thread(load_introductions)
        small_prompts = await asyncio.to_thread(load_small_prompts)
        database = await stack.enter_async_context(Database.opened(settings.data_dir / DATABASE_FILE))
        characters = await Characters.open(database, PERSONAS_DIR, settings.persona)
        store = Store(database)
        watch = EventFeed(*watchers, stack.enter_context(TraceFile(settings.data_dir)))

        weights = await asyncio.to_thread(choose_weights, settings)
        for notice in weights.notices:
            _log.warning("%s", notice)
        turn_policy = await asyncio.to_thread(load_turn_policy, weights.speech_detector)
        weights, models = await open_model_router(settings, weights, database, stack, progress)
        model = models.for_calls_client
        speech_url = str(settings.tts.websocket_url or await start_speech_server(settings, weights, stack, progress))
        http = await stack.enter_async_context(aiohttp.ClientSession(headers=HEADERS))
        speech_server = SpeechServerClient(http, ServerAddress(speech_url, settings.tts.token))
        voices = await Voices.load(speech_server, database, settings.command_prefix)

        zone = ZoneInfo(settings.timezone)

        def clock() -> datetime:
            return datetime.now(zone)

        def manner(guild: int) -> SpeechParameters:
            return speech_parameters(characters.at(guild), moods, voices.chosen(guild))

        lease = Lease()
        ignored = await IgnoredPeople.load(database)
        audience = Audience(Permit.parse(settings.who_may.talk), ignored)
        guard = Guard(
            read_permits(settings.who_may),
            Owners(settings.owners),
            lambda: calls.occupied,
            ignored.include,
            settings.command_prefix,
        )
        transcriber = await make_transcriber(settings, weights, http, progress)
        stack.push_async_callback(transcriber.close)
        policy = await effective_listening_policy(store, settings)
        consent = await ListeningConsent.load(store, policy)

        def may_keep(guild: int | None, person: int) -> bool:
            return consent.admits(person) and not (guild is not None and ignored.include(guild, person))

        conversations = Conversations(ConversationRecords(database), settings.keep_conversations, may_keep)
        await conversations.open()
        stack.push_async_callback(conversations.close)
        stack.callback(consent.watch(conversations.writer.forget_person))
        call_factory = CallFactory(
            settings,
            characters,
            clock,
            model,
            speech_server,
            manner,
            transcriber,
            turn_policy,
            word_lists,
            small_prompts,
            consent,
            conversations,
            watch,
            run_ahead(
                settings,
                model.options,
                (await asyncio.to_thread(engine_variables)).get("OPENAI_BASE_URL"),
                spare_power=has_spare_power(settings, toys=weights.toy_stt, cores=usable_cores()),
            ),
        )
        rights = CallRights(BargeInRule.parse(settings.call.barge_in), audience.admits, guard.spoken_refusal)

        def make_call(place: CallPlace, volume: float, report: LoadingReport) -> DiscordCall:
            guild = place.voice.guild.id
            title = f"{characters.at(guild).persona.name} in {place.voice.name}"
            return call_factory.make(DiscordCall, DiscordTransport(place, rights, title), guild, volume, report)

        manager: CallManager[Call[Any]] = CallManager(
            lease, lambda call, cause: calls.ended(call, cause), prefix=settings.command_prefix
        )

        def in_call() -> bool:
            return manager.status().state is not CallState.IDLE

        lost_call = await store.unfinished_call()
        await store.end_call()

        async def when_first_ready() -> None:
            if bot.user is not None:
                _log.info("%s", welcome(bot.user, len(bot.guilds), settings.command_prefix))
            await calls.leave_lost_call(bot, lost_call)
            watch(Ready(at=time.monotonic()))
            background.begin(features.background)
            if when_warm is not None:
                background.begin({"warm-up": partial(get_warm, when_warm)})
            await features.resume()

        async def get_warm(tell: Callable[[], None]) -> None:
            await warm_up_engines(
                {
                    "ears": lambda: warm_transcriber(transcriber, in_call),
                    "mind": lambda: warm_model(model, characters.default, clock, small_prompts),
                    "voice": lambda: warm_speech_server(speech_server),
                }
            )
            tell()

        async def before_close() -> None:
            # Background tasks end first. The end of the call resumes the features, whose tasks would begin new work.
            await background.end()
            await manager.close()
            await features.close()

        tcp = connector(settings.discord_ca_file)
        bot = SeiyuuBot(settings.command_prefix, store, when_first_ready, tcp, guard, before_close=before_close)
        calls = Calls(manager, make_call, store, settings.call, CallPresence(bot), settings.command_prefix)
        spoken = SpokenMessages(
            transcriber,
            consent,
            http,
            in_call,
            characters.default.persona.names,
            settings.command_prefix,
        )
        tell = partial(tell_in, bot)
        parts = FeatureParts(
            settings,
            bot,
            database,
            http,
            models,
            speech_server,
            characters,
            small_prompts,
            conversations,
            clock,
            spoken.hear,
            tell,
        )
        features = await build_features(parts)
        for lockable in features.lockables:
            lease.register(lockable)
        stack.push_async_callback(bot.close)
        background = await stack.enter_async_context(BackgroundWork())
        checks: dict[str, EngineCheck] = {
            "model": EngineCheck.at(model.options.url, partial(check_model, model)),
            "ears": EngineCheck.at(settings.stt.url or "", partial(check_transcriber, transcriber)),
            "voice": EngineCheck(partial(check_speech_server, speech_server)),
        }
        engine_checks = EngineChecks(lambda: bot.connected, in_call, checks)
        heartbeat = partial(beat, settings.data_dir / HEARTBEAT_FILE, state=engine_checks.state)
        background.begin({"heartbeat": heartbeat, "health": engine_checks.run})
        background.begin({"the models' context": models.learn_context_sizes})
        background.begin(
            {"conversations": conversations.writer.run, "old conversations": conversations.forget_old_daily}
        )
        stack.push_async_callback(manager.close)
        warning = await toy_warning(weights)
        if warning:
            _log.warning("%s", warning)
        for missing in await asyncio.to_thread(missing_parts, settings):
            _log.warning("%s", missing)

        status = StatusReporter(
            calls,
            EngineTexts(characters.at, partial(_describe_model, settings, weights, model.options), warning),
            transcriber.describe,
            speech_server.health,
        )
        advice = CommandAdvice(bot, settings.command_prefix, features.not_set_up)
        await bot.add_cogs(
            (
                VoiceCommands(calls, status, warning, settings.command_prefix),
                LeaseCommands(calls),
                LowPerformanceCommands(speech_server),
                PromptListener(bot, calls, spoken, sees=features.find(Vision) is not None),
                MessageRouter(bot, features, spoken, RateLimit(settings.chat.rate), calls.prompt_channel),
                VoiceStateListener(calls, settings.command_prefix),
                ListeningCommands(calls.current_on, consent, settings.command_prefix),
                IgnoringCommands(ignored, calls.dismiss, settings.command_prefix),
                VoicesCommands(
                    voices,
                    introductions,
                    VoiceRecordings(calls.current_on, settings.command_prefix),
                    calls.say_on,
                    settings.stt.language or "en",
                    settings.command_prefix,
                ),
                HelpCommands(bot, advice, settings.command_prefix),
                UnknownCommands(bot, advice, calls.prompt_channel),
                *features.cogs,
            )
        )
        yield Application(bot, calls, features, database, manager, settings.discord_token.get_secret_value())


def _describe_model(settings: Settings, weights: OwnWeights, options: ModelOptions, character: Character) -> str:
    name = character.persona.model or options.model or "its default model"
    if weights.toy_llm:
        name = "toy weights in llama.cpp"
    elif weights.llm is not None:
        name = f"{weights.llm.name} in llama.cpp"
    card = f", on the {settings.llm.named_card.value} card" if settings.llm.named_card else ""
    return f"{name} at {options.server_name}{card}"

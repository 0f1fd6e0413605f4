"""The composition root of the bot on Discord: the core, and on top of it the client, its commands and its features."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from audio.opus import load_opus
from bot.access import Permit, RateLimit
from bot.api.spoken_answer import spoken_text
from bot.audience import Audience
from bot.autojoin_parts import build_autojoin
from bot.calls import Calls
from bot.client import SeiyuuBot, check_token, connector, use_api
from bot.commands.asking import answer_old_questions
from bot.commands.autojoin import AutoJoinCommands
from bot.commands.control_rights import ControlRights
from bot.commands.following import FollowCommands
from bot.commands.go_on_button import GoOnButton
from bot.commands.help import HelpCommands
from bot.commands.ignoring import IgnoringCommands
from bot.commands.knowledge import KnowledgeCommands
from bot.commands.listening import ListeningCommands
from bot.commands.low_performance import LowPerformanceCommands
from bot.commands.memory import MemoryCommands
from bot.commands.memory_question import MemoryQuestions
from bot.commands.message_router import MessageRouter
from bot.commands.music import MusicCommands
from bot.commands.my_data import MyDataCommands
from bot.commands.notes import NotesCommands
from bot.commands.notes_posting import DiscordNotesPoster
from bot.commands.picture_tools import ChannelDrawings, ChannelPictures
from bot.commands.prompt_listener import PromptListener
from bot.commands.release import LeaseCommands
from bot.commands.reminder_list import ReminderCommands
from bot.commands.reminder_pings import ReminderPings
from bot.commands.sounds import SoundCommands
from bot.commands.status_report import EngineTexts, StatusReporter
from bot.commands.tool_questions import ToolPermits, ToolQuestions
from bot.commands.unknown import CommandAdvice, UnknownCommands
from bot.commands.usage import UsageCommands
from bot.commands.voice import VoiceCommands, VoiceStateListener
from bot.commands.voice_recording import VoiceRecordings
from bot.commands.voices import VoicesCommands
from bot.commands.why import WhyCommands
from bot.core import Core
from bot.core_parts import build_core
from bot.database import Database
from bot.feature import FeatureParts, FeatureSet
from bot.feature_set import build_features
from bot.features.image_generation.feature import ImageGeneration
from bot.features.text_chat.service import TextChat
from bot.features.vision.feature import Vision
from bot.features.voice_messages.feature import VoiceMessages
from bot.first_start import welcome
from bot.guard import Guard, read_permits
from bot.metering import Account
from bot.model_name import describe_model
from bot.own_engines import Progress
from bot.owners import Owners
from bot.phone import phone_parts
from bot.presence import CallPresence
from bot.restart.records import RestartRecords
from bot.returning import Returning, ReturnRules
from bot.spoken_messages.listener import SpokenMessages
from bot.tools.builtin.drawing import DrawPicture
from bot.tools.builtin.last_picture import LookAtPicture
from bot.tools.registry import ToolUsers
from bot.usage.report import UsageReport
from bot.voice.call import Call
from bot.voice.discord.people import BargeInRule, CallRights
from bot.voice.discord.text_channel import tell_in
from bot.voice.discord.transport import CallPlace, DiscordCall, DiscordTransport
from bot.voice.engines import LoadingReport
from bot.voice.events import Watcher
from bot.voice.manager import CallManager
from bot.voices.introductions import load_introductions
from bot.web import BROWSER, WebParts, web_parts
from config.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Application:
    """The parts of the running bot that other modules and tests use."""

    core: Core
    bot: SeiyuuBot
    calls: Calls
    features: FeatureSet
    web: WebParts
    returning: Returning
    token: str

    @property
    def database(self) -> Database:
        """The database."""
        return self.core.database

    @property
    def manager(self) -> CallManager[Call[Any]]:
        """Starts and ends calls, over any transport."""
        return self.core.manager

    async def run(self) -> None:
        """Connect to Discord. Returns when the client has been closed; raises discord.py's errors."""
        await self.bot.start(self.token)

    async def end(self, *, restarting: bool = False) -> None:
        """End all calls, and disconnect from Discord. After that, :meth:`run` returns.

        Args:
            restarting: whether the bot may be started again soon. If so, the sentence that is being spoken is finished,
                and prompts that wait for an answer are stored.
        """
        if restarting:
            await self.returning.begin()
        await self.bot.close()


@asynccontextmanager
async def build_application(
    settings: Settings, watchers: Sequence[Watcher], progress: Progress, when_warm: Callable[[], None] | None = None
) -> AsyncIterator[Application]:
    """Build the core, and on top of it the Discord client with its commands and features, and the page.

    When the context ends, end all calls and stop all parts in reverse order. With ``when_warm``, all engines are
    loaded as soon as the bot is connected, and then ``when_warm`` is called. If it is ``None``, the first call loads
    the engines.

    Raises:
        OpusMissing: libopus can't be loaded.
        discord.LoginFailure: the token is not valid.
        OperatorFileError, OSError: a part could not be built, as for :func:`~bot.core_parts.build_core`.
    """
    started_at = time.time()
    if settings.discord_token is None:
        raise ValueError("DISCORD_TOKEN is not set")
    token = settings.discord_token.get_secret_value()
    load_opus()
    if settings.discord_api_url is not None:
        await use_api(str(settings.discord_api_url))
    # An invalid token is reported before anything large is loaded.
    await check_token(token, settings.discord_ca_file)
    async with build_core(settings, watchers, progress) as core, AsyncExitStack() as stack:
        prefix = settings.command_prefix
        introductions = await asyncio.to_thread(load_introductions)
        audience = Audience(Permit.parse(settings.who_may.talk), core.ignored)
        owners = Owners(settings.owners)
        guard = Guard(
            read_permits(settings.who_may),
            owners,
            lambda server: calls.seen_from(server),
            core.ignored.include,
            prefix,
        )
        rights = CallRights(BargeInRule.parse(settings.call.barge_in), audience.admits, guard.spoken_refusal)

        def make_call(place: CallPlace, volume: float, report: LoadingReport) -> DiscordCall:
            guild = place.voice.guild.id
            title = f"{core.characters.at(guild).persona.name} in {place.voice.name}"
            return core.calls.make(DiscordCall, DiscordTransport(place, rights, title), guild, volume, report)

        lost_calls = await core.store.unfinished_calls()
        await core.store.end_calls()

        async def when_first_ready() -> None:
            if bot.user is not None:
                _log.info("%s", welcome(bot.user, len(bot.guilds), prefix))
            await calls.leave_lost_calls(bot)
            for lost_call in lost_calls:
                await returning.offer_lost_call(lost_call)
            core.background.begin({**features.background, "coming by itself": come_by_itself})
            core.be_ready(web.url, when_warm)
            await features.resume()

        async def come_by_itself() -> None:
            await returning.come_back()
            await coming.autojoin.run()

        async def before_close() -> None:
            await web.stop_accepting()
            if phone is not None:
                await phone.close()
            await core.end_calls()
            await features.close()

        tcp = connector(settings.discord_ca_file)
        bot = SeiyuuBot(prefix, core.store, when_first_ready, tcp, guard, before_close=before_close)
        core.checks.follow_discord(lambda: bot.connected)
        core.reminders.pinger = ReminderPings(bot)
        core.long_term.notes.finisher.poster = DiscordNotesPoster(bot)
        calls = Calls(core.manager, make_call, core.store, core.volumes, settings.call, CallPresence(bot), prefix)
        core.call_ends.subscribe(calls.ended)
        core.controls.may = ControlRights(bot, guard, BROWSER)
        spoken = SpokenMessages(core.file_transcriber, core.consent, core.engines.http, prefix)
        parts = FeatureParts(
            settings,
            bot,
            core.database,
            core.engines.http,
            core.engines.models,
            core.engines.speech_server,
            core.characters,
            core.small_prompts,
            core.long_term.conversations,
            core.clock,
            lambda text, place: spoken_text(
                partial(core.engines.speech_server.metered_stream, Account(place)), text, core.calls.manner(place)
            ),
            spoken.hear,
            partial(tell_in, bot),
            core.long_term.last_prompts,
            core.reminders.forget_channel,
            core.long_term.notes.forget_channel,
            tools=core.tools,
            recalls=core.calls.recalls,
            meter=core.usage,
        )
        tool_permits = ToolPermits(bot, BROWSER)
        bot.add_listener(tool_permits.note, "on_message")
        questions = ToolQuestions(bot, guard, core.tools.yes_no, calls.prompted_in)
        questions.open()
        answer_old_questions(bot, guard)
        core.tools.users = ToolUsers(tool_permits, questions, questions.tell_failure)
        stack.push_async_callback(questions.close)
        stack.callback(core.watch.subscribe(questions.listen))
        memory_questions = MemoryQuestions(bot, guard, core.long_term.memory, core.database, prefix)
        memory_questions.open()
        stack.push_async_callback(memory_questions.close)
        features = await build_features(parts)
        if (vision := features.find(Vision)) is not None:
            core.tools.add(LookAtPicture(ChannelPictures(bot, vision)))
        if (images := features.find(ImageGeneration)) is not None:
            core.tools.add(DrawPicture(ChannelDrawings(bot, images)))
        if (text_chat := features.find(TextChat)) is not None:
            core.monitor.waiting_messages = text_chat.count_waiting
            if settings.chat.voice_answers:
                text_chat.say_answer = features.get(VoiceMessages).answer
        for lockable in features.lockables:
            core.lease.register(lockable)
        coming = await build_autojoin(core, bot, guard, calls, features)
        returning = Returning(
            bot,
            calls,
            RestartRecords(core.database),
            core.end_sentences,
            text_chat,
            () if images is None else (images.begin_restart,),
            core.long_term.conversations,
            ReturnRules(started_at, lambda call: coming.welcome(call.guild, call.voice_channel)),
            prefix,
        )
        returning.button = GoOnButton(guard, returning.offered, returning.go_on, prefix)
        bot.add_view(returning.button)
        core.call_ends.subscribe(returning.call_ended)
        bot.add_listener(returning.hear, "on_message")
        web = await stack.enter_async_context(web_parts(core, lambda: {guild.id: guild.name for guild in bot.guilds}))
        phone = await stack.enter_async_context(phone_parts(core, warms_up=when_warm is not None))
        stack.push_async_callback(bot.close)

        model = partial(describe_model, settings, core.engines.weights, core.engines.models.for_calls_client)
        status = StatusReporter(
            calls,
            EngineTexts(core.characters.at, model, core.warnings.text, settings.memory, core.usage.limits.reached),
            core.engines.transcriber.describe,
            core.engines.speech_server.health,
            None if phone is None else phone.describe,
        )
        advice = CommandAdvice(bot, prefix, features.not_set_up)
        await bot.add_cogs(
            (
                VoiceCommands(calls, core.volumes, status, core.warnings.text, prefix),
                AutoJoinCommands(coming.autojoin, coming.records, coming.allowed, settings.timezone, prefix),
                FollowCommands(calls, coming.allowed, prefix),
                MusicCommands(bot, guard, calls, core.music_control, core.music, prefix),
                SoundCommands(calls, core.sounds, owners, prefix),
                LeaseCommands(calls),
                WhyCommands(core.long_term.last_prompts),
                LowPerformanceCommands(core.engines.speech_server),
                PromptListener(calls, spoken, prefix, sees=features.find(Vision) is not None, answers=questions.hear),
                MessageRouter(
                    bot,
                    features,
                    spoken,
                    RateLimit(settings.chat.rate),
                    prefix,
                    calls.takes_prompts,
                    questions.hear,
                    core.typed_memory,
                ),
                VoiceStateListener(calls, prefix),
                ListeningCommands(calls.current_on, core.consent, prefix),
                KnowledgeCommands(core.long_term.knowledge, prefix),
                IgnoringCommands(core.ignored, calls.dismiss, prefix),
                NotesCommands(core.long_term.notes, calls.current_on, prefix),
                ReminderCommands(core.reminders, prefix),
                MemoryCommands(bot, guard, core.long_term.memory, prefix),
                MyDataCommands(core.personal_data, prefix),
                UsageCommands(UsageReport(core.usage), owners, prefix),
                VoicesCommands(
                    core.voices,
                    introductions,
                    VoiceRecordings(calls.current_on, prefix),
                    calls.say_on,
                    settings.stt.language or "en",
                    prefix,
                ),
                HelpCommands(bot, advice, prefix),
                UnknownCommands(bot, advice, prefix, calls.takes_prompts),
                *features.cogs,
            )
        )
        core.begin()
        yield Application(core, bot, calls, features, web, returning, token)

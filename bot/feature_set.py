"""The features, each built once from the settings, in the order in which a call holds them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import aiohttp
import discord
from apscheduler.schedulers.asyncio import AsyncIOScheduler  # type: ignore[import-untyped]
from discord.ext import commands

from bot.access import Permit, RateLimit
from bot.background import Work
from bot.characters import Characters
from bot.commands.autonomous import AutonomousCommands
from bot.commands.chat import ChatCommands
from bot.commands.draw import DrawingCommands
from bot.commands.dual_persona import DualPersonaCommands
from bot.commands.figurines import FigurineCommands
from bot.commands.messages import MessageFeatures
from bot.commands.models import ModelCommands
from bot.commands.profile_picture import ProfilePictureCommands
from bot.commands.schedule import ScheduleCommands
from bot.conversations.keeping import Conversations
from bot.database import Database
from bot.features.autonomous_talk.feature import AutonomousTalk, TalkOptions
from bot.features.autonomous_talk.occasion import QuietHours
from bot.features.autonomous_talk.records import ChannelRecords
from bot.features.dual_persona.feature import ArgumentOptions, DualPersona
from bot.features.dual_persona.records import ArgumentRecords
from bot.features.figurine_notifier.feature import FigurineNotifier, FigurineOptions
from bot.features.figurine_notifier.feeds import FeedRecords
from bot.features.figurine_notifier.subscriptions import SubscriptionRecords
from bot.features.image_generation.feature import DrawOptions, ImageGeneration
from bot.features.model_routing import ModelRouter
from bot.features.profile_picture.feature import ProfilePicture
from bot.features.profile_picture.records import PictureRecords
from bot.features.scheduled_events.feature import ScheduledEvents
from bot.features.scheduled_events.records import ScheduleRecords
from bot.features.text_chat.options import ChatOptions
from bot.features.text_chat.service import TextChat
from bot.features.vision.feature import Vision, VisionOptions
from bot.features.vision.model import VisionModelOptions
from bot.lease import Lockable
from bot.not_set_up import commands_not_set_up
from bot.operator_files import twin_persona
from bot.operator_files import workflow as read_workflow
from bot.spoken_messages.listener import SpokenMessages
from config.settings import Settings

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FeatureParts:
    """What features are built of. ``clock`` says what time it is, in the time zone of the people."""

    settings: Settings
    client: discord.Client
    database: Database
    http: aiohttp.ClientSession
    models: ModelRouter
    characters: Characters
    clock: Callable[[], datetime]
    spoken: SpokenMessages
    conversations: Conversations


@dataclass(frozen=True, slots=True)
class FeatureSet:
    """The features that the operator has set up; ``None`` for the others.

    ``not_set_up`` has what is said to the commands of these, by name.
    """

    models: ModelRouter
    chat: TextChat
    talk: AutonomousTalk
    vision: Vision | None
    argument: DualPersona | None
    picture: ProfilePicture | None
    images: ImageGeneration | None
    schedule: ScheduledEvents
    figurines: FigurineNotifier | None
    not_set_up: Mapping[str, str]

    @property
    def lockables(self) -> list[Lockable]:
        """What a call holds, first to last."""
        order: Sequence[Lockable | None] = (
            self.models,
            self.vision,
            self.chat,
            self.argument,
            self.picture,
            self.images,
            self.talk,
            self.schedule,
            self.figurines,
        )
        return [lockable for lockable in order if lockable is not None]

    @property
    def listeners(self) -> MessageFeatures:
        """Whom messages are for."""
        return MessageFeatures(
            self.chat, self.talk, self.vision, self.images, self.argument, self.not_set_up.get("draw")
        )

    def cogs(self, settings: Settings) -> Iterator[commands.Cog]:
        """The commands of what is there."""
        prefix = settings.command_prefix
        yield ModelCommands(self.models)
        yield ChatCommands(self.chat, prefix)
        yield AutonomousCommands(self.talk)
        yield ScheduleCommands(self.schedule, settings.timezone, prefix)
        if self.argument is not None:
            yield DualPersonaCommands(self.argument)
        if self.picture is not None:
            yield ProfilePictureCommands(self.picture)
        if self.images is not None:
            yield DrawingCommands(self.images)
        if self.figurines is not None:
            yield FigurineCommands(self.figurines, prefix)

    @property
    def background(self) -> dict[str, Work]:
        """What goes on as long as the bot is logged in, by name."""
        running = (self.argument, self.picture, self.talk, self.schedule, self.figurines)
        return {feature.name: feature.run for feature in running if feature is not None}


async def build_features(parts: FeatureParts) -> FeatureSet:
    """Build what the settings ask for.

    Raises:
        PersonaError, WorkflowError: a file of the operator's can't be used; the text says which and why.
        aiosqlite.Error: a table can't be made.
    """
    return FeatureSet(
        models=parts.models,
        chat=await _text_chat(parts),
        talk=await _autonomous_talk(parts),
        vision=_vision(parts),
        argument=await _dual_persona(parts),
        picture=await _profile_picture(parts),
        images=await _image_generation(parts),
        schedule=await _scheduled_events(parts),
        figurines=await _figurine_notifier(parts),
        not_set_up=commands_not_set_up(parts.settings),
    )


async def _text_chat(parts: FeatureParts) -> TextChat:
    settings = parts.settings
    options = ChatOptions(
        channels=settings.chat_channels,
        memory_messages=settings.chat_memory_messages,
        context_messages=settings.chat_context_messages,
    )
    return await TextChat.open(
        parts.client,
        parts.database,
        parts.models,
        parts.characters,
        options,
        clock=parts.clock,
        hear=parts.spoken.hear,
        conversations=parts.conversations,
    )


async def _autonomous_talk(parts: FeatureParts) -> AutonomousTalk:
    settings = parts.settings
    quiet = QuietHours.parse(settings.quiet_hours)
    options = TalkOptions(settings.autonomous_minutes, quiet, ZoneInfo(settings.timezone))
    records = ChannelRecords(parts.database)
    return AutonomousTalk(parts.client, records, parts.models, parts.characters, options)


def _vision(parts: FeatureParts) -> Vision | None:
    settings = parts.settings
    if settings.vision_llm_url is None:
        return None
    key = settings.vision_llm_api_key.get_secret_value() if settings.vision_llm_api_key else None
    model = VisionModelOptions(str(settings.vision_llm_url).rstrip("/"), settings.vision_llm_model, key)
    limit = round(settings.vision_max_mb * (1 << 20))
    return Vision(VisionOptions(model, limit, settings.vision_max_frames), parts.http)


async def _dual_persona(parts: FeatureParts) -> DualPersona | None:
    settings = parts.settings
    twin = twin_persona(settings)
    if twin is None:
        return None
    options = ArgumentOptions(
        settings.bipolar_threshold, settings.bipolar_turns, settings.bipolar_cooldown, ZoneInfo(settings.timezone)
    )
    records = ArgumentRecords(parts.database)
    return DualPersona(parts.client, records, parts.models, parts.characters.default.persona, twin, options)


async def _profile_picture(parts: FeatureParts) -> ProfilePicture | None:
    settings = parts.settings
    if settings.avatar_folder is None:
        return None
    records = PictureRecords(parts.database)
    return ProfilePicture(parts.client, records, settings.avatar_folder, settings.avatar_hours)


async def _scheduled_events(parts: FeatureParts) -> ScheduledEvents:
    zone = ZoneInfo(parts.settings.timezone)
    records = ScheduleRecords(parts.database)
    return ScheduledEvents(parts.client, records, zone, AsyncIOScheduler(timezone=zone))


async def _figurine_notifier(parts: FeatureParts) -> FigurineNotifier | None:
    settings = parts.settings
    if not settings.figurine_feeds:
        return None
    feeds = FeedRecords(parts.database)
    subscriptions = SubscriptionRecords(parts.database)
    options = FigurineOptions(settings.figurine_feeds, 60 * settings.figurine_minutes)
    return FigurineNotifier(parts.client, parts.http, feeds, subscriptions, options)


async def _image_generation(parts: FeatureParts) -> ImageGeneration | None:
    settings = parts.settings
    workflow = await asyncio.to_thread(read_workflow, settings) if settings.comfyui_url is not None else None
    if settings.comfyui_url is None or workflow is None:
        if settings.comfyui_url is not None:
            _log.warning("COMFYUI_URL is set, but COMFYUI_WORKFLOW is not: I can't draw")
        return None
    options = DrawOptions(str(settings.comfyui_url).rstrip("/"), workflow, settings.draw_timeout)
    permit, rate = Permit.parse(settings.who_may_draw), RateLimit(settings.draw_rate)
    return ImageGeneration(options, parts.http, permit, rate)

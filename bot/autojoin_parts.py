"""Builds the parts with which the bot joins voice channels on Discord by itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.access import Permit
from bot.autojoin.allowed import AllowedChannels
from bot.autojoin.records import AutoJoinRecords, Choice
from bot.autojoin.service import AutoJoin
from bot.calls import Calls
from bot.client import SeiyuuBot
from bot.commands.autojoin_places import DiscordPlaces
from bot.core import Core
from bot.feature import FeatureSet
from bot.features.image_generation.feature import ImageGeneration
from bot.features.vision.feature import Vision
from bot.guard import Guard
from bot.voice.call import Call
from bot.voice.discord.link import VoiceChannel
from bot.voice.discord.transport import DiscordCall
from bot.voice.transport import EndCause


@dataclass(frozen=True, slots=True)
class Coming:
    """The parts with which the bot joins voice channels by itself.

    Attributes:
        allowed: takes a voice channel. Returns True if the operator lets the bot go there by itself
            (`AUTOJOIN_CHANNELS`).
        welcome: takes the ids of a server and of a voice channel. Returns True if the bot may go there by itself now,
            and if somebody in that channel may bring it into a call.
    """

    autojoin: AutoJoin
    records: AutoJoinRecords
    allowed: Callable[[VoiceChannel], bool]
    welcome: Callable[[int, int], bool]


async def build_autojoin(core: Core, client: SeiyuuBot, guard: Guard, calls: Calls, features: FeatureSet) -> Coming:
    """Build the parts, and subscribe them to the ends of calls; raises :class:`aiosqlite.Error`."""
    settings, join = core.settings, Permit.parse(core.settings.who_may.join)
    channels = AllowedChannels(settings.call.autojoin_channels)
    working = [each for each in (features.find(ImageGeneration), features.find(Vision)) if each is not None]

    def allowed(channel: VoiceChannel) -> bool:
        return settings.call.enabled and channels.allow(channel.id, channel.name)

    places = DiscordPlaces(client, guard, calls, join, core.ignored, allowed, settings.command_prefix)
    places.open()
    records = AutoJoinRecords(core.database)
    autojoin = AutoJoin(places, records, core.clock, lambda: any(each.busy for each in working))
    await autojoin.load()

    async def ended(call: Call[Any], cause: EndCause) -> None:
        if isinstance(call, DiscordCall):
            autojoin.call_ended(call.channel.guild.id, cause)
        else:
            autojoin.look_again()

    def welcome(server: int, channel: int) -> bool:
        choice = autojoin.at(server)
        quiet = choice.quiet if choice is not None else None
        room = places.look(Choice(server, channel, channel, quiet, None))
        return room is not None and room.welcome and not (quiet is not None and quiet.include(core.clock().time()))

    core.call_ends.subscribe(ended, first=True)
    return Coming(autojoin, records, allowed, welcome)

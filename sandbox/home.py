"""The guild of a new sandbox."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.world.directory import Directory
from sandbox.world.entities import Application, Channel, ChannelKind, Guild, Role, User
from sandbox.world.permissions import EVERYONE

GUILD_NAME = "The sandbox"


@dataclass(frozen=True, slots=True)
class Home:
    """The first guild with its channels, its owner, and a bot that was invited."""

    guild: Guild
    owner: User
    bot: Application
    bot_role: Role
    general: Channel
    side: Channel
    lounge: Channel
    second_lounge: Channel
    stage: Channel
    afk: Channel


def build_home(directory: Directory, bot_name: str) -> Home:
    """Make the guild: two text channels, two voice channels, a stage and an AFK channel."""
    owner = directory.add_user("Owner")
    bot = directory.add_application(bot_name, owner)
    guild = directory.add_guild(GUILD_NAME, owner)
    home = Home(
        guild,
        owner,
        bot,
        # Discord makes a managed role for every bot that is invited with permissions.
        directory.add_role(guild, bot_name, EVERYONE, bot_id=bot.bot.id),
        general=directory.add_channel(guild, "general"),
        side=directory.add_channel(guild, "side-talk"),
        lounge=directory.add_channel(guild, "Lounge", ChannelKind.VOICE),
        second_lounge=directory.add_channel(guild, "Second lounge", ChannelKind.VOICE),
        stage=directory.add_channel(guild, "Stage", ChannelKind.STAGE),
        afk=directory.add_channel(guild, "AFK", ChannelKind.VOICE),
    )
    directory.set_afk_channel(guild, home.afk)
    directory.add_member(guild, bot.bot)
    directory.give_role(guild, bot.bot.id, home.bot_role.id)
    return home

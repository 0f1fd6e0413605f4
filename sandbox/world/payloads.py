"""The JSON of users, guilds, channels and other entities, as in Discord's API and gateway. Pure functions."""

from __future__ import annotations

import datetime
from collections.abc import Iterable

from sandbox.world.entities import (
    Application,
    Channel,
    ChannelKind,
    Guild,
    Json,
    Member,
    Role,
    Team,
    User,
    VoiceState,
    Webhook,
)


def timestamp(seconds: float | None) -> str | None:
    """Seconds since 1970 in ISO 8601 format."""
    return None if seconds is None else datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat()


def user(who: User) -> Json:
    """The JSON of a user for others."""
    return {
        "id": str(who.id),
        "username": who.name,
        "discriminator": "0001" if who.bot else "0",
        "global_name": None if who.bot else who.name,
        "avatar": who.avatar,
        "bot": who.bot,
        "public_flags": 0,
        "flags": 0,
    }


def own_user(who: User) -> Json:
    """The JSON of a user for themselves."""
    return user(who) | {"mfa_enabled": False, "locale": "en-US", "verified": True, "email": None}


def presence(who: User, status: str, activities: Iterable[Json]) -> Json:
    """The JSON of a user's presence."""
    shown = [{"id": "custom", "created_at": 0, "type": 0} | each for each in activities]
    clients = {} if status == "offline" else {"web": status}
    return {"user": {"id": str(who.id)}, "status": status, "activities": shown, "client_status": clients}


def application(app: Application) -> Json:
    """The JSON of an application."""
    return {
        "id": str(app.id),
        "name": app.name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": int(app.flags),
        "owner": user(app.owner) if app.team is None else _team_as_user(app.team),
        "team": None if app.team is None else team(app.team),
        "tags": [],
    }


def _team_as_user(it: Team) -> Json:
    """The owner of an application that a team owns: a pseudo-user with the team's id."""
    return user(User(it.id, f"team{it.id}")) | {"flags": 1 << 10, "public_flags": 1 << 10}


def team(it: Team) -> Json:
    """The JSON of a team with its members."""
    members = [
        {
            "user": user(member.user),
            "team_id": str(it.id),
            "membership_state": 2 if member.accepted else 1,
            "role": member.role,
            "permissions": ["*"],
        }
        for member in it.members
    ]
    owner = it.members[0].user.id
    return {"id": str(it.id), "name": it.name, "icon": None, "owner_user_id": str(owner), "members": members}


def role(it: Role) -> Json:
    """The JSON of a role."""
    payload: Json = {
        "id": str(it.id),
        "name": it.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": it.position,
        "permissions": str(int(it.permissions)),
        "managed": it.bot_id is not None,
        "mentionable": False,
        "flags": 0,
    }
    if it.bot_id is not None:
        payload["tags"] = {"bot_id": str(it.bot_id)}
    return payload


def bare_member(it: Member) -> Json:
    """The JSON of a member without their user."""
    return {
        "roles": [str(role_id) for role_id in it.roles],
        "nick": it.nick,
        "avatar": None,
        "joined_at": timestamp(it.joined_at),
        "premium_since": None,
        "deaf": it.deaf,
        "mute": it.mute,
        "pending": False,
        "flags": 0,
    }


def member(it: Member) -> Json:
    """The JSON of a member with their user."""
    return bare_member(it) | {"user": user(it.user)}


def voice_state(it: VoiceState, *, channel_id: int | None) -> Json:
    """The JSON of a voice state. ``channel_id`` is ``None`` if the member has just left."""
    return {
        "guild_id": str(it.guild_id),
        "channel_id": None if channel_id is None else str(channel_id),
        "user_id": str(it.member.user.id),
        "member": member(it.member),
        "session_id": it.session_id,
        "deaf": it.member.deaf,
        "mute": it.member.mute,
        "self_deaf": it.self_deaf,
        "self_mute": it.self_mute,
        "self_video": False,
        "self_stream": False,
        "suppress": it.suppress,
        "request_to_speak_timestamp": it.request_to_speak_at,
    }


def voice_server(guild_id: int, token: str, endpoint: str | None) -> Json:
    """The payload of VOICE_SERVER_UPDATE. Without an endpoint, the client has to wait for another server."""
    return {"guild_id": str(guild_id), "token": token, "endpoint": endpoint}


def channel(it: Channel) -> Json:
    """The JSON of a channel of any kind."""
    if it.kind is ChannelKind.DM:
        return {
            "id": str(it.id),
            "type": int(it.kind),
            "last_message_id": _id(it.last_message_id),
            "recipients": [user(who) for who in it.recipients],
            "flags": 0,
        }
    payload: Json = {
        "id": str(it.id),
        "type": int(it.kind),
        "guild_id": str(it.guild_id),
        "name": it.name,
        "parent_id": _id(it.parent_id),
        "last_message_id": _id(it.last_message_id),
        "rate_limit_per_user": 0,
        "nsfw": False,
        "flags": 0,
    }
    return payload | (_thread_fields(it) if it.kind.is_thread else _guild_channel_fields(it))


def _guild_channel_fields(it: Channel) -> Json:
    payload: Json = {
        "position": it.position,
        "topic": it.topic,
        "permission_overwrites": [
            {
                "id": str(overwrite.target_id),
                "type": int(overwrite.is_member),
                "allow": str(int(overwrite.allow)),
                "deny": str(int(overwrite.deny)),
            }
            for overwrite in it.overwrites.values()
        ],
    }
    if it.kind.is_voice:
        payload |= {"bitrate": it.bitrate, "user_limit": it.user_limit, "rtc_region": None, "status": it.status}
    return payload


def _thread_fields(it: Channel) -> Json:
    created = timestamp(it.created_at)
    return {
        "owner_id": str(it.owner_id),
        "member_count": len(it.members),
        "message_count": 0,
        "total_message_sent": 0,
        "thread_metadata": {
            "archived": it.archived,
            "auto_archive_duration": it.archive_minutes,
            "archive_timestamp": created,
            "create_timestamp": created,
            "locked": False,
        },
    }


def thread_member(thread: Channel, user_id: int) -> Json:
    """The JSON of a thread's member."""
    return {
        "id": str(thread.id),
        "user_id": str(user_id),
        "join_timestamp": timestamp(thread.created_at),
        "flags": 0,
    }


def guild(it: Guild) -> Json:
    """The JSON of a guild without its members, channels and voice states."""
    return {
        "id": str(it.id),
        "name": it.name,
        "owner_id": str(it.owner_id),
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "afk_channel_id": _id(it.afk_channel_id),
        "afk_timeout": 300,
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "nsfw": False,
        "premium_tier": 0,
        "premium_subscription_count": 0,
        "premium_progress_bar_enabled": False,
        "preferred_locale": "en-US",
        "features": [],
        "roles": [role(each) for each in it.roles.values()],
        "emojis": [],
        "stickers": [],
        "system_channel_id": None,
        "system_channel_flags": 0,
        "rules_channel_id": None,
        "public_updates_channel_id": None,
        "safety_alerts_channel_id": None,
        "vanity_url_code": None,
        "max_members": 500_000,
        "max_video_channel_users": 25,
    }


def guild_create(it: Guild, *, members: Iterable[Member]) -> Json:
    """The payload of GUILD_CREATE, with these members."""
    return guild(it) | {
        "joined_at": timestamp(it.created_at),
        "large": False,
        "unavailable": False,
        "member_count": len(it.members),
        "members": [member(each) for each in members],
        "channels": [channel(each) for each in it.channels.values() if not each.kind.is_thread],
        "threads": [channel(each) for each in it.channels.values() if each.kind.is_thread],
        "voice_states": [voice_state(each, channel_id=each.channel_id) for each in it.voice_states.values()],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def webhook(it: Webhook) -> Json:
    """The JSON of a webhook with its token."""
    return {
        "id": str(it.id),
        "type": 1,
        "guild_id": str(it.guild_id),
        "channel_id": str(it.channel_id),
        "user": user(it.creator),
        "name": it.name,
        "avatar": it.avatar,
        "token": it.token,
        "application_id": _id(it.application_id),
    }


def _id(value: int | None) -> str | None:
    return None if value is None else str(value)

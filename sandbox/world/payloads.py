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
    """The JSON of a user, as other users get it."""
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
    """The JSON of a user, as the user gets it."""
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


def _team_as_user(entity: Team) -> Json:
    """The owner of an application that a team owns: a pseudo-user with the team's id."""
    return user(User(entity.id, f"team{entity.id}")) | {"flags": 1 << 10, "public_flags": 1 << 10}


def team(entity: Team) -> Json:
    """The JSON of a team with its members."""
    members = [
        {
            "user": user(member.user),
            "team_id": str(entity.id),
            "membership_state": 2 if member.accepted else 1,
            "role": member.role,
            "permissions": ["*"],
        }
        for member in entity.members
    ]
    owner = entity.members[0].user.id
    return {"id": str(entity.id), "name": entity.name, "icon": None, "owner_user_id": str(owner), "members": members}


def role(entity: Role) -> Json:
    """The JSON of a role."""
    payload: Json = {
        "id": str(entity.id),
        "name": entity.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": entity.position,
        "permissions": str(int(entity.permissions)),
        "managed": entity.bot_id is not None,
        "mentionable": False,
        "flags": 0,
    }
    if entity.bot_id is not None:
        payload["tags"] = {"bot_id": str(entity.bot_id)}
    return payload


def bare_member(entity: Member) -> Json:
    """The JSON of a member without their user."""
    return {
        "roles": [str(role_id) for role_id in entity.roles],
        "nick": entity.nick,
        "avatar": None,
        "joined_at": timestamp(entity.joined_at),
        "premium_since": None,
        "deaf": entity.deaf,
        "mute": entity.mute,
        "pending": False,
        "flags": 0,
    }


def member(entity: Member) -> Json:
    """The JSON of a member with their user."""
    return bare_member(entity) | {"user": user(entity.user)}


def voice_state(entity: VoiceState, *, channel_id: int | None) -> Json:
    """The JSON of a voice state. ``channel_id`` is ``None`` if the member has just left."""
    return {
        "guild_id": str(entity.guild_id),
        "channel_id": None if channel_id is None else str(channel_id),
        "user_id": str(entity.member.user.id),
        "member": member(entity.member),
        "session_id": entity.session_id,
        "deaf": entity.member.deaf,
        "mute": entity.member.mute,
        "self_deaf": entity.self_deaf,
        "self_mute": entity.self_mute,
        "self_video": False,
        "self_stream": False,
        "suppress": entity.suppress,
        "request_to_speak_timestamp": entity.request_to_speak_at,
    }


def voice_server(guild_id: int, token: str, endpoint: str | None) -> Json:
    """The payload of VOICE_SERVER_UPDATE. Without an endpoint, the client has to wait for another server."""
    return {"guild_id": str(guild_id), "token": token, "endpoint": endpoint}


def channel(entity: Channel) -> Json:
    """The JSON of a channel of any kind."""
    if entity.kind is ChannelKind.DM:
        return {
            "id": str(entity.id),
            "type": int(entity.kind),
            "last_message_id": _id(entity.last_message_id),
            "recipients": [user(who) for who in entity.recipients],
            "flags": 0,
        }
    payload: Json = {
        "id": str(entity.id),
        "type": int(entity.kind),
        "guild_id": str(entity.guild_id),
        "name": entity.name,
        "parent_id": _id(entity.parent_id),
        "last_message_id": _id(entity.last_message_id),
        "rate_limit_per_user": 0,
        "nsfw": False,
        "flags": 0,
    }
    return payload | (_thread_fields(entity) if entity.kind.is_thread else _guild_channel_fields(entity))


def _guild_channel_fields(entity: Channel) -> Json:
    payload: Json = {
        "position": entity.position,
        "topic": entity.topic,
        "permission_overwrites": [
            {
                "id": str(overwrite.target_id),
                "type": int(overwrite.is_member),
                "allow": str(int(overwrite.allow)),
                "deny": str(int(overwrite.deny)),
            }
            for overwrite in entity.overwrites.values()
        ],
    }
    if entity.kind.is_voice:
        payload |= {
            "bitrate": entity.bitrate,
            "user_limit": entity.user_limit,
            "rtc_region": None,
            "status": entity.status,
        }
    return payload


def _thread_fields(entity: Channel) -> Json:
    created = timestamp(entity.created_at)
    return {
        "owner_id": str(entity.owner_id),
        "member_count": len(entity.members),
        "message_count": 0,
        "total_message_sent": 0,
        "thread_metadata": {
            "archived": entity.archived,
            "auto_archive_duration": entity.archive_minutes,
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


def guild(entity: Guild) -> Json:
    """The JSON of a guild without its members, channels and voice states."""
    return {
        "id": str(entity.id),
        "name": entity.name,
        "owner_id": str(entity.owner_id),
        "icon": None,
        "splash": None,
        "discovery_splash": None,
        "banner": None,
        "description": None,
        "afk_channel_id": _id(entity.afk_channel_id),
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
        "roles": [role(each) for each in entity.roles.values()],
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


def guild_create(entity: Guild, *, members: Iterable[Member]) -> Json:
    """The payload of GUILD_CREATE, with these members."""
    return guild(entity) | {
        "joined_at": timestamp(entity.created_at),
        "large": False,
        "unavailable": False,
        "member_count": len(entity.members),
        "members": [member(each) for each in members],
        "channels": [channel(each) for each in entity.channels.values() if not each.kind.is_thread],
        "threads": [channel(each) for each in entity.channels.values() if each.kind.is_thread],
        "voice_states": [voice_state(each, channel_id=each.channel_id) for each in entity.voice_states.values()],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def webhook(entity: Webhook) -> Json:
    """The JSON of a webhook with its token."""
    return {
        "id": str(entity.id),
        "type": 1,
        "guild_id": str(entity.guild_id),
        "channel_id": str(entity.channel_id),
        "user": user(entity.creator),
        "name": entity.name,
        "avatar": entity.avatar,
        "token": entity.token,
        "application_id": _id(entity.application_id),
    }


def _id(value: int | None) -> str | None:
    return None if value is None else str(value)

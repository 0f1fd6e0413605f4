"""Gateway intents: the events that a bot has subscribed to, and the parts of them that it may read."""

from __future__ import annotations

from enum import IntFlag

from sandbox.world.bus import Dispatch
from sandbox.world.entities import ApplicationFlag, Json


class Intent(IntFlag):
    """Groups of events that a bot subscribes to when it identifies."""

    NONE = 0
    GUILDS = 1 << 0
    GUILD_MEMBERS = 1 << 1
    GUILD_WEBHOOKS = 1 << 5
    GUILD_VOICE_STATES = 1 << 7
    GUILD_PRESENCES = 1 << 8
    GUILD_MESSAGES = 1 << 9
    GUILD_MESSAGE_REACTIONS = 1 << 10
    GUILD_MESSAGE_TYPING = 1 << 11
    DIRECT_MESSAGES = 1 << 12
    DIRECT_MESSAGE_REACTIONS = 1 << 13
    DIRECT_MESSAGE_TYPING = 1 << 14
    MESSAGE_CONTENT = 1 << 15


ALL_BITS = (1 << 27) - 1
"""All intent bits that a bot may send in its identify. Discord has more intents than :class:`Intent` lists."""
PRIVILEGED = {
    Intent.GUILD_PRESENCES: ApplicationFlag.PRESENCES,
    Intent.GUILD_MEMBERS: ApplicationFlag.MEMBERS,
    Intent.MESSAGE_CONTENT: ApplicationFlag.MESSAGE_CONTENT,
}
"""Privileged intents, each with the application flag that grants it."""

_GUILD_EVENTS = {
    "GUILD_MEMBER_ADD": Intent.GUILD_MEMBERS,
    "GUILD_MEMBER_UPDATE": Intent.GUILD_MEMBERS,
    "GUILD_MEMBER_REMOVE": Intent.GUILD_MEMBERS,
    "GUILD_CREATE": Intent.GUILDS,
    "GUILD_UPDATE": Intent.GUILDS,
    "GUILD_DELETE": Intent.GUILDS,
    "WEBHOOKS_UPDATE": Intent.GUILD_WEBHOOKS,
    "VOICE_STATE_UPDATE": Intent.GUILD_VOICE_STATES,
    "PRESENCE_UPDATE": Intent.GUILD_PRESENCES,
    "TYPING_START": Intent.GUILD_MESSAGE_TYPING,
}
_GUILD_PREFIXES = {
    "GUILD_ROLE_": Intent.GUILDS,
    "CHANNEL_": Intent.GUILDS,
    "THREAD_": Intent.GUILDS,
    "MESSAGE_REACTION_": Intent.GUILD_MESSAGE_REACTIONS,
    "MESSAGE_": Intent.GUILD_MESSAGES,
}
_DIRECT = {
    Intent.GUILD_MESSAGES: Intent.DIRECT_MESSAGES,
    Intent.GUILD_MESSAGE_REACTIONS: Intent.DIRECT_MESSAGE_REACTIONS,
    Intent.GUILD_MESSAGE_TYPING: Intent.DIRECT_MESSAGE_TYPING,
}


def not_granted(requested: int, flags: ApplicationFlag) -> bool:
    """Whether a bot asks for a privileged intent that its application does not have."""
    return any(requested & intent and not flags & flag for intent, flag in PRIVILEGED.items())


def needed_intent(event: Dispatch) -> Intent:
    """The intent that a bot needs for an event. :attr:`Intent.NONE` for events that every bot gets."""
    intent = _GUILD_EVENTS.get(event.name)
    if intent is None:
        intent = next((each for prefix, each in _GUILD_PREFIXES.items() if event.name.startswith(prefix)), Intent.NONE)
    return intent if "guild_id" in event.data or event.guild_id else _DIRECT.get(intent, intent)


def payload_for(event: Dispatch, intents: int, reader_id: int) -> Json:
    """The payload of an event as one bot gets it: without a message's content if the bot lacks the intent for it.

    Without the intent, a bot still reads direct messages, its own messages, and messages that mention it.
    """
    data = event.data
    if (
        intents & Intent.MESSAGE_CONTENT
        or event.guild_id is None
        or event.name not in ("MESSAGE_CREATE", "MESSAGE_UPDATE")
    ):
        return data
    concerned = {data["author"]["id"], *(user["id"] for user in data["mentions"])}
    if str(reader_id) in concerned:
        return data
    return data | {"content": "", "embeds": [], "attachments": [], "components": []}

"""Data classes of the sandbox's state: users, guilds, channels, messages, voice states."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any

from sandbox.world.permissions import NOTHING, Permission

Json = dict[str, Any]


class ApplicationFlag(IntFlag):
    """Flags that grant privileged intents to an application. (Discord has other flags for verified applications.)"""

    NONE = 0
    PRESENCES = 1 << 13
    MEMBERS = 1 << 15
    MESSAGE_CONTENT = 1 << 19


class ChannelKind(IntEnum):
    """Discord's channel types."""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    STAGE = 13

    @property
    def is_voice(self) -> bool:
        """Whether the channel is a voice channel or a stage."""
        return self in (ChannelKind.VOICE, ChannelKind.STAGE)

    @property
    def is_thread(self) -> bool:
        """Whether the channel is a thread of another channel."""
        return self in (ChannelKind.PUBLIC_THREAD, ChannelKind.PRIVATE_THREAD)


class MessageFlag(IntFlag):
    """The message flags that this server supports."""

    NONE = 0
    SUPPRESS_EMBEDS = 1 << 2
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    VOICE_MESSAGE = 1 << 13
    HAS_SNAPSHOT = 1 << 14


@dataclass(slots=True, eq=False)
class User:
    """A user. ``avatar`` is the hash of their picture. ``takes_dms`` is false if bots can't message them."""

    id: int
    name: str
    bot: bool = False
    avatar: str | None = None
    takes_dms: bool = True


@dataclass(frozen=True, slots=True)
class TeamMember:
    """A member of a team. ``role``: ``admin``, ``developer`` or ``read_only``. ``accepted`` is false while invited."""

    user: User
    role: str = "admin"
    accepted: bool = True


@dataclass(slots=True, eq=False)
class Team:
    """A team that owns an application. Its first member owns the team."""

    id: int
    name: str
    members: list[TeamMember]


@dataclass(slots=True, eq=False)
class Application:
    """An application with a bot. If a ``team`` owns it, Discord shows a user that represents the team as the owner."""

    id: int
    name: str
    bot: User
    owner: User
    token: str = field(repr=False)
    team: Team | None = None
    flags: ApplicationFlag = ApplicationFlag.PRESENCES | ApplicationFlag.MEMBERS | ApplicationFlag.MESSAGE_CONTENT


@dataclass(slots=True, eq=False)
class Role:
    """A named set of permissions. The role with the guild's own id is @everyone."""

    id: int
    name: str
    permissions: Permission
    position: int = 0
    bot_id: int | None = None


@dataclass(frozen=True, slots=True)
class Overwrite:
    """A permission overwrite: permissions that a channel allows or denies to a role or a member."""

    target_id: int
    is_member: bool
    allow: Permission = NOTHING
    deny: Permission = NOTHING


@dataclass(slots=True, eq=False)
class Channel:
    """A channel of any kind. ``recipients`` is for direct messages, ``owner_id`` for threads."""

    id: int
    kind: ChannelKind
    name: str = ""
    guild_id: int | None = None
    position: int = 0
    parent_id: int | None = None
    topic: str | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    user_limit: int = 0
    bitrate: int = 64000
    status: str | None = None
    last_message_id: int | None = None
    recipients: tuple[User, ...] = ()
    owner_id: int | None = None
    archived: bool = False
    archive_minutes: int = 1440
    created_at: float = 0.0
    members: set[int] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Member:
    """A user as a member of one guild. ``mute`` and ``deaf`` are set by moderators."""

    user: User
    joined_at: float
    roles: list[int] = field(default_factory=list)
    nick: str | None = None
    mute: bool = False
    deaf: bool = False


@dataclass(slots=True, eq=False)
class VoiceState:
    """A member's state in a voice channel, with the secrets for its voice server."""

    member: Member
    guild_id: int
    channel_id: int
    session_id: str
    token: str = field(repr=False)
    self_mute: bool = False
    self_deaf: bool = False
    suppress: bool = False
    request_to_speak_at: str | None = None


@dataclass(slots=True, eq=False)
class Guild:
    """A guild, which people call a server."""

    id: int
    name: str
    owner_id: int
    created_at: float
    roles: dict[int, Role] = field(default_factory=dict)
    channels: dict[int, Channel] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    voice_states: dict[int, VoiceState] = field(default_factory=dict)
    afk_channel_id: int | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file.

    Discord itself measures pictures and videos. Here the uploader gives ``width`` and ``height``, in pixels. A voice
    message has its length in ``seconds`` and a ``waveform``: at most 256 bytes of loudness, in Base64.
    """

    filename: str
    data: bytes = field(repr=False)
    content_type: str | None = None
    description: str | None = None
    width: int | None = None
    height: int | None = None
    seconds: float | None = None
    waveform: str | None = None


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a message, with its download address."""

    id: int
    upload: Upload
    url: str


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A forwarded message: its content when it was forwarded, and its channel. The author is not passed on."""

    message_id: int
    channel_id: int
    guild_id: int | None
    created_at: float
    edited_at: float | None
    content: str
    attachments: tuple[Attachment, ...]
    embeds: tuple[Json, ...]
    stickers: tuple[str, ...]
    mentions: tuple[User, ...]
    mention_roles: tuple[int, ...]
    flags: MessageFlag


@dataclass(frozen=True, slots=True)
class Draft:
    """The content of a message to post.

    ``reference_id`` is the id of the message that the draft replies to, ``snapshot`` a forwarded message, and ``poll``
    a poll in the API's format. Without ``must_exist``, a reply to a missing message becomes a plain message.
    """

    content: str = ""
    uploads: tuple[Upload, ...] = ()
    embeds: tuple[Json, ...] = ()
    components: tuple[Json, ...] = ()
    stickers: tuple[str, ...] = ()
    reference_id: int | None = None
    must_exist: bool = True
    allowed_mentions: Json | None = None
    flags: MessageFlag = MessageFlag.NONE
    nonce: str | None = None
    tts: bool = False
    snapshot: Snapshot | None = None
    poll: Json | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """The source of a message that no user posted: a webhook, or a response to an interaction."""

    webhook_id: int
    application_id: int | None = None
    interaction: Json | None = None


@dataclass(slots=True, eq=False)
class Message:
    """A message.

    ``visible_to`` is the id of the only reader of an ephemeral message. ``sent_at`` is for messages of guests: the time
    at which the event was written to the bot's socket, in monotonic seconds.
    """

    id: int
    channel_id: int
    guild_id: int | None
    author: User
    content: str
    created_at: float
    attachments: tuple[Attachment, ...] = ()
    embeds: tuple[Json, ...] = ()
    components: tuple[Json, ...] = ()
    stickers: tuple[str, ...] = ()
    reference_id: int | None = None
    reference: Message | None = None
    mentions: tuple[User, ...] = ()
    mention_roles: tuple[int, ...] = ()
    mention_everyone: bool = False
    allowed_mentions: Json | None = None
    flags: MessageFlag = MessageFlag.NONE
    nonce: str | None = None
    tts: bool = False
    edited_at: float | None = None
    origin: Origin | None = None
    visible_to: int | None = None
    snapshot: Snapshot | None = None
    poll: Json | None = None
    sent_at: float = 0.0
    reactions: dict[str, list[int]] = field(default_factory=dict)

    @property
    def is_ephemeral(self) -> bool:
        """Whether only one person sees the message."""
        return MessageFlag.EPHEMERAL in self.flags

    @property
    def is_loading(self) -> bool:
        """Whether the message is the "… is thinking" of a deferred response."""
        return MessageFlag.LOADING in self.flags


@dataclass(slots=True, eq=False)
class Webhook:
    """A webhook, which can post under any name and picture."""

    id: int
    channel_id: int
    guild_id: int
    name: str
    creator: User
    application_id: int | None
    token: str = field(repr=False)
    avatar: str | None = None

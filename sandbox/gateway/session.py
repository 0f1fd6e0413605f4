"""One bot's session on the gateway. Its events are numbered and kept, so that a client can resume the session."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass

from sandbox.gateway.intents import Intent
from sandbox.world import payloads
from sandbox.world.entities import Application, Guild, Json, Member

KEPT_EVENTS = 2000
"""Number of a session's latest events that a resume can replay."""
DISPATCH = 0
"""Opcode of events."""


@dataclass(frozen=True, slots=True)
class GatewayMessage:
    """A text to send. ``message_id`` is set for the event of a new message."""

    text: str
    message_id: int | None = None


class GatewaySession:
    """A session, which outlives its connections. Use it on one event loop.

    Args:
        session_id: the id by which a client resumes the session.
        app: the bot's application.
        intents: the :class:`~sandbox.gateway.intents.Intent` bits that the bot sent in its identify.
    """

    def __init__(self, session_id: str, app: Application, intents: int) -> None:
        self.id = session_id
        self.app = app
        self.intents = intents
        self._sequence = 0
        self._kept: deque[tuple[int, GatewayMessage]] = deque(maxlen=KEPT_EVENTS)
        self._outbox: asyncio.Queue[GatewayMessage] | None = None

    @property
    def connected(self) -> bool:
        """Whether the session has a connection now."""
        return self._outbox is not None

    def ready(self, guilds: list[Guild], url: str) -> Json:
        """The payload of READY: the bot's user, its guilds, and the address for a resume."""
        return {
            "v": 10,
            "user": payloads.own_user(self.app.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": self.id,
            "resume_gateway_url": url,
            "session_type": "normal",
            "shard": [0, 1],
            "application": {"id": str(self.app.id), "flags": int(self.app.flags)},
        }

    def known_members(self, guild: Guild) -> list[Member]:
        """The members that GUILD_CREATE lists.

        With the presences intent, these are all. Without it, they are the bot and the members in voice channels.
        """
        members = guild.members.values()
        if self.intents & Intent.GUILD_PRESENCES:
            return list(members)
        return [each for each in members if each.user is self.app.bot or each.user.id in guild.voice_states]

    def attach(self, outbox: asyncio.Queue[GatewayMessage]) -> None:
        """Send events to this connection from now on."""
        self._outbox = outbox

    def detach(self, outbox: asyncio.Queue[GatewayMessage]) -> None:
        """Handle the end of a connection. If no newer connection is attached, events wait for the next one."""
        if self._outbox is outbox:
            self._outbox = None

    def send(self, name: str, data: Json, message_id: int | None = None) -> None:
        """Send an event: at once if a connection is attached, otherwise after a resume."""
        self._sequence += 1
        text = json.dumps({"op": DISPATCH, "t": name, "s": self._sequence, "d": data})
        frame = GatewayMessage(text, message_id)
        self._kept.append((self._sequence, frame))
        if self._outbox is not None:
            self._outbox.put_nowait(frame)

    def can_replay(self, after: int) -> bool:
        """Whether all events after a sequence number are still kept."""
        oldest = self._kept[0][0] if self._kept else self._sequence + 1
        return oldest - 1 <= after <= self._sequence

    def replay(self, after: int, outbox: asyncio.Queue[GatewayMessage]) -> None:
        """Continue on a new connection: first send the kept events with numbers above ``after``, then new events."""
        for sequence, frame in self._kept:
            if sequence > after:
                outbox.put_nowait(frame)
        self._outbox = outbox

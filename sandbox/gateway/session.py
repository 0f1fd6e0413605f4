"""One bot's session on the gateway: what it is told, numbered and kept, so that a new socket can resume it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass

from sandbox.gateway.intents import Intent
from sandbox.world import payloads
from sandbox.world.entities import Application, Guild, Json, Member

KEPT_EVENTS = 2000
DISPATCH = 0


@dataclass(frozen=True, slots=True)
class GatewayMessage:
    """A text on its way to a socket; ``message_id`` for the announcement of a new message."""

    text: str
    message_id: int | None = None


class GatewaySession:
    """Outlives its sockets. Belongs to one event loop.

    Args:
        session_id: by which it is resumed.
        app: whose it is.
        intents: what it asked for.
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
        """Whether a socket takes its events now."""
        return self._outbox is not None

    def ready(self, guilds: list[Guild], url: str) -> Json:
        """The payload of READY: who the bot is, where it is, and at which address to resume."""
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
        """Whom a bot is told of at first: without the presences intent, itself and those in voice channels."""
        members = guild.members.values()
        if self.intents & Intent.GUILD_PRESENCES:
            return list(members)
        return [each for each in members if each.user is self.app.bot or each.user.id in guild.voice_states]

    def attach(self, outbox: asyncio.Queue[GatewayMessage]) -> None:
        """Send events there from now on."""
        self._outbox = outbox

    def detach(self, outbox: asyncio.Queue[GatewayMessage]) -> None:
        """That socket is gone; unless another has taken its place, events wait."""
        if self._outbox is outbox:
            self._outbox = None

    def tell(self, name: str, data: Json, message_id: int | None = None) -> None:
        """Send an event, now or on resume."""
        self._sequence += 1
        text = json.dumps({"op": DISPATCH, "t": name, "s": self._sequence, "d": data})
        frame = GatewayMessage(text, message_id)
        self._kept.append((self._sequence, frame))
        if self._outbox is not None:
            self._outbox.put_nowait(frame)

    def can_replay(self, after: int) -> bool:
        """Whether everything behind that sequence number is still kept."""
        oldest = self._kept[0][0] if self._kept else self._sequence + 1
        return oldest - 1 <= after <= self._sequence

    def replay(self, after: int, outbox: asyncio.Queue[GatewayMessage]) -> None:
        """Take up a new socket: what it missed first, then what comes."""
        for sequence, frame in self._kept:
            if sequence > after:
                outbox.put_nowait(frame)
        self._outbox = outbox

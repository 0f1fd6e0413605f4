"""The delivery service of DAVE, Discord's end-to-end encryption, for one voice channel.

It manages the members of the channel's MLS group. It is pure: methods take events and return messages. The rules are
those of the DAVE whitepaper ("Delivery Service", "Commit Ordering", "Recovery"). The service proposes changes. The
first commit that contains every open proposal wins. Old members get the commit, new members the welcome. A transition
is executed once all its members are ready.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

from sandbox.voice.mls import ExternalSender, MlsError, parse_commit, vector
from sandbox.voice.ops import VoiceOp

_APPEND = b"\x00"


@dataclass(frozen=True, slots=True)
class JsonMessage:
    """A JSON message for one member's voice gateway."""

    user: int
    op: VoiceOp
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class BinaryMessage:
    """A binary message for one member's voice gateway. The voice server puts sequence number and opcode in front."""

    user: int
    op: VoiceOp
    payload: bytes


DaveMessage = JsonMessage | BinaryMessage


@dataclass(slots=True)
class _Proposals:
    """The proposals of the current epoch.

    Attributes:
        removed: the leaves to remove.
        added: the key packages of the users to add, by user.
        blobs: each proposal's bytes.
    """

    removed: list[int] = field(default_factory=list)
    added: dict[int, bytes] = field(default_factory=dict)
    blobs: list[bytes] = field(default_factory=list)


class DaveDelivery:
    """The delivery service of one group. ``group`` is the channel's id. Methods return messages in sending order."""

    def __init__(self, group: int, *, version: int = 1) -> None:
        self.version = version
        self.epoch = 0
        self._group = group
        self._sender = ExternalSender()
        self._present: list[int] = []
        self._leaves: list[int | None] = []
        self._waiting: dict[int, bytes] = {}
        self._leaving: list[int] = []
        self._open: _Proposals | None = None
        self._transition = 0
        self._transitions: dict[int, tuple[set[int], set[int]]] = {}
        """For each open transition, the users who are not ready yet, and all users whom it concerns."""
        self._corrupt_welcomes: set[int] = set()

    @property
    def members(self) -> set[int]:
        """The users in the group."""
        return {user for user in self._leaves if user is not None}

    def corrupt_next_welcome(self, user: int) -> None:
        """Cause a fault: break the next welcome for this user, so that the client has to recover."""
        self._corrupt_welcomes.add(user)

    def arrive(self, user: int) -> list[DaveMessage]:
        """Add a client to the channel. The client has sent its SELECT_PROTOCOL message."""
        if user not in self._present:
            self._present.append(user)
        return [BinaryMessage(user, VoiceOp.EXTERNAL_SENDER, self._sender.package)] if self.version else []

    def key_package(self, user: int, package: bytes) -> list[DaveMessage]:
        """Handle op 26: a client asks to join the group. A member who asks is removed and added again."""
        if user not in self._present or not self.version:
            return []
        if user in self.members and user not in self._leaving:
            self._leaving.append(user)
        self._waiting[user] = package
        return self._propose_due()

    def leave(self, user: int) -> list[DaveMessage]:
        """Remove a client that has left the channel."""
        if user not in self._present:
            return []
        self._present.remove(user)
        self._waiting.pop(user, None)
        if user in self.members or (self._open and user in self._open.added):
            self._leaving.append(user)
        messages: list[DaveMessage] = []
        for transition in list(self._transitions):
            self._transitions[transition][0].discard(user)
            self._transitions[transition][1].discard(user)
            messages += self._execute_if_ready(transition)
        return messages + self._propose_due()

    def commit(self, user: int, payload: bytes) -> list[DaveMessage]:
        """Handle op 28: a member's commit, followed by its welcome. Late and incomplete commits are ignored."""
        proposals = self._open
        if proposals is None or user not in self.members:
            return []
        try:
            commit = parse_commit(payload)
        except MlsError:
            return []
        if commit.epoch != self.epoch or commit.references != len(proposals.blobs):
            return []
        self._open = None
        self.epoch += 1
        for leaf in proposals.removed:
            user_out = self._leaves[leaf]
            self._leaves[leaf] = None
            if user_out in self._leaving and user_out not in proposals.added:
                self._leaving.remove(user_out)
        old = [member for member in self._leaves if member is not None and member in self._present]
        for added in proposals.added:
            self._add_leaf(added)
        transition = self._next_transition(set(old) | {user for user in proposals.added if user in self._present})
        head = struct.pack(">H", transition)
        messages: list[DaveMessage] = [
            BinaryMessage(member, VoiceOp.ANNOUNCE_COMMIT, head + commit.message) for member in old
        ]
        messages += [
            BinaryMessage(added, VoiceOp.WELCOME, head + self._welcome(added, commit.welcome))
            for added in proposals.added
            if added in self._present
        ]
        return messages + self._propose_due()

    def ready(self, user: int, transition: int) -> list[DaveMessage]:
        """Handle op 23: a client is ready for a transition."""
        if transition not in self._transitions:
            return []
        self._transitions[transition][0].discard(user)
        return self._execute_if_ready(transition)

    def downgrade(self) -> list[DaveMessage]:
        """Switch to protocol 0, without end-to-end encryption."""
        self.version = 0
        self._reset()
        return self._announce_version()

    def upgrade(self) -> list[DaveMessage]:
        """Switch back to protocol 1, with a new group."""
        self.version = 1
        self._reset()
        self._waiting.clear()
        return [JsonMessage(user, VoiceOp.PREPARE_EPOCH, {"protocol_version": 1, "epoch": 1}) for user in self._present]

    def _announce_version(self) -> list[DaveMessage]:
        transition = self._next_transition(set(self._present))
        data = {"transition_id": transition, "protocol_version": self.version}
        return [JsonMessage(user, VoiceOp.PREPARE_TRANSITION, data) for user in self._present]

    def _propose_due(self) -> list[DaveMessage]:
        """Propose the changes that are due. If proposals are open, the changes wait for the next epoch."""
        if self._open is not None and any(self._can_commit(member) for member in self.members):
            return []
        if self._open is not None:
            # Nobody is left who could commit the open proposals. The clients that they would have added start a new
            # group, together with those that came later.
            added = {user: package for user, package in self._open.added.items() if self._can_commit(user)}
            self._waiting = added | self._waiting
            self._reset()
        staying = [member for member in self.members if self._can_commit(member)]
        if not staying:
            self._reset()
            if not self._waiting:
                return []
            founder = next(iter(self._waiting))
            del self._waiting[founder]
            self._leaves = [founder]
        elif len(staying) == 1 and self._leaving and not self._waiting:
            self._reset()
            return [
                JsonMessage(staying[0], VoiceOp.PREPARE_EPOCH, {"protocol_version": self.version, "epoch": 1}),
                JsonMessage(
                    staying[0], VoiceOp.PREPARE_TRANSITION, {"transition_id": 0, "protocol_version": self.version}
                ),
            ]
        if not self._waiting and not self._leaving:
            return []
        return self._propose()

    def _can_commit(self, member: int) -> bool:
        return member in self._present and member not in self._leaving

    def _propose(self) -> list[DaveMessage]:
        proposals = self._open = _Proposals()
        for user in self._leaving:
            leaf = self._leaves.index(user)
            proposals.removed.append(leaf)
            proposals.blobs.append(self._sender.remove(self._group, self.epoch, leaf))
        for user, package in self._waiting.items():
            proposals.added[user] = package
            proposals.blobs.append(self._sender.add(self._group, self.epoch, package))
        self._waiting.clear()
        payload = _APPEND + vector(b"".join(proposals.blobs))
        receivers = [member for member in self.members if self._can_commit(member)]
        self._leaving = [user for user in self._leaving if user not in proposals.added]
        return [BinaryMessage(member, VoiceOp.PROPOSALS, payload) for member in receivers]

    def _add_leaf(self, user: int) -> None:
        if None in self._leaves:
            self._leaves[self._leaves.index(None)] = user
        else:
            self._leaves.append(user)

    def _welcome(self, user: int, welcome: bytes) -> bytes:
        if user not in self._corrupt_welcomes:
            return welcome
        self._corrupt_welcomes.discard(user)
        return welcome[:-8] + bytes(8)

    def _next_transition(self, concerned: set[int]) -> int:
        self._transition = self._transition % 0xFFFF + 1
        self._transitions[self._transition] = (set(concerned), set(concerned))
        return self._transition

    def _execute_if_ready(self, transition: int) -> list[DaveMessage]:
        missing, concerned = self._transitions[transition]
        if missing:
            return []
        del self._transitions[transition]
        return [
            JsonMessage(user, VoiceOp.EXECUTE_TRANSITION, {"transition_id": transition}) for user in sorted(concerned)
        ]

    def _reset(self) -> None:
        self.epoch = 0
        self._leaves = []
        self._leaving = []
        self._open = None

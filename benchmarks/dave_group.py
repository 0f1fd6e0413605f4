"""A real group of DAVE, Discord's end-to-end encryption, in one process.

Its sessions are those of the library davey. The sandbox's delivery service carries their messages.
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Sequence

import davey

from sandbox.voice.dave_delivery import BinaryMessage, DaveDelivery, DaveMessage
from sandbox.voice.ops import VoiceOp

CHANNEL = 4_711


def make_group(people: Sequence[int]) -> dict[int, davey.DaveSession]:
    """Make one session of the group for each person, ready to encrypt and to decrypt."""
    delivery = DaveDelivery(CHANNEL)
    sessions = {person: davey.DaveSession(1, person, CHANNEL) for person in people}
    for person, session in sessions.items():
        _pass_on(delivery, sessions, delivery.arrive(person))
        _pass_on(delivery, sessions, delivery.key_package(person, session.get_serialized_key_package()))
    return sessions


def _pass_on(delivery: DaveDelivery, sessions: dict[int, davey.DaveSession], messages: list[DaveMessage]) -> None:
    waiting = deque(messages)
    while waiting:
        message = waiting.popleft()
        if not isinstance(message, BinaryMessage):
            continue
        session, payload = sessions[message.user], message.payload
        match message.op:
            case VoiceOp.EXTERNAL_SENDER:
                session.set_external_sender(payload)
            case VoiceOp.PROPOSALS:
                kind = davey.ProposalsOperationType.append if payload[0] == 0 else davey.ProposalsOperationType.revoke
                answer = session.process_proposals(kind, payload[1:])
                if isinstance(answer, davey.CommitWelcome):
                    waiting += delivery.commit(message.user, answer.commit + (answer.welcome or b""))
            case VoiceOp.ANNOUNCE_COMMIT | VoiceOp.WELCOME:
                if message.op is VoiceOp.ANNOUNCE_COMMIT:
                    session.process_commit(payload[2:])
                else:
                    session.process_welcome(payload[2:])
                waiting += delivery.ready(message.user, struct.unpack_from(">H", payload)[0])
            case _:
                pass

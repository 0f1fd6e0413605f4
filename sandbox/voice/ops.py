"""Opcodes and close codes of the voice gateway, version 8."""

from __future__ import annotations

from enum import IntEnum


class VoiceOp(IntEnum):
    """Opcodes of the voice gateway. Messages from 25 on, except 31, are sent as binary frames."""

    IDENTIFY = 0
    SELECT_PROTOCOL = 1
    READY = 2
    HEARTBEAT = 3
    SESSION_DESCRIPTION = 4
    SPEAKING = 5
    HEARTBEAT_ACK = 6
    RESUME = 7
    HELLO = 8
    RESUMED = 9
    CLIENTS_CONNECT = 11
    VIDEO = 12
    CLIENT_DISCONNECT = 13
    PREPARE_TRANSITION = 21
    EXECUTE_TRANSITION = 22
    TRANSITION_READY = 23
    PREPARE_EPOCH = 24
    EXTERNAL_SENDER = 25
    KEY_PACKAGE = 26
    PROPOSALS = 27
    COMMIT_WELCOME = 28
    ANNOUNCE_COMMIT = 29
    WELCOME = 30
    INVALID_COMMIT_WELCOME = 31


class VoiceCloseCode(IntEnum):
    """Close codes of the voice gateway that are used here."""

    BROKEN = 1006
    """The connection ends without a code."""
    UNKNOWN_OPCODE = 4001
    BAD_PAYLOAD = 4002
    NOT_AUTHENTICATED = 4003
    SESSION_INVALID = 4006
    DISCONNECTED = 4014
    CRASHED = 4015
    DAVE_REQUIRED = 4017
    RATE_LIMITED = 4021
    CALL_TERMINATED = 4022

"""The gateway's protocol: opcodes, close codes, and validated reading of messages."""

from __future__ import annotations

import json
from enum import IntEnum
from typing import Any

from aiohttp import WSMsgType, web

from sandbox.gateway.session import GatewayMessage
from sandbox.world.entities import Json

HEARTBEAT_S = 41.25
"""Heartbeat interval in seconds."""
_MISSED_HEARTBEATS = 1.5
"""If a client sends nothing for this many heartbeat intervals, its connection is closed."""


class Op(IntEnum):
    """Opcodes of the gateway."""

    HEARTBEAT = 1
    IDENTIFY = 2
    PRESENCE = 3
    VOICE_STATE = 4
    RESUME = 6
    RECONNECT = 7
    REQUEST_MEMBERS = 8
    INVALID_SESSION = 9
    HELLO = 10
    HEARTBEAT_ACK = 11


class CloseCode(IntEnum):
    """Close codes of the gateway."""

    UNKNOWN_ERROR = 4000
    UNKNOWN_OPCODE = 4001
    DECODE_ERROR = 4002
    NOT_AUTHENTICATED = 4003
    AUTHENTICATION_FAILED = 4004
    ALREADY_AUTHENTICATED = 4005
    SESSION_TIMED_OUT = 4009
    INVALID_VERSION = 4012
    INVALID_INTENTS = 4013
    DISALLOWED_INTENTS = 4014


class GatewayCloseError(Exception):
    """The client broke the protocol. The connection is closed with this code."""

    def __init__(self, code: CloseCode) -> None:
        super().__init__(code.name)
        self.code = code


class GoneError(Exception):
    """The connection has ended."""


async def receive(socket: web.WebSocketResponse) -> tuple[int, Any]:
    """Read the next message; returns its opcode and data.

    Raises:
        GatewayCloseError: the message is malformed, or no message came for one and a half heartbeat intervals.
        GoneError: the connection has ended.
    """
    try:
        frame = await socket.receive(timeout=HEARTBEAT_S * _MISSED_HEARTBEATS)
    except TimeoutError:
        raise GatewayCloseError(CloseCode.SESSION_TIMED_OUT) from None
    if frame.type not in (WSMsgType.TEXT, WSMsgType.BINARY):
        raise GoneError
    try:
        message = json.loads(frame.data)
        op, data = message["op"], message["d"]
    except (ValueError, KeyError, TypeError):
        raise GatewayCloseError(CloseCode.DECODE_ERROR) from None
    if not isinstance(op, int):
        raise GatewayCloseError(CloseCode.DECODE_ERROR)
    return op, data


def as_object(data: Any) -> Json:
    """``data``, if it is a JSON object. Raises :class:`GatewayCloseError` if not."""
    if not isinstance(data, dict):
        raise GatewayCloseError(CloseCode.DECODE_ERROR)
    return data


def read_id(value: Any) -> int:
    """Read an id that was sent as text or number. Raises :class:`GatewayCloseError` if it is neither."""
    try:
        return int(value)
    except (ValueError, TypeError):
        raise GatewayCloseError(CloseCode.DECODE_ERROR) from None


def control_message(op: Op, data: Any) -> GatewayMessage:
    """Make a message that is not an event, such as HELLO or the answer to a heartbeat."""
    return GatewayMessage(json.dumps({"op": op, "d": data, "s": None, "t": None}))

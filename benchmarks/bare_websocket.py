"""A WebSocket (RFC 6455) on asyncio's streams, for the bare floor: whole messages only, and no extensions."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import os
from typing import Self

_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_FINAL, _MASKED = 0x80, 0x80
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10
_TWO_BYTES, _EIGHT_BYTES = 126, 127
"""Values of the length field that mean that the real length follows, in two or in eight bytes."""


class BareWebSocket:
    """One connection. ``masks`` is true for the client's side, since only clients mask what they send."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, masks: bool) -> None:
        self._reader = reader
        self._writer = writer
        self._masks = masks

    @classmethod
    async def connect(cls, port: int) -> Self:
        """Connect to a server on loopback."""
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        key = base64.b64encode(os.urandom(16)).decode()
        writer.write(
            f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n".encode()
        )
        head = await reader.readuntil(b"\r\n\r\n")
        if b" 101 " not in head.partition(b"\r\n")[0]:
            raise ConnectionError(f"no WebSocket on port {port}")
        return cls(reader, writer, masks=True)

    @classmethod
    async def accept(cls, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Self:
        """Answer a client's handshake."""
        head = await reader.readuntil(b"\r\n\r\n")
        fields = (line.partition(b":") for line in head.split(b"\r\n"))
        key = next(value.strip() for name, _, value in fields if name.lower() == b"sec-websocket-key")
        accepted = base64.b64encode(hashlib.sha1(key + _MAGIC, usedforsecurity=False).digest())
        writer.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accepted + b"\r\n\r\n"
        )
        return cls(reader, writer, masks=False)

    def send(self, message: str | bytes) -> None:
        """Send a message: text as a text frame, bytes as a binary one."""
        if isinstance(message, str):
            self._send_frame(_TEXT, message.encode())
        else:
            self._send_frame(_BINARY, message)

    async def receive(self) -> bytes:
        """The payload of the next message. Pings are answered.

        Raises:
            EOFError: the other side has closed the connection.
        """
        while True:
            kind, payload = await self._read_frame()
            if kind == _CLOSE:
                raise EOFError
            if kind == _PING:
                self._send_frame(_PONG, payload)
            elif kind in (_TEXT, _BINARY):
                return payload

    async def _read_frame(self) -> tuple[int, bytes]:
        first, second = await self._reader.readexactly(2)
        length = second & ~_MASKED
        if length == _TWO_BYTES:
            length = int.from_bytes(await self._reader.readexactly(2), "big")
        elif length == _EIGHT_BYTES:
            length = int.from_bytes(await self._reader.readexactly(8), "big")
        mask = await self._reader.readexactly(4) if second & _MASKED else b""
        payload = await self._reader.readexactly(length)
        return first & 0x0F, _masked(payload, mask) if mask else payload

    def _send_frame(self, kind: int, payload: bytes) -> None:
        masked, length = _MASKED if self._masks else 0, len(payload)
        if length < _TWO_BYTES:
            head = bytes((_FINAL | kind, masked | length))
        elif length < 1 << 16:
            head = bytes((_FINAL | kind, masked | _TWO_BYTES)) + length.to_bytes(2, "big")
        else:
            head = bytes((_FINAL | kind, masked | _EIGHT_BYTES)) + length.to_bytes(8, "big")
        if self._masks:
            mask = os.urandom(4)
            head, payload = head + mask, _masked(payload, mask)
        self._writer.write(head + payload)


def _masked(payload: bytes, mask: bytes) -> bytes:
    """The payload with each byte XORed with a byte of the mask. The same function removes the mask again."""
    size = len(payload)
    repeated = (mask * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "big") ^ int.from_bytes(repeated, "big")).to_bytes(size, "big")

"""How an answer's bytes reach the client: as they are, or as OpenAI's server-sent events."""

from __future__ import annotations

import base64
import json
from typing import Protocol

from tts_server.api.errors import error_body


class Delivery(Protocol):
    """What stands around the bytes of one answer."""

    def content_type(self, file: str) -> str:
        """Of the answer, where the bytes are a file of this type."""
        ...

    def part(self, data: bytes) -> bytes:
        """The next bytes, as they are sent."""
        ...

    def end(self) -> bytes:
        """What says that the answer is whole."""
        ...

    def failure(self, message: str) -> bytes | None:
        """What says that it will never be; where there is nothing, only a connection that breaks can."""
        ...


class AsFile:
    """The bytes and nothing else."""

    def content_type(self, file: str) -> str:
        """As :meth:`Delivery.content_type`."""
        return file

    def part(self, data: bytes) -> bytes:
        """As :meth:`Delivery.part`."""
        return data

    def end(self) -> bytes:
        """As :meth:`Delivery.end`."""
        return b""

    def failure(self, message: str) -> bytes | None:
        """As :meth:`Delivery.failure`."""
        return None


class AsEvents:
    """``speech.audio.delta`` with the bytes in base64, then ``speech.audio.done``; an error where one comes."""

    def content_type(self, file: str) -> str:
        """As :meth:`Delivery.content_type`."""
        return "text/event-stream"

    def part(self, data: bytes) -> bytes:
        """As :meth:`Delivery.part`."""
        return _event({"type": "speech.audio.delta", "audio": base64.b64encode(data).decode()}) if data else b""

    def end(self) -> bytes:
        """As :meth:`Delivery.end`."""
        # Clients want the field, and nothing here has tokens.
        usage = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}
        return _event({"type": "speech.audio.done", "usage": usage})

    def failure(self, message: str) -> bytes | None:
        """As :meth:`Delivery.failure`."""
        return _event({"type": "error", **error_body(500, message)})


def _event(fields: dict[str, object]) -> bytes:
    return f"data: {json.dumps(fields)}\n\n".encode()

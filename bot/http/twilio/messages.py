"""Messages of Twilio's Media Streams, and how each is read and written.

Every message is hostile until it is read: its size is bounded before it is decoded. Unknown events and unknown fields
are ignored, because Twilio adds some from time to time.
"""

from __future__ import annotations

import base64
import binascii
import json
import math
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from config.plain_json import read_json

MAX_MESSAGE = 16 * 1_024
"""Largest number of bytes of a message. 20 ms of sound are about 350."""
MAX_SOUND = 8_000
"""Largest number of bytes of sound in one message: a second."""
MAX_PAYLOAD = 4 * math.ceil(MAX_SOUND / 3)
"""Largest number of characters of sound in one message, in base64."""
MAX_COUNT = 10**12
"""Largest number in a message. Twilio's count of milliseconds reaches this number after 30 years."""
SAMPLE_RATE = 8_000
"""Sample rate of all sound, in Hz."""
TOKEN = "token"  # noqa: S105
"""Name of the parameter in which the TwiML carries the one-time token."""

Name = Annotated[str, Field(min_length=1, max_length=64)]
Count = Annotated[int, Field(ge=0, le=MAX_COUNT)]
"""A number, which Twilio writes as a string."""


class StreamError(ValueError):
    """A message is not valid. The text says why, and quotes nothing of the message."""


class _Fields(BaseModel):
    """Fields of a message. Twilio writes their names with capitals, such as ``streamSid``."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)


class MediaFormat(_Fields):
    """The form of the sound in both directions. There is only this one."""

    encoding: Literal["audio/x-mulaw"] = "audio/x-mulaw"
    sample_rate: Literal[8000] = 8_000
    channels: Literal[1] = 1


class StartFields(_Fields):
    """The fields of a stream that begins. ``custom_parameters`` are those of the TwiML."""

    call_sid: Name
    account_sid: Name | None = None
    custom_parameters: dict[Name, Annotated[str, Field(max_length=500)]] = Field({}, max_length=20)
    media_format: MediaFormat = MediaFormat()


class Started(_Fields):
    """The stream begins. It is the first message after ``connected``, and comes once."""

    stream_sid: Name
    start: StartFields

    @property
    def token(self) -> str:
        """The one-time token; empty if there is none."""
        return self.start.custom_parameters.get(TOKEN, "")


class MediaFields(_Fields):
    """A piece of sound.

    Attributes:
        chunk: number of the piece.
        timestamp: its time from the beginning of the stream, in milliseconds.
        payload: G.711 (u-law) in base64.
    """

    track: Literal["inbound", "outbound"] = "inbound"
    chunk: Count | None = None
    timestamp: Count | None = None
    payload: str = Field(max_length=MAX_PAYLOAD)


class Media(_Fields):
    """Sound of the caller, if its track is ``inbound``."""

    stream_sid: Name
    media: MediaFields

    def sound(self) -> bytes:
        """Decode the sound; raises :class:`StreamError`."""
        try:
            return base64.b64decode(self.media.payload, validate=True)
        except (binascii.Error, ValueError):
            raise StreamError("the sound is not base64") from None


class MarkFields(_Fields):
    """The name that the mark had when it was sent."""

    name: Name


class Marked(_Fields):
    """A mark comes back: the caller has heard all sound before it, or the sound was cleared."""

    stream_sid: Name
    mark: MarkFields


class DigitFields(_Fields):
    """The key that was pressed."""

    digit: Annotated[str, Field(pattern="^[0-9*#A-D]$")]


class Digit(_Fields):
    """The caller has pressed a key."""

    stream_sid: Name
    dtmf: DigitFields


class Stopped(_Fields):
    """The stream has ended, since the phone call is over."""

    stream_sid: Name


StreamMessage = Started | Media | Marked | Digit | Stopped
_KINDS: Mapping[str, type[StreamMessage]] = {
    "start": Started,
    "media": Media,
    "mark": Marked,
    "dtmf": Digit,
    "stop": Stopped,
}


def read_message(text: str) -> StreamMessage | None:
    """Read a message from Twilio. Returns ``None`` if its event is not known, or needs no answer.

    Raises:
        StreamError: the message is not valid.
    """
    if len(text) > MAX_MESSAGE:
        raise StreamError("the message is too long")
    try:
        fields = read_json(text)
    except (ValueError, RecursionError):
        raise StreamError("the message is not JSON") from None
    if not isinstance(fields, dict):
        raise StreamError("the message is not a JSON object")
    event = fields.get("event")
    if not isinstance(event, str):
        raise StreamError("the message has no event")
    kind = _KINDS.get(event)
    if kind is None:
        return None
    try:
        return kind.model_validate(fields)
    except (ValidationError, RecursionError):
        raise StreamError(f"the fields of {event} are not valid") from None


def media_message(stream: str, sound: bytes) -> str:
    """The message that has Twilio play sound."""
    return _message("media", stream, media={"payload": base64.b64encode(sound).decode()})


def mark_message(stream: str, name: str) -> str:
    """The message that has Twilio send the mark back as soon as all sound before it was heard."""
    return _message("mark", stream, mark={"name": name})


def clear_message(stream: str) -> str:
    """The message that has Twilio drop all sound that was not heard, and send all marks back."""
    return _message("clear", stream)


def _message(event: str, stream: str, **fields: Mapping[str, str]) -> str:
    return json.dumps({"event": event, "streamSid": stream, **fields})

"""Fields of a message, parsed from untrusted text."""

from __future__ import annotations

import json
import math
from typing import Any, Literal, Self, get_args

MAX_MESSAGE_BYTES = 64 * 1024
"""A message with more bytes is refused. If it arrives as text, its characters are counted instead."""
MAX_NAME = 200
"""Maximum number of characters of a name, such as a voice's."""

ErrorCode = Literal["bad_message", "bad_parameter", "unknown_voice", "engine_failed", "overloaded", "too_long"]
ERROR_CODES: tuple[ErrorCode, ...] = get_args(ErrorCode)


class WireError(ValueError):
    """A message is not valid. ``code`` is the protocol's code of the error, ``reply`` the id in the message, if any."""

    def __init__(self, code: ErrorCode, message: str, reply: str | None = None) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.reply = reply


class GarbledError(WireError):
    """A message is not even JSON: it comes from another program, or was damaged on its way."""


def finite_number(value: Any) -> float:
    """Return a value from outside as a number. JSON can't express NaN and infinity, so they are refused.

    Raises:
        ValueError, TypeError: the value is no finite number.
    """
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError("the number is too large") from error
    if not math.isfinite(number):
        raise ValueError(f"{number} is no number")
    return number


class Fields(dict[str, Any]):
    """The JSON object of one message. ``reply`` is the id of the reply that the message names, if any.

    Each method reads one field and checks it. It returns ``None`` if the field is missing or null, and raises
    :class:`WireError` if the value is not valid.
    """

    reply: str | None = None

    @classmethod
    def parse(cls, raw: str | bytes, wrong_reply: ErrorCode) -> Self:
        """Parse a message.

        Args:
            wrong_reply: code of the error if "reply" is not a string.

        Raises:
            GarbledError: the message is not JSON.
            WireError: the message is too long, is not a JSON object, or has a "reply" that is not a string.
        """
        if len(raw) > MAX_MESSAGE_BYTES:
            raise WireError(
                "bad_message", f"a message may have at most {MAX_MESSAGE_BYTES} bytes, this one has {len(raw)}"
            )
        try:
            message = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise GarbledError("bad_message", f"not JSON: {error}") from None
        if not isinstance(message, dict):
            raise WireError("bad_message", "a message must be a JSON object")
        fields = cls(message)
        reply = fields.get("reply")
        if reply is not None and not isinstance(reply, str):
            raise WireError(wrong_reply, f'"reply" must be a string, not {reply!r}')
        fields.reply = reply
        return fields

    def text(self, name: str) -> str | None:
        """A string of any length."""
        value = self.get(name)
        if value is not None and not isinstance(value, str):
            raise self._refusal(f'"{name}" must be a string, not {value!r}')
        return value

    def name(self, name: str) -> str | None:
        """A string of 1 to 200 characters."""
        value = self.get(name)
        if value is not None and (not isinstance(value, str) or not 0 < len(value) <= MAX_NAME):
            raise self._refusal(f'"{name}" must be a string of 1 to {MAX_NAME} characters')
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number from ``low`` to ``high``."""
        value = self.get(name)
        if value is None:
            return None
        # `not (low <= value)` instead of `value < low`: it also refuses NaN, which Python's JSON parser accepts.
        if isinstance(value, bool) or not isinstance(value, int | float) or not (low <= value <= high):
            raise self._refusal(f'"{name}" must be a number from {low:g} to {high:g}, not {value!r}')
        return value

    def whole(self, name: str, low: float, high: float) -> int | None:
        """A number from ``low`` to ``high``, with its fraction cut off."""
        value = self.number(name, low, high)
        return None if value is None else int(value)

    def flag(self, name: str) -> bool:
        """True or false. ``False`` if the field is missing; null is not valid."""
        value = self.get(name, False)
        if not isinstance(value, bool):
            raise self._refusal(f'"{name}" must be true or false, not {value!r}')
        return value

    def _refusal(self, message: str) -> WireError:
        return WireError("bad_parameter", message, self.reply)

"""A message's fields, read from text that may come from a stranger."""

from __future__ import annotations

import json
from typing import Any, Literal, Self, get_args

MAX_MESSAGE_BYTES = 64 * 1024
LONGEST_NAME = 200

ErrorCode = Literal["bad_message", "bad_parameter", "unknown_voice", "engine_failed", "overloaded", "too_long"]
ERROR_CODES: tuple[ErrorCode, ...] = get_args(ErrorCode)


class WireError(ValueError):
    """A message that can't be understood; ``code`` is what the other side is told."""

    def __init__(self, code: ErrorCode, message: str, reply: str | None = None) -> None:
        super().__init__(message)
        self.code: ErrorCode = code
        self.reply = reply


class Fields(dict[str, Any]):
    """One message's JSON object. ``reply`` is the reply that the message names.

    The methods read one field and check it. They return ``None`` where it is missing or null, and raise
    :class:`WireError` where it is not as it must be.
    """

    reply: str | None = None

    @classmethod
    def parse(cls, raw: str | bytes, wrong_reply: ErrorCode) -> Self:
        """Read a message's text.

        Raises:
            WireError: it is too long, or no JSON object; with the code ``wrong_reply``, its "reply" is no string.
        """
        if len(raw) > MAX_MESSAGE_BYTES:
            raise WireError("bad_message", f"a message may have {MAX_MESSAGE_BYTES} bytes, this one has {len(raw)}")
        try:
            message = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise WireError("bad_message", f"not JSON: {error}") from None
        if not isinstance(message, dict):
            raise WireError("bad_message", "a message must be a JSON object")
        fields = cls(message)
        reply = fields.get("reply")
        if reply is not None and not isinstance(reply, str):
            raise WireError(wrong_reply, f'"reply" is a string, not {reply!r}')
        fields.reply = reply
        return fields

    def text(self, name: str) -> str | None:
        """A string of any length."""
        value = self.get(name)
        if value is not None and not isinstance(value, str):
            raise self._refusal(f'"{name}" is a string, not {value!r}')
        return value

    def name(self, name: str) -> str | None:
        """A string of 1 to 200 characters."""
        value = self.get(name)
        if value is not None and (not isinstance(value, str) or not 0 < len(value) <= LONGEST_NAME):
            raise self._refusal(f'"{name}" is a string of 1 to {LONGEST_NAME} characters')
        return value

    def number(self, name: str, low: float, high: float) -> float | None:
        """A number from ``low`` to ``high``."""
        value = self.get(name)
        if value is None:
            return None
        # `not (low <= value)` and not `value < low`: NaN, which JSON parsers let through, must fail too.
        if isinstance(value, bool) or not isinstance(value, int | float) or not (low <= value <= high):
            raise self._refusal(f'"{name}" is a number from {low:g} to {high:g}, not {value!r}')
        return value

    def whole(self, name: str, low: float, high: float) -> int | None:
        """A number from ``low`` to ``high``; what is behind the point is dropped."""
        value = self.number(name, low, high)
        return None if value is None else int(value)

    def flag(self, name: str) -> bool:
        """True or false. ``False`` where the field is missing; null is refused."""
        value = self.get(name, False)
        if not isinstance(value, bool):
            raise self._refusal(f'"{name}" is true or false, not {value!r}')
        return value

    def _refusal(self, message: str) -> WireError:
        return WireError("bad_parameter", message, self.reply)

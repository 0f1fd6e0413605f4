"""Discord's REST errors, each with HTTP status, error code and message."""

from __future__ import annotations

from typing import Any

UNKNOWN_CODES = {
    "Application": 10002,
    "Channel": 10003,
    "Guild": 10004,
    "Member": 10007,
    "Message": 10008,
    "Role": 10011,
    "User": 10013,
    "Emoji": 10014,
    "Webhook": 10015,
    "interaction": 10062,
    "application command": 10063,
    "Voice State": 10065,
}


class RestError(Exception):
    """A Discord REST error. Handlers raise it, and the client gets it as JSON.

    Args:
        status: the HTTP status.
        code: Discord's own code (documented under "JSON error codes").
        message: Discord's message.
        errors: the errors of single fields, nested like the request's body.
    """

    def __init__(self, status: int, code: int, message: str, errors: dict[str, Any] | None = None) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def payload(self) -> dict[str, Any]:
        """The body of the response."""
        body: dict[str, Any] = {"message": self.message, "code": self.code}
        if self.errors:
            body["errors"] = self.errors
        return body


def unknown(what: str) -> RestError:
    """Error 404: something does not exist. ``what`` is its kind, a key of :data:`UNKNOWN_CODES`."""
    return RestError(404, UNKNOWN_CODES[what], f"Unknown {what}")


def missing_access() -> RestError:
    """Error 403: the caller can't see the channel or guild."""
    return RestError(403, 50001, "Missing Access")


def closed_dms() -> RestError:
    """Error 403: the recipient takes no direct messages from the caller."""
    return RestError(403, 50007, "Cannot send messages to this user")


def missing_permissions() -> RestError:
    """Error 403: the caller lacks a permission."""
    return RestError(403, 50013, "Missing Permissions")


def empty_message() -> RestError:
    """Error 400: the message has neither text, embed, file nor sticker."""
    return RestError(400, 50006, "Cannot send an empty message")


def no_voice_messages() -> RestError:
    """Error 403: the caller may not send voice messages in the channel."""
    return RestError(403, 50173, "You cannot send voice messages in this channel")


def wrong_channel_type() -> RestError:
    """Error 400: the action is not possible in a channel of this type."""
    return RestError(400, 50024, "Cannot execute action on this channel type")


def invalid_form(field: str, code: str, message: str) -> RestError:
    """Error 400: a field of the body is wrong. ``field`` may be a dotted path."""
    errors: dict[str, Any] = {"_errors": [{"code": code, "message": message}]}
    for part in reversed(field.split(".")):
        errors = {part: errors}
    return RestError(400, 50035, "Invalid Form Body", errors)


def too_long(field: str, limit: int) -> RestError:
    """Error 400: a text is longer than ``limit`` characters."""
    return invalid_form(field, "BASE_TYPE_MAX_LENGTH", f"Must be {limit} or fewer in length.")

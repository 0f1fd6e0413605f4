"""Converts error answers of the speech server to texts for people."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from bot.redirects import is_redirect
from bot.speech_server.errors import UnknownVoiceError, VoiceExistsError, VoicesError
from bot.text import shorten

MAX_REASON = 300
"""Maximum number of characters of the server's own error message."""
CANNOT_CLONE = "The current engine can't clone voices."


def reason_and_code(body: bytes) -> tuple[str, str | None]:
    """The message (on one line) and code of an error in OpenAI's format; "" and ``None`` if the body has none."""
    try:
        error: Any = json.loads(body)["error"]
        message, code = error["message"], error.get("code")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return "", None
    text = shorten(" ".join(message.split()), MAX_REASON) if isinstance(message, str) else ""
    return text, code if text and isinstance(code, str) else None


def voices_refusal(status: int, body: bytes) -> VoicesError:
    """The error for an error answer to a request about voices. It shows the server's own reason, if there is one."""
    reason, code = reason_and_code(body)
    reason = _sentence(reason)
    match status, code:
        case HTTPStatus.CONFLICT, "voice_exists":
            return VoiceExistsError(f"❌ {reason or 'There is already a voice with that name.'}")
        case HTTPStatus.NOT_FOUND, "unknown_voice":
            # "there is no voice 'fr-ca'; French: fr-fr, fr-be, fr-ch"
            return UnknownVoiceError(f"❓ {reason or 'There is no such voice.'}", reason.partition("; ")[2])
        case HTTPStatus.CONFLICT, "cannot_clone":
            return VoicesError(f"❌ {reason or CANNOT_CLONE}")
        case HTTPStatus.UNAUTHORIZED, _:
            return VoicesError(
                "❌ The speech server does not accept my `TTS_TOKEN`. The people who run me can fix that."
            )
        case HTTPStatus.SERVICE_UNAVAILABLE, _:
            return VoicesError("⏳ The speech server is still getting ready. Please try again in a moment.")
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _:
            return VoicesError(f"❌ {reason or 'That file is too large for the speech server.'}")
        case HTTPStatus.NOT_FOUND, _:
            return VoicesError(
                "❌ This speech server has no list of voices. It may be an older version, or another program."
            )
        case _ if is_redirect(status):
            return VoicesError("❌ The speech server redirects me elsewhere. The people who run me can fix that.")
        case _ if reason:
            return VoicesError(f"❌ {reason}")
        case _:
            return VoicesError(f"❌ The speech server refused that (HTTP status {status}).")


def _sentence(text: str) -> str:
    text = text[:1].upper() + text[1:]
    return text if not text or text.endswith((".", "!", "?", "…")) else f"{text}."

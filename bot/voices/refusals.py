"""What the speech server refuses, in words for people."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from bot.text import shorten

MAX_REASON = 300
"""Characters of what the server says went wrong."""
CANNOT_CLONE = "The current engine can't clone voices."


class VoicesError(Exception):
    """What was asked of the voices could not be done; the text is for people."""


class VoiceExistsError(VoicesError):
    """There is already a voice with that name."""


class UnknownVoiceError(VoicesError):
    """There is no voice of that name. ``offer`` is a sentence that names those near it; empty where there are none."""

    def __init__(self, message: str, offer: str) -> None:
        super().__init__(message)
        self.offer = offer


def refusal(status: int, body: bytes) -> VoicesError:
    """The error for an answer that is none; the server's own reason is shown where it gives one."""
    reason, code = _reason(body)
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
        case _ if reason:
            return VoicesError(f"❌ {reason}")
        case _:
            return VoicesError(f"❌ The speech server refused that (HTTP status {status}).")


def _reason(body: bytes) -> tuple[str, str | None]:
    """What an OpenAI-shaped error says, as a sentence, and its code."""
    try:
        error: Any = json.loads(body)["error"]
        message, code = error["message"], error.get("code")
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return "", None
    if not isinstance(message, str) or not message.strip():
        return "", None
    text = shorten(" ".join(message.split()), MAX_REASON)
    sentence = text[:1].upper() + text[1:]
    return sentence if sentence.endswith((".", "!", "?", "…")) else f"{sentence}.", code if isinstance(
        code, str
    ) else None

"""Discord's checks of voice messages: one sound file with its length and its waveform, and nothing beside it."""

from __future__ import annotations

import base64
import binascii

from sandbox.world.entities import Draft
from sandbox.world.errors import RestError, invalid_form

MAX_POINTS = 256
"""Maximum number of bytes of a waveform."""


def check_voice_message(draft: Draft) -> None:
    """Check a draft that has the flag of a voice message.

    Raises:
        RestError: it has other content (50159), it has not exactly one sound file (50160), the file's length or
            waveform is missing (50161), or one of them is wrong (50035).
    """
    if draft.content or draft.embeds or draft.components or draft.stickers or draft.poll or draft.snapshot:
        raise RestError(400, 50159, "Voice messages do not support additional content")
    if len(draft.uploads) != 1 or not (draft.uploads[0].content_type or "").startswith("audio/"):
        raise RestError(400, 50160, "Voice messages must have a single audio attachment")
    (upload,) = draft.uploads
    if upload.seconds is None or upload.waveform is None:
        raise RestError(400, 50161, "Voice messages must have supporting metadata")
    if not upload.seconds > 0:
        raise invalid_form("attachments.0.duration_secs", "NUMBER_TYPE_MIN", "Must be greater than 0.")
    try:
        points = len(base64.b64decode(upload.waveform, validate=True))
    except binascii.Error:
        points = 0
    if not 1 <= points <= MAX_POINTS:
        raise invalid_form("attachments.0.waveform", "WAVEFORM_INVALID", "Must be 1 to 256 bytes in Base64.")

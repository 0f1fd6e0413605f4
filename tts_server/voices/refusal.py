"""Why a recording is not taken."""

from __future__ import annotations

from typing import Literal

RefusalCode = Literal["no_audio", "too_large", "too_short", "too_long", "too_quiet", "clipped", "no_speech"]


class RecordingRefusedError(Exception):
    """A recording that no voice can be made from; the text tells whoever sent it what to do about it."""

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code: RefusalCode = code

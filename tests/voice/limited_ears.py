"""A recogniser whose limit of the day is reached."""

from __future__ import annotations

from bot.voice.transcribe.transcriber import TranscriptionLimitError
from tests.voice.doubles import REACHED, ConstantTranscriber


class LimitedEars(ConstantTranscriber):
    """A recogniser that costs money. It fails as it warms up, since it may not be sent anything any more."""

    async def warm_up(self) -> None:
        raise TranscriptionLimitError(REACHED)

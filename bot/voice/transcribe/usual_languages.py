"""What each person usually speaks, learned from what they said at length: short utterances tell too little."""

from __future__ import annotations

from bot.voice.transcribe.languages import TELLING_SECONDS
from bot.voice.transcribe.transcriber import Transcript

SURE = 0.8
"""How likely a language must be, where that is told, to be somebody's."""


class UsualLanguages:
    """One for a call. People are named by their user ids."""

    def __init__(self) -> None:
        self._languages: dict[int, str] = {}

    def of(self, person: int) -> str | None:
        """The language that they spoke last at length, as Whisper's code."""
        return self._languages.get(person)

    def heard(self, person: int, transcript: Transcript, seconds: float) -> None:
        """Learn from what somebody has said in a sound of so many seconds."""
        sure = transcript.language_probability is None or transcript.language_probability >= SURE
        if transcript.language is not None and transcript.text and sure and seconds >= TELLING_SECONDS:
            self._languages[person] = transcript.language

"""The voices of an engine written for RealtimeTTS, each of which describes them in its own way."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tts_server.engines.base import Voice
from tts_server.engines.voices import resolve_voice

_TAG = re.compile(r"[a-z]{2,3}([-_][a-z0-9]+)*", re.IGNORECASE)
_WORDS = {
    "american english": "en-us",
    "british english": "en-gb",
    "arabic": "ar",
    "chinese": "zh",
    "dutch": "nl",
    "english": "en",
    "french": "fr",
    "german": "de",
    "hindi": "hi",
    "italian": "it",
    "japanese": "ja",
    "korean": "ko",
    "polish": "pl",
    "portuguese": "pt",
    "russian": "ru",
    "spanish": "es",
    "turkish": "tr",
}
_ONLY = Voice("default", "default", "")
"""The voice of an engine that lists none."""


class RealtimeTtsVoices:
    """The engine's voices as ours.

    Args:
        originals: what the engine lists.
        languages: BCP 47 tags for the engine's own names of languages.
    """

    def __init__(self, originals: Sequence[Any], languages: Mapping[str, str]) -> None:
        self._originals = {_described(original, languages): original for original in originals}
        self.all: tuple[Voice, ...] = tuple(self._originals) or (_ONLY,)
        self._tell_languages = any(voice.language for voice in self.all)
        self._default = self.all[0]

    def choose_default(self, wanted: str | None, usual: str | None) -> None:
        """Settle the voice for who names none: ``wanted``, which must be there, else ``usual``, else an English one.

        Raises:
            UnknownVoiceError: there is no voice ``wanted``.
        """
        if wanted is not None:
            self._default = resolve_voice(self.all, self._default, wanted, None)
            return
        usual_ones = [voice for voice in self.all if usual is not None and usual in (voice.id, voice.name)]
        english = [voice for voice in self.all if voice.language.partition("-")[0] == "en"]
        self._default = [*usual_ones, *english, self._default][0]

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """As :meth:`SpeechEngine.resolve`; where the voices tell no languages, each speaks all of them."""
        return resolve_voice(self.all, self._default, voice, language if self._tell_languages else None)

    def original(self, voice: Voice) -> Any | None:
        """What the engine itself calls it, if it lists any."""
        return self._originals.get(voice)


def _described(original: Any, languages: Mapping[str, str]) -> Voice:
    if isinstance(original, Voice):
        return original
    own_language = _attribute(original, "language", "language_code", "locale")
    language = languages.get(own_language) or _tag(own_language)
    country = _attribute(original, "tld")
    name = _attribute(original, "name", "id", "voice_id") or (f"{own_language}-{country}" if country else str(original))
    return Voice(name, name, language)


def _attribute(original: Any, *names: str) -> str:
    return next((str(value) for name in names if (value := getattr(original, name, None))), "")


def _tag(language: str) -> str:
    """A BCP 47 tag; empty for what can't be told."""
    if language.lower() in _WORDS:
        return _WORDS[language.lower()]
    return language.lower().replace("_", "-") if _TAG.fullmatch(language) and len(language) != 4 else ""

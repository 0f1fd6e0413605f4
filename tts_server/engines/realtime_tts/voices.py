"""Voices of RealtimeTTS's engines, converted to the server's ``Voice``. Every engine describes voices differently."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tts_server.engines.base import Voice
from tts_server.engines.voice_lookup import LANGUAGES, resolve_voice

_TAG = re.compile(r"[a-z]{2,3}([-_][a-z0-9]+)*", re.IGNORECASE)
_WORDS = {"american english": "en-us", "british english": "en-gb", **LANGUAGES}
_ONLY = Voice("default", "default", "")
"""The voice of an engine that lists no voices."""


class RealtimeTtsVoices:
    """The voices of one engine.

    Attributes:
        all: every voice; a single voice named ``default`` if the engine lists no voices.

    Args:
        originals: the voice objects that the engine lists.
        languages: BCP 47 tags by the engine's own names of languages.
        variants: suffixes that may follow any voice's id or name after a plus sign, as in ``en-us+f3``.
    """

    def __init__(self, originals: Sequence[Any], languages: Mapping[str, str], variants: Collection[str] = ()) -> None:
        self._originals = {_described(original, languages): original for original in originals}
        self._variants = {variant.casefold(): variant for variant in variants}
        self.all: tuple[Voice, ...] = tuple(self._originals) or (_ONLY,)
        self._have_languages = any(voice.language for voice in self.all)
        self._default = self.all[0]

    def choose_default(self, wanted: str | None, own_default: str | None) -> None:
        """Set the voice for requests that name none.

        Args:
            wanted: the operator's choice, which must exist; ``None`` if there is none.
            own_default: the engine's own default voice, used if ``wanted`` is ``None``. If there is no such voice, an
                English one is used.

        Raises:
            UnknownVoiceError: there is no voice ``wanted``.
        """
        named = [voice for voice in self.all if own_default is not None and own_default in (voice.id, voice.name)]
        english = [voice for voice in self.all if voice.language.partition("-")[0] == "en"]
        self._default = [*named, *english, self._default][0]
        if wanted is not None:
            self._default = self.resolve(wanted, None)

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """Return the voice for a request. If the voices have no languages, each speaks every language.

        Raises:
            UnknownVoiceError: there is no such voice, or none for that language.
        """
        if voice is not None and (varied := self._varied(voice)):
            return varied
        return resolve_voice(self.all, self._default, voice, language if self._have_languages else None)

    def original(self, voice: Voice) -> Any | None:
        """Return the engine's own voice object, or ``None`` if it lists no voices. For a variant, return ``voice``."""
        return self._originals.get(voice, voice if self._varied(voice.id) else None)

    def _varied(self, name: str) -> Voice | None:
        base, plus, variant = name.rpartition("+")
        if not plus or variant.strip().casefold() not in self._variants:
            return None
        voice = resolve_voice(self.all, self._default, base, None)
        own_name = self._variants[variant.strip().casefold()]
        return Voice(f"{voice.id}+{own_name}", f"{voice.name}, {own_name}", voice.language)


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
    """Return the BCP 47 tag for an engine's name of a language, or an empty string if the name is unknown."""
    if language.lower() in _WORDS:
        return _WORDS[language.lower()]
    return language.lower().replace("_", "-") if _TAG.fullmatch(language) and len(language) != 4 else ""

"""The voices of XTTS: those that people have made from recordings, and the built-in ones of the weights."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Sequence
from pathlib import Path

from tts_server.engines.base import Voice
from tts_server.engines.voice_lookup import find_voice, no_such_voice
from tts_server.voices.profile import UnknownVoiceError, VoiceProfileStore

_log = logging.getLogger(__name__)

_ANY_BUILT_IN = "built-in"
_MAX_NAMES, _MAX_NAME, _MAX_BYTES = 1000, 100, 1 << 20
_FALLBACK_LANGUAGE = "en"
# XTTS knows only one Chinese and one Arabic. Some systems name them by the tags of Mandarin and Standard Arabic.
_TAGS_OF_XTTS = {"cmn": "zh", "arb": "ar"}


class VoiceList:
    """All voices of XTTS. Every voice speaks every language.

    The names of the built-in voices are in the weights, so they are known only after the first loading. They are stored
    in a file for later starts.

    Args:
        profiles: the voices that people have made.
        folder: the folder for the file with the names of the built-in voices.
        languages: the model's own language tags.
        default: id or name of the voice for requests that name none.
    """

    def __init__(
        self, profiles: VoiceProfileStore, folder: Path, languages: Sequence[str], default: str | None = None
    ) -> None:
        self._profiles = profiles
        self._file = folder / "built_in_speakers.json"
        self._languages = tuple(languages)
        self._default = default
        self._built_in = {identifier_of(name): name for name in _read_names(self._file)}

    def update(self, names: Sequence[str], languages: Sequence[str]) -> None:
        """Set the built-in voices and the languages of the loaded model, and store the names for later starts."""
        self._languages = tuple(languages)
        built_in = {identifier_of(name): name for name in names}
        if built_in == self._built_in:
            return
        self._built_in = built_in
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            self._file.write_text(json.dumps(list(names), ensure_ascii=False), encoding="utf-8")
        except OSError as error:
            _log.warning("%s can't be written: %s", self._file, error)

    def built_in_name(self, voice: str) -> str | None:
        """Return the model's own name of the built-in voice with this id."""
        if voice == _ANY_BUILT_IN:
            return next(iter(self._built_in.values()), None)
        return self._built_in.get(voice)

    def voices(self) -> list[Voice]:
        """Return all voices. Those that people have made come first."""
        made = [Voice(profile.id, profile.name, profile.language) for profile in self._profiles.all()]
        ids = {voice.id for voice in made}
        return made + [Voice(i, name, _FALLBACK_LANGUAGE) for i, name in self._built_in.items() if i not in ids]

    def resolve(self, voice: str | None, language: str | None) -> Voice:
        """Return the named voice, else the default, else the first for the language, else the first of all.

        The result's language is the requested language, or the voice's language if none is requested. The result has
        the model's own tag of this language.

        Raises:
            UnknownVoiceError: there is no such voice, or XTTS does not speak the language.
        """
        name = voice if voice is not None else self._default
        chosen = self._first(language) if name is None else self._named(name)
        if language is not None and self._supported(language) is None:
            spoken = ", ".join(sorted(self._languages))
            raise UnknownVoiceError(f"XTTS v2 doesn't speak the language {language!r}; it speaks {spoken}")
        return Voice(chosen.id, chosen.name, self.language_for(language or chosen.language))

    def language_for(self, language: str) -> str:
        """Return the model's own tag for a language, or else its tag for English, or else its first tag."""
        return self._supported(language) or self._supported(_FALLBACK_LANGUAGE) or self._languages[0]

    def _named(self, name: str) -> Voice:
        voices = self.voices()
        voice = find_voice(voices, name)
        if voice is None:
            raise no_such_voice(voices, name)
        return voice

    def _first(self, language: str | None) -> Voice:
        voices = self.voices()
        if not voices:
            # The names of the built-in voices are unknown before the first loading.
            return Voice(_ANY_BUILT_IN, "Built-in", _FALLBACK_LANGUAGE)
        fitting = (
            voice for voice in voices if language and _primary_language(voice.language) == _primary_language(language)
        )
        return next(fitting, voices[0])

    def _supported(self, language: str) -> str | None:
        main = _primary_language(language)
        return next((tag for tag in self._languages if _primary_language(tag) == main), None)


def identifier_of(name: str) -> str:
    """Return the id of a built-in voice: its name in lower case, with dashes."""
    return re.sub(r"[^\w]+", "-", name.lower()).strip("-") or _ANY_BUILT_IN


def _primary_language(tag: str) -> str:
    main = tag.lower().replace("_", "-").partition("-")[0]
    return _TAGS_OF_XTTS.get(main, main)


def _read_names(file: Path) -> list[str]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            return []
        names = json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return []
    if not isinstance(names, list):
        return []
    return [name for name in names[:_MAX_NAMES] if isinstance(name, str) and 0 < len(name) <= _MAX_NAME]

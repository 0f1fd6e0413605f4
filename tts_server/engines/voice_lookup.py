"""Voice lookup: finds an engine's voice by id, name or language, and suggests voices for an unknown name."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence, Set

from tts_server.engines.base import Voice
from tts_server.voices.profile import UnknownVoiceError

LANGUAGES = {
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
    "norwegian": "no",
    "polish": "pl",
    "portuguese": "pt",
    "russian": "ru",
    "spanish": "es",
    "turkish": "tr",
}
"""BCP 47 tags by the languages' English names."""

# Tags of macrolanguages, each with the member language (ISO 639-3) that people mean by it.
_MEMBERS = {"zh": "cmn", "no": "nb", "iw": "he"}
_MAX_PRIMARY_LANGUAGE = 3
_REGIONAL = re.compile(r"[a-z]{2,3}(-[a-z]{4})?-([a-z]{2}|[0-9]{3})")
_NEAR = 0.75
_LISTED = 8
# A word of a voice's name. Shorter words match too many others.
_WORD = re.compile(r"[^\W\d_]{4,}")
_EXAMPLES = ("en", "de", "fr", "es", "ja")


def resolve_voice(voices: Sequence[Voice], default: Voice, voice: str | None, language: str | None) -> Voice:
    """Return the named voice.

    Without a name, it is the best voice for the language. Without a name and a language, it is ``default``.

    Args:
        voices: the engine's voices; if several fit, the first is taken.
        default: the voice for requests that name nothing.
        voice: an id, a name, or a language (``fr``, ``french``), in upper or lower case.
        language: a BCP 47 tag. If no voice has exactly this tag, one for the primary language is taken (``de`` for
            ``de-CH``), or one for another region.

    Raises:
        UnknownVoiceError: there is no such voice; the message suggests the nearest voices.
    """
    if voice is not None:
        return find_voice(voices, voice) or _by_language(voices, default, voice) or _refuse(voices, voice)
    if language is None:
        return default
    return _for_language(voices, default, language) or _refuse_language(language)


def find_voice(voices: Sequence[Voice], name: str) -> Voice | None:
    """Return the voice with this id or name. Upper and lower case matter only if several voices fit."""
    folded = _tag(name)
    for candidate in voices:
        if name in (candidate.id, candidate.name):
            return candidate
    for candidate in voices:
        if folded in (_tag(candidate.id), _tag(candidate.name)):
            return candidate
    return None


def no_such_voice(voices: Sequence[Voice], name: str) -> UnknownVoiceError:
    """Return the error for a name that no voice has; its message suggests the nearest voices."""
    return UnknownVoiceError(f"there is no voice {name!r}{_nearest(voices, name)}")


def _by_language(voices: Sequence[Voice], default: Voice, name: str) -> Voice | None:
    tag = _tag(name)
    for candidate in voices:
        if tag in candidate.also:
            return candidate
    same_language = [voice for voice in voices if _language_in_name(voice).casefold() == name.strip().casefold()]
    if same_language:
        return default if default in same_language else same_language[0]
    tag = LANGUAGES.get(tag, tag)
    if tag.isalpha() and len(tag) <= _MAX_PRIMARY_LANGUAGE:
        return _for_language(voices, default, tag)
    # A tag with a region may mean the one voice that serves all regions of the language.
    main = _primary_language(tag) if _REGIONAL.fullmatch(tag) else None
    return next((candidate for candidate in voices if candidate.language.lower() == main), None)


def _for_language(voices: Sequence[Voice], default: Voice, language: str) -> Voice | None:
    tag = _tag(language)
    main = _primary_language(tag)
    for candidate in voices:
        if tag != main and tag in (candidate.language.lower(), *candidate.also):
            return candidate
    if main == _primary_language(default.language):
        return default
    for candidate in voices:
        if candidate.language.lower() == main:
            return candidate
    return next((candidate for candidate in voices if _primary_language(candidate.language) == main), None)


def _nearest(voices: Sequence[Voice], name: str) -> str:
    """Return the end of an error message, which suggests voices."""
    # The part after a plus sign is a variant, and engines do not list variants.
    tag = _tag(name.partition("+")[0])
    main = _primary_language(LANGUAGES.get(tag, tag))
    same_language = [voice for voice in voices if voice.language and _primary_language(voice.language) == main]
    if same_language:
        return f"; {_listed_with_language(same_language)}"
    languages = {_language_in_name(voice).casefold(): voice for voice in voices}
    language = next(iter(difflib.get_close_matches(tag, languages, 1, _NEAR)), None)
    if language is not None:
        same_language = [voice for voice in voices if _language_in_name(voice).casefold() == language]
        return f"; {_listed_with_language(same_language)}"
    names = {_tag(known): voice for voice in voices for known in (voice.name, voice.id)}
    near = dict.fromkeys(names[close] for close in difflib.get_close_matches(tag, names, 3, _NEAR))
    near = near or dict.fromkeys(_alike_in_a_word(voices, name))
    if near:
        return f"; near it: {_listed(list(near))}"
    if len(voices) > _LISTED:
        return f"; there are {len(voices)}, for example {', '.join(_examples(voices))}"
    return f"; there are: {_listed(voices)}" if voices else ""


def _alike_in_a_word(voices: Sequence[Voice], name: str) -> list[Voice]:
    """Return the voices whose names share a word, or a similar word, with ``name``, such as "Swiss French"."""
    words = {voice: _WORD.findall(voice.name.casefold()) for voice in voices}
    known = {word for some in words.values() for word in some}
    for cutoff in (1.0, _NEAR):
        meant = {near for word in _WORD.findall(name.casefold()) for near in _close(word, known, cutoff)}
        if found := [voice for voice, some in words.items() if meant.intersection(some)]:
            return found
    return []


def _close(word: str, known: Set[str], cutoff: float) -> list[str]:
    return difflib.get_close_matches(word, known, 1, cutoff)


def _examples(voices: Sequence[Voice]) -> list[str]:
    found = (
        next((voice.id for voice in voices if _primary_language(voice.language) == main), None) for main in _EXAMPLES
    )
    return list(filter(None, found)) or [voice.id for voice in voices[: len(_EXAMPLES)]]


def _listed_with_language(same_language: Sequence[Voice]) -> str:
    languages = {_language_in_name(voice) for voice in same_language}
    label = languages.pop() if len(languages) == 1 and len(same_language) > 1 else "near it"
    return f"{label}: {_listed(same_language)}"


def _listed(voices: Sequence[Voice]) -> str:
    more = f" and {len(voices) - _LISTED} more" if len(voices) > _LISTED else ""
    return ", ".join(voice.id for voice in voices[:_LISTED]) + more


def _refuse(voices: Sequence[Voice], name: str) -> Voice:
    raise no_such_voice(voices, name)


def _refuse_language(language: str) -> Voice:
    raise UnknownVoiceError(f"there is no voice for the language {language!r}")


def _language_in_name(voice: Voice) -> str:
    """Return the language in a voice's name: ``French`` of ``French (Belgium)``."""
    return voice.name.partition(" (")[0]


def _tag(name: str) -> str:
    return name.strip().casefold().replace("_", "-")


def _primary_language(tag: str) -> str:
    main = tag.lower().partition("-")[0]
    return _MEMBERS.get(main, main)

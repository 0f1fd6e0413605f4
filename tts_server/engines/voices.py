"""Which of an engine's voices a client means."""

from __future__ import annotations

from collections.abc import Sequence

from tts_server.engines.base import UnknownVoiceError, Voice

# ISO 639-3: a macrolanguage's tag, and the member that is meant when people use it.
_MEMBERS = {"zh": "cmn", "no": "nb", "iw": "he"}


def resolve_voice(voices: Sequence[Voice], default: Voice, voice: str | None, language: str | None) -> Voice:
    """The voice named; else the best for the language; else ``default``.

    A language without a voice of its own gets that of its main part (``de-CH``: ``de``), or of any of its kin.

    Raises:
        UnknownVoiceError: there is none.
    """
    if voice is not None:
        return _named(voices, voice)
    if language is None:
        return default
    tag = language.lower().replace("_", "-")
    main = _main_part(tag)
    for candidate in voices:
        if candidate.language.lower() == tag and tag != main:
            return candidate
    if main == _main_part(default.language):
        return default
    for candidate in voices:
        if candidate.language.lower() == main:
            return candidate
    for candidate in voices:
        if _main_part(candidate.language) == main:
            return candidate
    raise UnknownVoiceError(f"there is no voice for the language {language!r}")


def _named(voices: Sequence[Voice], name: str) -> Voice:
    for candidate in voices:
        if name in (candidate.id, candidate.name):
            return candidate
    raise UnknownVoiceError(f"there is no voice {name!r}")


def _main_part(tag: str) -> str:
    main = tag.lower().partition("-")[0]
    return _MEMBERS.get(main, main)

"""Languages as transcription servers name them: "de", "de-DE", "german"."""

from __future__ import annotations

from languages.names import LANGUAGES

TELLING_SECONDS = 2.5
"""Seconds of sound from which on a recogniser can tell the language; of less it guesses."""

_KNOWN = frozenset(LANGUAGES.values())


def language_code(named: object) -> str | None:
    """Whisper's code for a language, however a server names it; ``None`` for what is no known language."""
    if not isinstance(named, str):
        return None
    name = named.strip().casefold()
    code = LANGUAGES.get(name, name.replace("_", "-").partition("-")[0])
    return code if code in _KNOWN else None

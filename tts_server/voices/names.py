"""Checks of voices' names, ids and languages."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Container

MAX_NAME_LENGTH = 40
MAX_ID_LENGTH = 32
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")
_PUNCTUATION = " -_'’.,!?&()"
_WINDOWS_DEVICES = re.compile(r"con|prn|aux|nul|conin|conout|com\d|lpt\d")


class BadNameError(ValueError):
    """The name is not valid; the message says why."""


class BadLanguageError(ValueError):
    """The language tag is not valid; the message shows a valid one."""


def clean_name(given: str) -> str:
    """The name in Unicode composed form (NFC), with single spaces.

    Raises:
        BadNameError: the name is too long, or has characters that are not allowed.
    """
    # Check the length before normalizing, which is slow on long strings and may make them longer.
    if len(given) > 4 * MAX_NAME_LENGTH:
        raise BadNameError(f"a voice's name has at most {MAX_NAME_LENGTH} characters")
    name = " ".join(unicodedata.normalize("NFC", given).split())
    if len(name) > MAX_NAME_LENGTH:
        raise BadNameError(f"a voice's name has at most {MAX_NAME_LENGTH} characters")
    if not any(character.isalnum() for character in name):
        raise BadNameError("a voice's name needs a letter or a digit")
    for character in name:
        if character not in _PUNCTUATION and unicodedata.category(character)[0] not in "LMN":
            raise BadNameError(f"a voice's name may contain letters, digits, spaces and {_PUNCTUATION.strip()}")
    return name


def clean_language(given: str) -> str:
    """The BCP 47 tag in lower case.

    Raises:
        BadLanguageError: the tag is not valid.
    """
    language = given.strip().lower()
    if not _LANGUAGE.fullmatch(language):
        raise BadLanguageError("the language must be a tag such as en, de or pt-br")
    return language


def same_name(one: str, other: str) -> bool:
    """Whether two names look the same to people."""
    return _normalized(one) == _normalized(other)


def _normalized(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def is_voice_id(text: str) -> bool:
    """Whether the text can be a folder name on every system, and can't leave its parent folder."""
    return len(text) <= MAX_ID_LENGTH and bool(_ID.fullmatch(text)) and not _WINDOWS_DEVICES.fullmatch(text)


def voice_id(name: str, taken: Container[str]) -> str:
    """A new id for a name from :func:`clean_name`. The id is not in ``taken``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub("[^a-z0-9]+", "-", plain)[: MAX_ID_LENGTH - 4].strip("-")
    # If the name is in another script, perhaps only its digits are left.
    if not is_voice_id(slug) or slug.isdecimal():
        slug = f"voice-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    number, found = 1, slug
    while found in taken:
        number += 1
        found = f"{slug}-{number}"
    return found

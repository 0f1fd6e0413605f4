"""What people may call a voice, and what its folder is called then."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Container

MAX_NAME_LENGTH = 40
MAX_ID_LENGTH = 32
_ID = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LANGUAGE = re.compile(r"[a-z]{2,3}(?:-[a-z0-9]{2,8}){0,3}")
_MARKS = " -_'’.,!?&()"
_WINDOWS_DEVICES = re.compile(r"con|prn|aux|nul|conin|conout|com\d|lpt\d")


class BadNameError(ValueError):
    """A voice can't be called so; the text says why."""


class BadLanguageError(ValueError):
    """This is no tag of a language; the text says what one looks like."""


def clean_name(given: str) -> str:
    """The name as it is kept: composed, its blanks single.

    Raises:
        BadNameError: it is too long, or has characters that names don't have.
    """
    # Before anything is done to a stranger's string: composing is slow on a long one, and may make it longer.
    if len(given) > 4 * MAX_NAME_LENGTH:
        raise BadNameError(f"a voice's name has at most {MAX_NAME_LENGTH} characters")
    name = " ".join(unicodedata.normalize("NFC", given).split())
    if len(name) > MAX_NAME_LENGTH:
        raise BadNameError(f"a voice's name has at most {MAX_NAME_LENGTH} characters")
    if not any(character.isalnum() for character in name):
        raise BadNameError("a voice's name needs a letter or a digit")
    for character in name:
        if character not in _MARKS and unicodedata.category(character)[0] not in "LMN":
            raise BadNameError(f"a voice's name may contain letters, digits, spaces and {_MARKS.strip()}")
    return name


def clean_language(given: str) -> str:
    """The BCP 47 tag in lower case.

    Raises:
        BadLanguageError: it is none.
    """
    language = given.strip().lower()
    if not _LANGUAGE.fullmatch(language):
        raise BadLanguageError("the language must be a tag such as en, de or pt-br")
    return language


def same_name(one: str, other: str) -> bool:
    """Whether people would take one for the other."""
    return _folded(one) == _folded(other)


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def is_voice_id(text: str) -> bool:
    """Whether a folder may be called so on any system, and stays where it is put."""
    return len(text) <= MAX_ID_LENGTH and bool(_ID.fullmatch(text)) and not _WINDOWS_DEVICES.fullmatch(text)


def voice_id(name: str, taken: Container[str]) -> str:
    """An id for a clean name that is not among ``taken``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = re.sub("[^a-z0-9]+", "-", plain)[: MAX_ID_LENGTH - 4].strip("-")
    # Of a name in another script the digits may be all that is left.
    if not is_voice_id(slug) or slug.isdecimal():
        slug = f"voice-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    number, found = 1, slug
    while found in taken:
        number += 1
        found = f"{slug}-{number}"
    return found

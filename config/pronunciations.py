"""The operator's pronunciation dictionary, such as ``SQL: sequel`` and ``Nguyen: win``."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Self

import yaml

from config.errors import SettingsError
from config.reasons import reason
from config.speech_settings import SpeechSettings
from languages.scripts import is_unspaced_script

MAX_BYTES = 1 << 20
_TEXT = "tag:yaml.org,2002:str"


class PronunciationsError(ValueError):
    """The file can't be used. The message names the file, the line and the fault."""


class Pronunciations:
    """Replaces whole words, ignoring case; longer words are matched first.

    In scripts without spaces between words, a match may be anywhere in the text.

    Args:
        pairs: written words, and the words to speak instead.
    """

    def __init__(self, pairs: Mapping[str, str] | None = None) -> None:
        self._said = {_key(written): said for written, said in (pairs or {}).items()}
        written = sorted(self._said, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(_whole, written)), re.IGNORECASE) if written else None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a YAML file of ``written: spoken`` lines.

        Raises:
            PronunciationsError: the file can't be used.
        """
        try:
            if path.stat().st_size > MAX_BYTES:
                raise PronunciationsError(f"{path} is larger than 1 MiB")
            root = yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
        except OSError as error:
            raise PronunciationsError(f"{path} can't be read: {reason(error)}") from error
        except UnicodeDecodeError as error:
            raise PronunciationsError(f"{path} can't be read: it is not UTF-8") from error
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark
            where = f", line {mark.line + 1}" if mark else ""
            raise PronunciationsError(f"{path}{where}: this is not YAML") from error
        except (yaml.YAMLError, RecursionError) as error:
            raise PronunciationsError(f"{path} can't be read: it is not YAML") from error
        return cls(dict(_pairs(path, root)))

    def apply(self, text: str) -> str:
        """Replace all words of the dictionary in ``text``."""
        if self._pattern is None:
            return text
        text = unicodedata.normalize("NFC", text)
        return self._pattern.sub(lambda found: self._said.get(_key(found[0]), found[0]), text)


def read_pronunciations(settings: SpeechSettings) -> Pronunciations:
    """Read the dictionary named by ``TTS_CORRECTIONS``. Reads a file.

    Raises:
        SettingsError: the file can't be used. The message names the line.
    """
    if settings.tts_corrections is None:
        return Pronunciations()
    try:
        return Pronunciations.read(settings.tts_corrections)
    except PronunciationsError as error:
        raise SettingsError(f"TTS_CORRECTIONS: {error}") from error


def _pairs(path: Path, root: yaml.Node | None) -> Iterator[tuple[str, str]]:
    if root is None:
        return
    if not isinstance(root, yaml.MappingNode):
        raise PronunciationsError(f'{path}, line {_line(root)}: write lines like "SQL: sequel"')
    lines: dict[str, int] = {}
    for written, said in root.value:
        where = f"{path}, line {_line(written)}"
        if not _is_text(written) or not _is_text(said):
            raise PronunciationsError(
                f"{where}: both sides of the colon must be text; put numbers, yes and no into quotes"
            )
        if not any(char.isprintable() and not char.isspace() for char in written.value):
            raise PronunciationsError(f"{where}: there is no word before the colon")
        first = lines.setdefault(_key(written.value), _line(written))
        if first != _line(written):
            raise PronunciationsError(f"{where}: {written.value!r} is in line {first} already")
        yield written.value, said.value


def _is_text(node: yaml.Node) -> bool:
    return isinstance(node, yaml.ScalarNode) and node.tag == _TEXT


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1


def _key(written: str) -> str:
    return unicodedata.normalize("NFC", written.strip()).casefold()


def _whole(written: str) -> str:
    """A pattern for a whole word: no letter, digit or underscore directly before or after it."""
    before = r"(?<!\w)" if _has_edge(written[0]) else ""
    after = r"(?!\w)" if _has_edge(written[-1]) else ""
    return before + re.escape(written) + after


def _has_edge(char: str) -> bool:
    return (char.isalnum() or char == "_") and not is_unspaced_script(char)

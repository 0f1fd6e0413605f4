"""Words with which people ask the bot to change something about itself, from ``config/language/controls.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from pydantic import TypeAdapter

from bot.text import has_phrase, plain
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml

CONTROLS_FILE = Path(__file__).parents[2] / "config" / "language" / "controls.yaml"


class Control(StrEnum):
    """What the bot can change about itself."""

    VOLUME = "volume"
    SPEED = "speed"
    MOOD = "mood"
    LEAVE = "leave"
    STAY = "stay"
    MUSIC = "music"
    SOUND = "sound"


class ControlWordsError(BrokenFileError):
    """The file of words can't be used. The message names the file and the mistake."""


class ControlWords:
    """Recognises whether words ask for a control. All languages are recognised at once.

    Raises:
        ControlWordsError: the file at ``path`` can't be read, is malformed, or has no words for a control.
    """

    def __init__(self, path: Path = CONTROLS_FILE) -> None:
        form = TypeAdapter(dict[Control, dict[str, list[str]]])
        try:
            read: Mapping[Control, Mapping[str, list[str]]] = form.validate_python(read_yaml(path))
        except UNREADABLE as error:
            raise ControlWordsError(f"{path} can't be used: {reason(error)}") from error
        self._words = {
            control: frozenset(filter(None, (plain(word) for words in languages.values() for word in words)))
            for control, languages in read.items()
        }
        if missing := [control.value for control in Control if not self._words.get(control)]:
            raise ControlWordsError(f"{path} can't be used: words for {', '.join(missing)} are missing")

    def ask_for(self, control: Control, text: str) -> bool:
        """Whether a text has one of the control's words."""
        said = plain(text)
        return any(has_phrase(said, word) for word in self._words[control])

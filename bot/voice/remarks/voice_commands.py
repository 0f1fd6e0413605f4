"""Commands that are said aloud: a closed list, in several languages, that must be the whole remark.

Politeness, names and repetition may surround them ("Seiyuu, stop, please stop!"); any other word makes it a remark like
others ("don't leave", "stop by the shop").
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.voice.remarks.names import Names
from bot.voice.remarks.phrases import plain

COMMANDS_FILE = Path(__file__).parents[3] / "config" / "language" / "voice_commands.yaml"

LONGEST = 200
"""Characters beyond which a remark is no command, whatever the words."""
FIRST_WITHOUT_GAPS = "\u2e80"
"""The scripts from here on are mostly East Asian and written without spaces; those before it have them."""

_Phrases = dict[str, list[str]]


class VoiceCommand(StrEnum):
    """What can be asked for aloud."""

    LEAVE = "leave"
    STOP = "stop"
    REPEAT_ME = "repeat me"


class VoiceCommandsError(ValueError):
    """The file of commands can't be used; the text names it and the fault."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    polite: _Phrases
    leave: _Phrases
    stop: _Phrases
    repeat_me: Annotated[_Phrases, Field(alias="repeat me")]

    def meanings(self) -> Iterator[tuple[str, VoiceCommand | None]]:
        """Each phrase as it is compared, and its command; ``None`` for what is only polite."""
        for languages, command in (
            (self.polite, None),
            (self.leave, VoiceCommand.LEAVE),
            (self.stop, VoiceCommand.STOP),
            (self.repeat_me, VoiceCommand.REPEAT_ME),
        ):
            for phrases in languages.values():
                yield from ((plain(phrase), command) for phrase in phrases)


class VoiceCommands:
    """Finds commands in what is said to somebody of these names.

    Raises:
        VoiceCommandsError: ``path`` can't be read, or is malformed, or a phrase in it is empty or means two things.
    """

    def __init__(self, names: Names, path: Path = COMMANDS_FILE) -> None:
        self._names = names
        self._meanings: dict[str, VoiceCommand | None] = {}
        for phrase, command in _read(path).meanings():
            if not phrase:
                raise VoiceCommandsError(f"{path} has a phrase without words")
            if self._meanings.setdefault(phrase, command) is not command:
                raise VoiceCommandsError(f"{path} gives two meanings to {phrase!r}")
        self._longest_first = sorted(self._meanings, key=len, reverse=True)

    def find(self, text: str, *, alone: bool, speaking: bool) -> VoiceCommand | None:
        """The command that a remark is.

        Args:
            alone: nobody but this person is there, so that whatever they say is for the bot.
            speaking: the bot speaks, so that "stop" needs no name.
        """
        command = self._meaning(text)
        if command is None:
            return None
        named = self._names.called_in(text)
        if command is VoiceCommand.STOP:
            # To who is silent, "stop" was probably not said.
            return command if speaking or named else None
        return command if named or alone else None

    def _meaning(self, text: str) -> VoiceCommand | None:
        """The only command in a remark that consists of it, names and politeness."""
        rest = plain(text)
        if len(rest) > LONGEST:
            return None
        found: VoiceCommand | None = None
        while rest := self._names.without(rest):
            phrase = next((phrase for phrase in self._longest_first if _begins_with(rest, phrase)), None)
            if phrase is None:
                return None
            command = self._meanings[phrase]
            if None not in (found, command) and found is not command:
                return None
            found = command or found
            rest = rest[len(phrase) :]
        return found


def _read(path: Path) -> _File:
    try:
        return _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeError, yaml.YAMLError, ValidationError) as error:
        raise VoiceCommandsError(f"{path} can't be used: {error}") from error


def _begins_with(text: str, phrase: str) -> bool:
    """Whether a text begins with these words; in Chinese and Japanese, words need no gap between them."""
    rest = text.removeprefix(phrase)
    return rest != text and (rest[:1] in ("", " ") or phrase[-1] >= FIRST_WITHOUT_GAPS)

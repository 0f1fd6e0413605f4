"""Commands that are said aloud: a closed list, in several languages, that must be the whole remark."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.voice.names import Names
from bot.voice.phrases import plain, plain_words

COMMANDS_FILE = Path(__file__).parents[2] / "config" / "language" / "voice_commands.yaml"

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

    polite: list[str]
    leave: _Phrases
    stop: _Phrases
    repeat_me: Annotated[_Phrases, Field(alias="repeat me")]


class VoiceCommands:
    """Finds commands in what is said to somebody of these names.

    Raises:
        VoiceCommandsError: ``path`` can't be read, or is malformed.
    """

    def __init__(self, names: Names, path: Path = COMMANDS_FILE) -> None:
        try:
            file = _File.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
        except (OSError, yaml.YAMLError, ValidationError) as error:
            raise VoiceCommandsError(f"{path} can't be used: {error}") from error
        self._names = names
        self._polite = sorted((plain_words(phrase) for phrase in file.polite), key=len, reverse=True)
        self._commands = {
            plain(phrase): command
            for command, phrases in (
                (VoiceCommand.LEAVE, file.leave),
                (VoiceCommand.STOP, file.stop),
                (VoiceCommand.REPEAT_ME, file.repeat_me),
            )
            for several in phrases.values()
            for phrase in several
        }

    def find(self, text: str, *, alone: bool, speaking: bool) -> VoiceCommand | None:
        """The command that a remark is.

        Args:
            alone: nobody but this person is there, so that whatever they say is for the bot.
            speaking: the bot speaks, so that "stop" needs no name.
        """
        command = self._commands.get(self._bare(text))
        if command is None:
            return None
        named = self._names.called_in(text)
        if command is VoiceCommand.STOP:
            # To who is silent, "stop" was probably not said.
            return command if speaking or named else None
        return command if named or alone else None

    def _bare(self, text: str) -> str:
        """The remark without the name and without politeness, however they are mixed."""
        words = plain_words(text)
        while True:
            shorter = plain_words(self._names.without(" ".join(self._less_polite(words))))
            if shorter == words:
                return " ".join(words)
            words = shorter

    def _less_polite(self, words: list[str]) -> list[str]:
        for phrase in self._polite:
            if len(phrase) < len(words):
                if words[: len(phrase)] == phrase:
                    return words[len(phrase) :]
                if words[-len(phrase) :] == phrase:
                    return words[: -len(phrase)]
        return words

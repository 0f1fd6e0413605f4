"""Introductions: the sentence with which a voice is previewed, in its own language."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict

from bot.speech_server.voices import ServerVoice
from config.reasons import UNREADABLE, BrokenFileError, reason
from config.yaml_files import read_yaml
from languages.names import LANGUAGES
from languages.tags import primary_language

INTRODUCTIONS_FILE = Path(__file__).parents[2] / "config" / "language" / "introductions.yaml"
_USUAL = "en"
"""Language of the sentence for a voice whose language is not in the file."""


def _with_the_usual(texts: dict[str, str]) -> dict[str, str]:
    if _USUAL not in texts:
        raise ValueError(f"the language {_USUAL!r} is missing")
    return texts


_Texts = Annotated[dict[str, str], AfterValidator(_with_the_usual)]
"""Sentences by language."""


class IntroductionsError(BrokenFileError):
    """The file of introductions can't be used. The text names the file and the mistake."""


class Introductions(BaseModel):
    """A short sentence in each of many languages. ``named`` has a place for the voice's name, ``nameless`` has none."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    named: _Texts
    nameless: _Texts

    @property
    def usual(self) -> str:
        """The sentence for a voice of which nothing is known."""
        return self.nameless[_USUAL]

    def of(self, voice: ServerVoice) -> str:
        """The sentence in the voice's language, or in English if the file has no sentence in this language.

        A voice that is named after its language says no name, because nobody says "Ich bin German".
        """
        texts = self.nameless if _is_a_language(voice) else self.named
        return texts.get(primary_language(voice.language), texts[_USUAL]).replace("{name}", voice.name)


def load_introductions(path: Path = INTRODUCTIONS_FILE) -> Introductions:
    """Read the file of introductions. Blocks on the disk.

    Raises:
        IntroductionsError: the file can't be read, or is not valid.
    """
    try:
        return Introductions.model_validate(read_yaml(path))
    except UNREADABLE as error:
        raise IntroductionsError(f"{path} can't be used: {reason(error)}") from error


def _is_a_language(voice: ServerVoice) -> bool:
    return voice.id.casefold() == voice.language.casefold() or voice.name.partition(" (")[0].casefold() in LANGUAGES

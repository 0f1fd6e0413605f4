"""What a voice says of itself, to be judged by."""

from __future__ import annotations

from pathlib import Path

import yaml

from bot.speech_server.voices import ServerVoice
from languages.names import LANGUAGES

INTRODUCTIONS_FILE = Path(__file__).parents[2] / "config" / "language" / "introductions.yaml"
_KIN = {"cmn": "zh", "yue": "zh"}


class Introductions:
    """A short sentence in each of many languages."""

    def __init__(self, path: Path = INTRODUCTIONS_FILE) -> None:
        texts: dict[str, dict[str, str]] = yaml.safe_load(path.read_text(encoding="utf-8"))
        self._named, self._nameless = texts["named"], texts["nameless"]

    def of(self, voice: ServerVoice) -> str:
        """The one in the voice's own language; in English where there is none.

        A voice that is called after its language says no name: "Ich bin German" is nothing that anybody says.
        """
        main = voice.language.lower().partition("-")[0]
        texts = self._nameless if _is_a_language(voice) else self._named
        return texts.get(_KIN.get(main, main), texts["en"]).replace("{name}", voice.name)


def _is_a_language(voice: ServerVoice) -> bool:
    return voice.id.casefold() == voice.language.casefold() or voice.name.partition(" (")[0].casefold() in LANGUAGES

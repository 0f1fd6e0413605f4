"""What a voice says of itself, to be judged by."""

from __future__ import annotations

from pathlib import Path

import yaml

from bot.voices.client import ServerVoice

INTRODUCTIONS_FILE = Path(__file__).parents[2] / "config" / "language" / "introductions.yaml"
_KIN = {"cmn": "zh", "yue": "zh"}


class Introductions:
    """A short sentence in each of many languages."""

    def __init__(self, path: Path = INTRODUCTIONS_FILE) -> None:
        self._texts: dict[str, str] = yaml.safe_load(path.read_text(encoding="utf-8"))

    def of(self, voice: ServerVoice) -> str:
        """The one in the voice's own language; in English where there is none."""
        main = voice.language.lower().partition("-")[0]
        return self._texts.get(_KIN.get(main, main), self._texts["en"]).replace("{name}", voice.name)

"""What a voice made from recordings is, to whoever lists it or speaks with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

_ENGLISH = "Hello! This is how I sound. Shall we talk for a while?"
_SENTENCES = {
    "ar": "مرحبا! هكذا يبدو صوتي. هل نتحدث قليلا؟",
    "cs": "Ahoj! Takhle zním. Popovídáme si chvíli?",
    "de": "Hallo! So klinge ich. Wollen wir uns ein wenig unterhalten?",
    "en": _ENGLISH,
    "es": "¡Hola! Así sueno yo. ¿Hablamos un rato?",
    "fr": "Bonjour ! Voilà comment je parle. On discute un peu ?",
    "hi": "नमस्ते! मेरी आवाज़ ऐसी है। क्या हम थोड़ी बात करें?",
    "hu": "Szia! Így szól a hangom. Beszélgessünk egy kicsit?",
    "it": "Ciao! Ecco come suona la mia voce. Parliamo un po'?",
    "ja": "こんにちは！これが私の声です。少しお話ししましょうか？",
    "ko": "안녕하세요! 제 목소리는 이렇습니다. 잠시 이야기할까요?",
    "nl": "Hallo! Zo klink ik. Zullen we even praten?",
    "pl": "Cześć! Tak brzmi mój głos. Porozmawiamy chwilę?",
    "pt": "Olá! É assim que eu falo. Vamos conversar um pouco?",
    "ru": "Привет! Вот как я звучу. Поговорим немного?",
    "tr": "Merhaba! Sesim böyle. Biraz konuşalım mı?",
    "zh": "你好！这就是我的声音。我们聊一会儿好吗？",
}
_KIN = {"cmn": "zh", "yue": "zh"}


class UnknownVoiceError(ValueError):
    """There is no such voice, or none for that language."""


@dataclass(frozen=True, slots=True)
class VoiceProfile:
    """A voice that people made.

    Attributes:
        id: a name that is safe as a file's: lower-case letters, digits and dashes.
        name: what people call it.
        language: BCP 47 tag of what is spoken in the recordings.
        recordings: FLAC files, mono, 24,000 Hz, trimmed and at one level.
        digest: changes whenever a recording does; hexadecimal.
    """

    id: str
    name: str
    language: str
    recordings: tuple[Path, ...]
    digest: str


class Profiles(Protocol):
    """Where an engine finds the voices that people made. Both may be called on the event loop: they don't block."""

    def all(self) -> Sequence[VoiceProfile]:
        """Every voice, oldest first."""
        ...

    def get(self, voice: str) -> VoiceProfile | None:
        """The voice with this id, if there is one."""
        ...


class NoProfiles:
    """Of a server that keeps no voices."""

    def all(self) -> Sequence[VoiceProfile]:
        """None."""
        return ()

    def get(self, voice: str) -> VoiceProfile | None:
        """None."""
        return None


def preview_sentence(language: str) -> str:
    """A short sentence in a BCP 47 language; English where there is none."""
    main = language.lower().partition("-")[0]
    return _SENTENCES.get(_KIN.get(main, main), _ENGLISH)

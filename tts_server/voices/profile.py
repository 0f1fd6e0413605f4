"""Profiles of voices made from recordings, and the sentences used to preview them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from typing_extensions import override

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
_SAME_SENTENCE = {"cmn": "zh", "yue": "zh"}


class UnknownVoiceError(ValueError):
    """There is no such voice, or no voice for that language."""


@dataclass(frozen=True, slots=True)
class VoiceProfile:
    """A voice made from recordings.

    Attributes:
        id: lower-case letters, digits and dashes; safe as a file name.
        name: display name.
        language: BCP 47 tag of the language spoken in the recordings.
        recordings: FLAC files, mono, 24,000 Hz, trimmed and levelled.
        digest: hexadecimal hash over the recordings.
    """

    id: str
    name: str
    language: str
    recordings: tuple[Path, ...]
    digest: str


class VoiceProfileStore(Protocol):
    """Gives engines access to the voices made from recordings. Its methods don't block."""

    def all(self) -> Sequence[VoiceProfile]:
        """All voices, oldest first."""
        ...

    def get(self, voice: str) -> VoiceProfile | None:
        """The voice with this id, if there is one."""
        ...


class NoProfiles(VoiceProfileStore):
    """The empty store of a server without a voice library."""

    @override
    def all(self) -> Sequence[VoiceProfile]:
        return ()

    @override
    def get(self, voice: str) -> VoiceProfile | None:
        return None


def preview_sentence(language: str) -> str:
    """A short sentence in a language (BCP 47 tag); in English if there is none in that language."""
    main = language.lower().partition("-")[0]
    return _SENTENCES.get(_SAME_SENTENCE.get(main, main), _ENGLISH)

"""Turns text into Kokoro's phonemes: espeak-ng through the package phonemizer, then the symbols that Kokoro learned.

kokoro-onnx has a tokenizer of its own, but it has two faults for speech in a call: it starts espeak-ng again for every
text, and it leaves espeak-ng's marks of foreign words, such as ``(en)``, among the phonemes, where they are spoken.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from types import MappingProxyType

import espeakng_loader
from kokoro_onnx.config import DEFAULT_VOCAB
from phonemizer.backend import EspeakBackend
from phonemizer.backend.espeak.wrapper import EspeakWrapper
from phonemizer.separator import Separator

ESPEAK_VOICES: Mapping[str, str] = MappingProxyType(
    {
        "en-us": "en-us",
        "en-gb": "en-gb",
        "es": "es",
        "fr": "fr-fr",
        "hi": "hi",
        "it": "it",
        "pt-br": "pt-br",
    }
)
"""espeak-ng's names of the languages, by BCP 47 tag."""

# espeak-ng joins the letters of one sound with a tie, for example in a diphthong. Kokoro has one symbol for the sound.
_JOINED = {
    "a͡ɪ": "I",
    "a͡ʊ": "W",
    "d͡z": "ʣ",
    "d͡ʒ": "ʤ",
    "e͡ɪ": "A",
    "o͡ʊ": "O",
    "t͡s": "ʦ",
    "t͡ʃ": "ʧ",
    "ɔ͡ɪ": "Y",
    "ə͡ʊ": "Q",
}
# English: Kokoro learned it in symbols that are not espeak-ng's. Longer sequences are replaced first.
_ENGLISH = {
    "ə͡l": "ᵊl",
    "n\u0329": "ᵊn",
    "l\u0329": "ᵊl",
    "ʔn": "tᵊn",
    "ʔ": "t",
    "ɐ": "ə",
    "ɬ": "l",
    "r": "ɹ",
    "x": "k",
    "ç": "k",
}
_AMERICAN = {"ɜːɹ": "ɜɹ", "ɜː": "ɜɹ", "ɚ": "əɹ", "ɪə": "iə", "ɾ": "T", "oː": "ɔ", "o": "ɔ", "ː": ""}
_BRITISH = {"e͡ə": "ɛː", "eə": "ɛː", "iə": "ɪə"}
_SYMBOLS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"en-us": _JOINED | _ENGLISH | _AMERICAN, "en-gb": _JOINED | _ENGLISH | _BRITISH}
)


class PhonemeReader:
    """Reads texts in any of Kokoro's languages. It is not thread-safe.

    A language is prepared when its first text comes, which takes about 20 ms.
    """

    def __init__(self) -> None:
        self._backends: dict[str, EspeakBackend] = {}

    def read(self, text: str, language: str) -> str:
        """Return the phonemes of ``text``; punctuation marks stay where they are.

        Args:
            text: any text.
            language: a key of :data:`ESPEAK_VOICES`.

        Raises:
            RuntimeError: espeak-ng could not be loaded.
        """
        if (backend := self._backends.get(language)) is None:
            backend = self._backends[language] = _backend(ESPEAK_VOICES[language])
        # espeak-ng reads control characters as commands, and phonemizer reads line breaks as ends of texts.
        plain = " ".join("".join(char if char.isprintable() else " " for char in text).split())
        read = "".join(backend.phonemize([plain], _WORDS, strip=True)) if plain else ""
        return _in_kokoros_symbols(read, _SYMBOLS.get(language, _JOINED))


def tokens_of(phonemes: str) -> list[int]:
    """Return the numbers of the phonemes in Kokoro's vocabulary; those that it lacks are left out."""
    return [DEFAULT_VOCAB[phoneme] for phoneme in phonemes if phoneme in DEFAULT_VOCAB]


def is_spoken(phonemes: str) -> bool:
    """Whether the phonemes contain a sound, and not only punctuation."""
    return any(map(str.isalpha, phonemes))


_WORDS = Separator(phone="", syllable="", word=" ")


def _backend(voice: str) -> EspeakBackend:
    # phonemizer keeps the library's path in its class. It loads a copy of the library, so that the engine espeak, which
    # uses the same library in this process, is not disturbed.
    EspeakWrapper.set_library(espeakng_loader.get_library_path())
    EspeakWrapper.set_data_path(espeakng_loader.get_data_path())
    # phonemizer warns about almost every text, because the number of words changes or because a word is foreign.
    logger = logging.Logger("phonemizer", logging.ERROR)
    return EspeakBackend(
        voice, preserve_punctuation=True, with_stress=True, tie=True, language_switch="remove-flags", logger=logger
    )


def _in_kokoros_symbols(phonemes: str, symbols: Mapping[str, str]) -> str:
    longest_first = sorted(symbols, key=len, reverse=True)
    found = re.sub("|".join(map(re.escape, longest_first)), lambda match: symbols[match[0]], phonemes)
    return "".join(char for char in found if char in DEFAULT_VOCAB).strip()

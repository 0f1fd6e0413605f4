"""Names of languages, and the codes that Whisper uses for them (mostly ISO 639-1)."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

LANGUAGES: Mapping[str, str] = MappingProxyType(
    {
        "afrikaans": "af",
        "albanian": "sq",
        "amharic": "am",
        "arabic": "ar",
        "armenian": "hy",
        "assamese": "as",
        "azerbaijani": "az",
        "bashkir": "ba",
        "basque": "eu",
        "belarusian": "be",
        "bengali": "bn",
        "bosnian": "bs",
        "breton": "br",
        "bulgarian": "bg",
        "burmese": "my",
        "cantonese": "yue",
        "castilian": "es",
        "catalan": "ca",
        "chinese": "zh",
        "croatian": "hr",
        "czech": "cs",
        "danish": "da",
        "dutch": "nl",
        "english": "en",
        "estonian": "et",
        "faroese": "fo",
        "finnish": "fi",
        "flemish": "nl",
        "french": "fr",
        "galician": "gl",
        "georgian": "ka",
        "german": "de",
        "greek": "el",
        "gujarati": "gu",
        "haitian": "ht",
        "haitian creole": "ht",
        "hausa": "ha",
        "hawaiian": "haw",
        "hebrew": "he",
        "hindi": "hi",
        "hungarian": "hu",
        "icelandic": "is",
        "indonesian": "id",
        "italian": "it",
        "japanese": "ja",
        "javanese": "jw",
        "kannada": "kn",
        "kazakh": "kk",
        "khmer": "km",
        "korean": "ko",
        "lao": "lo",
        "latin": "la",
        "latvian": "lv",
        "letzeburgesch": "lb",
        "lingala": "ln",
        "lithuanian": "lt",
        "luxembourgish": "lb",
        "macedonian": "mk",
        "malagasy": "mg",
        "malay": "ms",
        "malayalam": "ml",
        "maltese": "mt",
        "mandarin": "zh",
        "maori": "mi",
        "marathi": "mr",
        "moldavian": "ro",
        "moldovan": "ro",
        "mongolian": "mn",
        "myanmar": "my",
        "nepali": "ne",
        "norwegian": "no",
        "nynorsk": "nn",
        "occitan": "oc",
        "panjabi": "pa",
        "pashto": "ps",
        "persian": "fa",
        "polish": "pl",
        "portuguese": "pt",
        "punjabi": "pa",
        "pushto": "ps",
        "romanian": "ro",
        "russian": "ru",
        "sanskrit": "sa",
        "serbian": "sr",
        "shona": "sn",
        "sindhi": "sd",
        "sinhala": "si",
        "sinhalese": "si",
        "slovak": "sk",
        "slovenian": "sl",
        "somali": "so",
        "spanish": "es",
        "sundanese": "su",
        "swahili": "sw",
        "swedish": "sv",
        "tagalog": "tl",
        "tajik": "tg",
        "tamil": "ta",
        "tatar": "tt",
        "telugu": "te",
        "thai": "th",
        "tibetan": "bo",
        "turkish": "tr",
        "turkmen": "tk",
        "ukrainian": "uk",
        "urdu": "ur",
        "uzbek": "uz",
        "valencian": "ca",
        "vietnamese": "vi",
        "welsh": "cy",
        "yiddish": "yi",
        "yoruba": "yo",
    }
)

OWN_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "deutsch": "de",
        "español": "es",
        "français": "fr",
        "italiano": "it",
        "nederlands": "nl",
        "polski": "pl",
        "português": "pt",
        "svenska": "sv",
        "türkçe": "tr",
        "русский": "ru",
        "українська": "uk",
        "中文": "zh",
        "日本語": "ja",
        "한국어": "ko",
    }
)
"""What speakers of some languages call them, in small letters, and the codes."""
_KNOWN = frozenset(LANGUAGES.values())
_OTHER_NAMES = frozenset(
    {"burmese", "castilian", "flemish", "haitian", "letzeburgesch", "mandarin", "moldavian", "moldovan", "panjabi"}
    | {"pushto", "sinhalese", "valencian"}
)
"""Names that Whisper understands, but does not give."""
_NAMES = {code: name for name, code in LANGUAGES.items() if name not in _OTHER_NAMES}


def language_name(code: str) -> str:
    """Whisper's name for the language with this code: "german" for "de". Unknown codes stay as they are."""
    return _NAMES.get(code, code)


def language_code(named: object) -> str | None:
    """Whisper's code for a language, however a server names it; ``None`` if the language is unknown."""
    if not isinstance(named, str):
        return None
    name = named.strip().casefold()
    code = LANGUAGES.get(name, name.replace("_", "-").partition("-")[0])
    return code if code in _KNOWN else None

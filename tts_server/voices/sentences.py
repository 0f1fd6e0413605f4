"""What a voice says to be judged by, in the languages that voices are made for."""

from __future__ import annotations

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


def preview_sentence(language: str) -> str:
    """A short sentence in a BCP 47 language; English where there is none."""
    main = language.lower().partition("-")[0]
    return _SENTENCES.get(_KIN.get(main, main), _ENGLISH)

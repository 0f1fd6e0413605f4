"""Requests that a small model can't carry out are recognised in every language, and no other words."""

from __future__ import annotations

import pytest
import yaml

from bot.llm.small_limits import LIMITS_FILE, SmallLimits

LIMITS = SmallLimits()
NAMES = ("Seiyuu", "Sei")
TOOLS, PICTURES, SEARCH = "tools", "pictures", "search"
WHAT_WOULD = {TOOLS: ["LLM_URL"], PICTURES: ["LLM_URL", "COMFYUI_URL"], SEARCH: ["LLM_URL", "SEARXNG_URL"]}
REQUESTS = {
    "en": [
        (TOOLS, "Hey Seiyuu, can you please remind me to call Mum?"),
        (TOOLS, "Sei set a five minute timer"),
        (TOOLS, "What time is it in Tokyo?"),
        (PICTURES, "Could you draw me a heron, please?"),
        (SEARCH, "What's the weather tomorrow?"),
    ],
    "de": [
        (TOOLS, "Hallo! Erinnere mich in zehn Minuten an den Tee."),
        (TOOLS, "Kannst du mich in zehn Minuten an den Tee erinnern?"),
        (PICTURES, "Mal mir eine Katze"),
        (SEARCH, "Wie ist das Wetter in Berlin?"),
    ],
    "fr": [
        (TOOLS, "Peux-tu me rappeler de sortir le chien ?"),
        (PICTURES, "Dessine-moi un mouton"),
        (SEARCH, "Quel temps fait-il ?"),
    ],
    "es": [
        (TOOLS, "Recuérdame comprar pan"),
        (PICTURES, "¿Puedes dibujar un gato?"),
        (SEARCH, "Busca en internet quién ganó"),
    ],
    "it": [
        (TOOLS, "Ricordami di chiamare Anna"),
        (PICTURES, "Disegna un gatto"),
        (SEARCH, "Che tempo fa a Roma?"),
    ],
    "pt": [
        (TOOLS, "Me lembra de beber água"),
        (PICTURES, "Desenha um gato"),
        (SEARCH, "Pesquisa na internet quem ganhou"),
    ],
    "nl": [
        (TOOLS, "Kun je me over tien minuten herinneren?"),
        (PICTURES, "Teken een kat"),
        (SEARCH, "Hoe is het weer?"),
    ],
    "pl": [
        (TOOLS, "Przypomnij mi o herbacie"),
        (PICTURES, "Narysuj kota"),
        (SEARCH, "Jaka jest pogoda?"),
    ],
    "ru": [
        (TOOLS, "Напомни мне через час"),
        (PICTURES, "Нарисуй кота"),
        (SEARCH, "Какая завтра погода?"),
    ],
    "tr": [
        (TOOLS, "10 dakika sonra su içmemi hatırlat"),
        (PICTURES, "Bir kedi resmi çiz"),
        (SEARCH, "Yarın hava nasıl?"),
    ],
    "ja": [
        (TOOLS, "5分のタイマーをセットして"),
        (PICTURES, "猫の絵を描いて。"),
        (SEARCH, "明日の天気は？"),
    ],
    "ko": [
        (TOOLS, "5분 타이머 맞춰 줘"),
        (PICTURES, "고양이 그려줘"),
        (SEARCH, "오늘 날씨 어때?"),
    ],
    "zh": [
        (TOOLS, "请十分钟后提醒我喝水"),
        (PICTURES, "画一只猫"),
        (SEARCH, "今天天气怎么样？"),
    ],
}


def test_there_are_requests_for_every_language_of_the_file() -> None:
    assert set(REQUESTS) == set(yaml.safe_load(LIMITS_FILE.read_text("utf-8")))


@pytest.mark.parametrize(
    ("language", "kind", "request_"), [(tag, *request) for tag, requests in REQUESTS.items() for request in requests]
)
def test_the_answer_to_a_request_names_what_would_carry_it_out(language: str, kind: str, request_: str) -> None:
    answer = LIMITS.answer(request_, NAMES)
    assert answer == yaml.safe_load(LIMITS_FILE.read_text("utf-8"))[language][kind]["says"]
    assert [name for name in WHAT_WOULD[kind] if name not in str(answer)] == []


@pytest.mark.parametrize(
    "words",
    [
        "You remind me of my dad.",
        "That reminds me of the sea.",
        "I like to draw cats.",
        "Draw a conclusion from that.",
        "Google is a large company.",
        "Tell me a joke!",
        "Mal eine Frage: was ist ein Reiher?",
        "Kannst du dich an mich erinnern?",
        "Ça me rappelle la mer.",
        "Eso me recuerda a ti. Dibujar es difícil.",
        "彼は絵を描いている",
        "",
        "…!?",
    ],
)
def test_other_words_are_left_to_the_model(words: str) -> None:
    assert LIMITS.answer(words, NAMES) is None

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
    "request_",
    [
        "Draw a cat!",
        "Set an alarm for six.",
        "Remind me in ten minutes",
        "Remind me at five to eat",
        "Search the web for herons",
        "What is the weather like in Paris?",
        "Kannst du mir eine Katze malen?",
        "Stell einen Wecker auf sechs",
        "Rappelle-moi dans dix minutes",
        "Recuérdame en diez minutos",
        "ねえ、猫の絵を描いて",
        "지금 몇 시예요?",
        "现在几点了？",
    ],
)
def test_other_ways_of_asking_are_recognised_too(request_: str) -> None:
    assert LIMITS.answer(request_, NAMES) is not None


def test_no_polite_word_is_a_single_letter() -> None:
    languages = yaml.safe_load(LIMITS_FILE.read_text("utf-8"))
    spaced = [word for tag, each in languages.items() if tag not in ("ja", "zh") for word in each["polite"]]
    assert [word for word in spaced if len(word) == 1] == [], "alone, it is a word of another kind elsewhere"


def test_polite_words_open_no_request_of_another_language() -> None:
    assert LIMITS.answer("Podes draw me a cat", NAMES) is None


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
        "I draw a lot",
        "I look up at the stars",
        "I set my alarm for six but overslept",
        "draw some conclusions",
        "draw an analogy",
        "draw the curtains",
        "I look up to my sister",
        "remind me about your name",
        "what is the date of the French Revolution",
        "what's the time signature of a waltz",
        "make sense of the picture of her",
        "draw your own conclusions",
        "remind me who you are",
        "Look up at the sky!",
        "What time is it when you go to bed?",
        "So what's the weather got to do with it?",
        "erinnere mich, wer du bist",
        "erinner mich bloß nicht daran",
        "mir ist nach malen",
        "mir macht Malen Spaß",
        "mach dir ein Bild von der Lage",
        "stell dir vor dein Wecker klingelt",
        "rappelle-moi de quoi on parlait",
        "rappelle-moi que tu m'aimes",
        "recuérdame quién eres",
        "qué día es tu cumpleaños",
        "qué tiempo hace que no nos vemos",
        "Ricordami chi sei",
        "Me lembra quem você é",
        "Herinner me niet daaraan",
        "Przypomnij mi, jak masz na imię",
        "Przypomnij mi o czym mówiliśmy",
        "Напомни мне, кто ты",
        "Какие новости?",
        "Bana kim olduğunu hatırlat",
        "昨日は絵を描いて、楽しかった",
        "公園で絵を描いて、帰った",
        "지금 몇 시간째야?",
        "上网查了半天",
        "Напомни мне суть",
        "엄마가 깨워 줘",
        "我忘了设闹钟",
        "提醒我一下你是谁",
        "",
        "…!?",
    ],
)
def test_other_words_are_left_to_the_model(words: str) -> None:
    assert LIMITS.answer(words, NAMES) is None

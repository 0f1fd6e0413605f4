"""The few words that the server itself puts into a reply, and abbreviations spelled out, by language."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Phrases:
    """``link`` has a place for the host's name; ``abbreviations`` are matched in any case."""

    link: str
    dot: str
    code: str
    image: str
    someone: str
    channel: str
    role: str
    moment: str
    percent: str
    times: str
    ampersand: str
    abbreviations: Mapping[str, str] = field(default_factory=dict)


ENGLISH = Phrases(
    link="a link to {}",
    dot="dot",
    code="code block omitted",
    image="an image",
    someone="someone",
    channel="a channel",
    role="a role",
    moment="a date",
    percent="percent",
    times="times",
    ampersand="and",
    abbreviations={
        "e.g.": "for example",
        "i.e.": "that is",
        "etc.": "et cetera",
        "vs.": "versus",
        "approx.": "approximately",
        "dr.": "Doctor",
        "mr.": "Mister",
        "mrs.": "Missus",
        "ms.": "Miss",
        "prof.": "Professor",
    },
)

_PHRASES = {
    "en": ENGLISH,
    "de": Phrases(
        link="ein Link zu {}",
        dot="Punkt",
        code="Quelltext ausgelassen",
        image="ein Bild",
        someone="jemand",
        channel="ein Kanal",
        role="eine Rolle",
        moment="ein Datum",
        percent="Prozent",
        times="mal",
        ampersand="und",
        abbreviations={
            "z. b.": "zum Beispiel",
            "z.b.": "zum Beispiel",
            "d. h.": "das heißt",
            "d.h.": "das heißt",
            "bzw.": "beziehungsweise",
            "usw.": "und so weiter",
            "ca.": "circa",
            "dr.": "Doktor",
            "nr.": "Nummer",
        },
    ),
    "fr": Phrases(
        link="un lien vers {}",
        dot="point",
        code="bloc de code omis",
        image="une image",
        someone="quelqu'un",
        channel="un salon",
        role="un rôle",
        moment="une date",
        percent="pour cent",
        times="fois",
        ampersand="et",
        abbreviations={"p. ex.": "par exemple", "c.-à-d.": "c'est-à-dire", "etc.": "et cetera", "mme": "Madame"},
    ),
    "es": Phrases(
        link="un enlace a {}",
        dot="punto",
        code="bloque de código omitido",
        image="una imagen",
        someone="alguien",
        channel="un canal",
        role="un rol",
        moment="una fecha",
        percent="por ciento",
        times="por",
        ampersand="y",
        abbreviations={"p. ej.": "por ejemplo", "etc.": "etcétera", "sr.": "señor", "sra.": "señora"},
    ),
    "it": Phrases(
        link="un link a {}",
        dot="punto",
        code="blocco di codice omesso",
        image="un'immagine",
        someone="qualcuno",
        channel="un canale",
        role="un ruolo",
        moment="una data",
        percent="per cento",
        times="per",
        ampersand="e",
        abbreviations={"ecc.": "eccetera", "sig.": "signor", "dott.": "dottor"},
    ),
    "pt": Phrases(
        link="um link para {}",
        dot="ponto",
        code="bloco de código omitido",
        image="uma imagem",
        someone="alguém",
        channel="um canal",
        role="um cargo",
        moment="uma data",
        percent="por cento",
        times="vezes",
        ampersand="e",
        abbreviations={"p. ex.": "por exemplo", "etc.": "etcétera", "sr.": "senhor", "sra.": "senhora"},
    ),
    "ru": Phrases(
        link="ссылка на {}",
        dot="точка",
        code="код пропущен",
        image="картинка",
        someone="кто-то",
        channel="канал",
        role="роль",
        moment="дата",
        percent="процентов",
        times="умножить на",
        ampersand="и",
        abbreviations={"т. е.": "то есть", "т.е.": "то есть", "и т. д.": "и так далее", "и т.д.": "и так далее"},
    ),
    "ja": Phrases(
        link="{} へのリンク",
        dot="ドット",
        code="コードは省略します",
        image="画像",
        someone="だれか",
        channel="チャンネル",
        role="ロール",
        moment="日時",
        percent="パーセント",
        times="かける",
        ampersand="と",
    ),
    "zh": Phrases(
        link="指向 {} 的链接",
        dot="点",
        code="代码已省略",
        image="一张图片",
        someone="某人",
        channel="一个频道",
        role="一个身份组",
        moment="一个日期",
        percent="%",
        times="乘",
        ampersand="和",
    ),
}
_PHRASES["cmn"] = _PHRASES["zh"]


def phrases_for(language: str) -> Phrases:
    """Those of the language's main part, or else the English ones."""
    return _PHRASES.get(language.lower().partition("-")[0], ENGLISH)

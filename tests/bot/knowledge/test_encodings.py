"""Texts in old encodings are read with the right letters."""

from __future__ import annotations

import pytest

from bot.knowledge.readers.text import decode

WESTERN = (
    "Die Waschmaschinen im Keller dürfen von sieben bis zwanzig Uhr benutzt werden. Haustüren sind abzuschließen.",
    "Müller wohnt im dritten Stock.",
    "Où est la clé ? Elle a été rangée à côté du chêne, près de l'évêché.",
    "¿Dónde está el niño? ¡Mañana será otro día!",
    "Grüße aus Köln, ÄÖÜ inbegriffen",
)
CHINESE = (
    "龙井茶产于杭州。",
    "图书馆周一至周五上午九点开门，周末不开放。借书证在前台办理，每人最多借五本书。",
    "朱镕基曾任国务院总理。",
)


@pytest.mark.parametrize("text", WESTERN)
def test_a_western_text_is_not_taken_for_chinese(text: str) -> None:
    assert decode(text.encode("cp1252"), []) == text


@pytest.mark.parametrize("text", CHINESE)
def test_a_chinese_text_is_read_as_gb_18030(text: str) -> None:
    assert decode(text.encode("gb18030"), []) == text

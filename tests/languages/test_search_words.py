"""Tests of full-text search with SQLite's FTS5: it finds the texts that a person expects, in several languages."""

from __future__ import annotations

import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from languages.search_words import TOKENIZER, index_text, query, words


def found(asked: str, texts: list[str], *, every: bool = False) -> list[str]:
    """The texts that are found, the best first."""
    wanted = query(asked, every=every)
    if not wanted:
        return []
    database = sqlite3.connect(":memory:")
    try:
        database.execute(f'CREATE VIRTUAL TABLE t USING fts5(words, tokenize="{TOKENIZER}")')
        database.executemany("INSERT INTO t (words) VALUES (?)", [(index_text(text),) for text in texts])
        rows = database.execute("SELECT rowid FROM t WHERE t MATCH ? ORDER BY bm25(t)", (wanted,))
        return [texts[rowid - 1] for (rowid,) in rows]
    finally:
        database.close()


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ("what is the name of Ada's sister?", "Her sisters live in Kyoto."),
        ("CAFE", "das kleine Café am Eck"),
        ("Welche Katze mag sie?", "Sie hat zwei Katzen."),
        ("Häuser", "Das Haus ist alt."),
        ("Jo", "Ask Jo about it."),
        ("李明住在哪里?", "我的朋友李明在上海工作。"),
        ("李明", "昨天李明来了"),
        ("茶", "我喜欢喝茶"),
        ("茶", "茶馆在左边"),
        ("ラーメンは好き?", "カレーとラーメンが好きです"),
        ("서울은 어디?", "서울에서 살아요"),
        ("ＷＩＦＩ", "the wifi password"),
        ("हिन्दी", "मैं हिन्दी बोलता हूँ"),
        ("กาแฟ", "ฉันชอบกาแฟร้อน"),
        ("iPhone手机", "我的手机坏了"),
        ("O'Brien", "Miss O’Brien called."),
    ],
)
def test_texts_that_a_person_expects_are_found(asked: str, text: str) -> None:
    assert found(asked, ["Nothing of the kind: 无关, 別の話, 다른 것.", text]) == [text]


def test_function_words_are_searched_only_if_there_are_no_others_and_all_words_must_match_only_if_asked_for() -> None:
    texts = ["what is the matter with you", "green tea", "green paint"]
    assert found("what is green tea?", texts) == ["green tea", "green paint"]
    assert found("what is the?", texts) == ["what is the matter with you"]
    assert found("green tea", texts, every=True) == ["green tea"]
    assert query("🙂 … \"*\" ''") == query("") == ""
    assert list(words("Two cats, l'eau")) == ["two", "cat", "eau"]


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60), st.booleans())
def test_sqlite_takes_a_query_of_any_text_and_finds_the_text_itself(text: str, every: bool) -> None:
    assert found(text, [text], every=every) == ([text] if query(text) else [])


def test_the_query_of_a_long_question_is_bounded() -> None:
    assert len(query(" ".join(f"w{number}" for number in range(10_000)))) < 1_000
    assert len(query("茶" + "好" * 1_000_000)) < 1_000
    assert max(map(len, words("x" * 1_000_000))) <= 40

"""Tests of the language that follows from the script of a text."""

from __future__ import annotations

import pytest

from languages.scripts import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Hello", None),
        ("123 😀", None),
        ("你好", "zh"),
        ("今日は", "ja"),
        ("안녕", "ko"),
        ("Привет", "ru"),
        ("مرحبا", "ar"),
        ("नमस्ते", "hi"),
        ("สวัสดี", "th"),
        ("Γειά", "el"),
        ("שלום", "he"),
        ("Say 你好 now", None),
    ],
)
def test_the_script_determines_the_language(text: str, language: str | None) -> None:
    assert language_of(text) == language

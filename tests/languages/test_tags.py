"""Tests of language tags: the country does not count, and some languages are treated as another one."""

from __future__ import annotations

import pytest

from languages.tags import main_part


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("de", "de"),
        ("de-AT", "de"),
        ("zh_TW", "zh"),
        ("EN-us", "en"),
        ("cmn", "zh"),
        ("yue-HK", "zh"),
        ("nb", "no"),
        ("nn-NO", "no"),
        ("iw", "he"),
        ("", ""),
    ],
)
def test_the_main_part_of_a_tag_is_the_language(tag: str, language: str) -> None:
    assert main_part(tag) == language

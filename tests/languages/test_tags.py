"""Tests of language tags: the country does not count, and some languages are treated as another one."""

from __future__ import annotations

import pytest

from languages.tags import primary_language


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
def test_a_tag_is_reduced_to_its_primary_language(tag: str, language: str) -> None:
    assert primary_language(tag) == language

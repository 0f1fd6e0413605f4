"""Tests of variables in values of ``.env``: replaced as people expect, in a time that grows only with the file."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from config.env_file import read_env_lines, read_env_values
from config.errors import SettingsError

LONGEST = 5.0
"""Seconds in which any file has to be read; a usual one takes some milliseconds."""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / ".env"


def test_a_value_may_name_variables(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OF_THE_SYSTEM", "system")
    monkeypatch.setenv("OF_BOTH", "system")
    file.write_text(
        "OF_BOTH=file\nA=${OF_THE_SYSTEM}-${OF_BOTH}-${NONE}-${NONE:-usual}-${}-$B-${C\nB='${A}'\nexport C=${A}}\nD\n"
    )
    assert read_env_values(file) == {
        "OF_BOTH": "file",
        "A": "system-file--usual--$B-${C",
        "B": "system-file--usual--$B-${C",
        "C": "system-file--usual--$B-${C}",
    }


@pytest.mark.parametrize(
    "text",
    [
        "A=1\n" * 5_000,
        "".join(f"A{n}=${{A{n - 1}}}b\n" for n in range(2_000)),
        "A=" + "${" * 120_000,
        "A=" + "${" * 120_000 + ":}",
        "A=" + "${a:-" * 50_000,
        "A='" * 60_000,
        'A="\\' * 60_000,
        "#" * 200_000,
        "\n" * 5_000,
    ],
    ids=lambda text: text[:8],
)
def test_no_file_of_a_sensible_length_takes_long(file: Path, text: str) -> None:
    file.write_text(text)
    began = time.process_time()
    try:
        read_env_values(file)
    except SettingsError as error:
        assert "too long" in str(error)
    read_env_lines(file)
    assert time.process_time() - began < LONGEST

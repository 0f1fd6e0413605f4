"""Tests of YAML files: they are read as PyYAML reads them, and endless nesting is an error instead of a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from config.project import ROOT
from config.reasons import UNREADABLE, reason
from config.yaml_files import read_yaml

FILES = [file for package in ("bot", "config", "sandbox", "tts_server") for file in (ROOT / package).rglob("*.yaml")]


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT)))
def test_every_file_of_the_project_is_read_as_by_pyyaml(file: Path) -> None:
    assert read_yaml(file) == yaml.safe_load(file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[" * 100_000, "it is not YAML"),
        ("{a: " * 100_000, "it is not YAML"),
        ("- " * 100_000, "it is not YAML"),
        ("a: 1\nb: }\n", "it is not YAML from line 2 on"),
        ("a: 1\nb: @x\n", "it is not YAML from line 2 on"),
        ("a: 1\n---\nb: 2\n", "it is not YAML from line 2 on"),
        ("!!python/object:os.x {}\n", "it is not YAML from line 1 on"),
        ("a: \x07", "it is not YAML"),
    ],
)
def test_the_error_for_a_broken_file_names_the_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "broken.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(UNREADABLE) as fault:
        read_yaml(file)
    assert reason(fault.value) == said

"""A feature stands alone: it knows nothing of voice, of commands, and nothing of the other features."""

from __future__ import annotations

import ast
import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot import features

FOLDER = Path(features.__file__).parent
FEATURES = sorted(path.stem for path in FOLDER.iterdir() if not path.name.startswith("_"))


def imported(path: Path) -> Iterator[str]:
    """The full name of every module that a file imports, wherever in it that stands."""
    # CPython 3.11 may fail with "recursion depth mismatch" when it collects garbage while it makes a syntax tree.
    gc.disable()
    tree = ast.parse(path.read_text(encoding="utf-8"))
    gc.enable()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide what is imported"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


@pytest.mark.parametrize("feature", FEATURES)
def test_it_imports_nothing_of_voice_of_commands_and_of_other_features(feature: str) -> None:
    place = FOLDER / feature
    files = sorted(place.rglob("*.py")) if place.is_dir() else [place.with_suffix(".py")]
    others = tuple(f"bot.features.{other}" for other in FEATURES if other != feature)
    forbidden = ("bot.voice", "bot.commands", "bot.app", "bot.calls", *others)
    found = [f"{file.name}: {name}" for file in files for name in imported(file) if name.startswith(forbidden)]
    assert files
    assert found == []


def test_the_features_are_there() -> None:
    assert len(FEATURES) >= 8

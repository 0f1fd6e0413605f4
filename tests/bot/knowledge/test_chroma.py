"""The tests of test_vectors.py, with the vectors in ChromaDB instead of the index."""

from __future__ import annotations

import importlib.util

import pytest

if importlib.util.find_spec("chromadb") is None:
    reason = "ChromaDB (300 MB) is not installed: `make test-chroma` installs it and runs these tests"
    pytest.skip(reason, allow_module_level=True)

from tests.bot.knowledge.test_vectors import (
    client,
    scene,
    test_a_server_that_is_late_or_gone_costs_no_answer,
    test_passages_are_found_by_meaning_and_follow_the_files,
)

__all__ = [
    "client",
    "scene",
    "test_a_server_that_is_late_or_gone_costs_no_answer",
    "test_passages_are_found_by_meaning_and_follow_the_files",
]


@pytest.fixture
def chroma() -> bool:
    return True

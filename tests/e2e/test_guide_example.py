"""Tests that the example test in the developer guide passes."""

from __future__ import annotations

from typing import Any

from tests.docs.code_blocks import blocks_under
from tests.e2e.conftest import Stage


async def test_the_example_test_of_the_guide_passes(stage: Stage) -> None:
    (block,) = blocks_under("Testing")
    names: dict[str, Any] = {"Stage": Stage}
    exec(block.compiled(), names)  # noqa: S102 - the code is in our own document
    await names["test_the_bot_says_why_it_left"](stage)

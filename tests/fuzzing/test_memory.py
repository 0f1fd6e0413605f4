"""Tests of the measure of memory by which ``make fuzz`` finds leaks."""

from __future__ import annotations

from tests.fuzzing.fuzz import MIB
from tests.fuzzing.memory import held_memory


def test_memory_that_is_held_counts_and_memory_that_was_freed_does_not() -> None:
    before = held_memory()
    # Blocks of this size lie in the C library's heap. One that stays keeps those before it from being given back.
    blocks = [bytes(1_000) for _ in range(20 * MIB // 1_000)]
    last = bytes(1_000)
    assert held_memory() - before > 18 * MIB
    blocks.clear()
    assert held_memory() - before < 4 * MIB
    assert last

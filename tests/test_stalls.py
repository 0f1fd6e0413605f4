"""Tests that a stall of the machine is detected, and that only a stall causes a repetition."""

from __future__ import annotations

import ctypes
from pathlib import Path
from typing import cast

import pytest

from tests.stalls import BROWSER, REPEATS, SHORT_STALL, STALL, RepeatAfterStall


def stand_still(seconds: float) -> None:
    """Block all threads of this process."""
    ctypes.PyDLL(None).usleep(round(seconds * 1e6))


class Item:
    """The part of a test that the plugin uses."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.markers: list[pytest.MarkDecorator] = []

    def add_marker(self, marker: pytest.MarkDecorator) -> None:
        self.markers.append(marker)


def collected(path: Path) -> tuple[RepeatAfterStall, Item]:
    plugin, item = RepeatAfterStall(), Item(path)
    plugin.pytest_collection_modifyitems([cast(pytest.Item, cast(object, item))])
    return plugin, item


@pytest.mark.parametrize(("folder", "shortest"), [(BROWSER.parent / "voice", STALL), (BROWSER, SHORT_STALL)])
def test_a_test_that_fails_is_repeated_only_if_the_machine_stalled(folder: Path, shortest: float) -> None:
    plugin, item = collected(folder / "test_x.py")
    (marker,) = item.markers
    assert marker.kwargs["reruns"] == REPEATS
    plugin.pytest_runtest_setup()
    stand_still(shortest + 0.1)
    assert marker.kwargs["condition"]()
    plugin.pytest_runtest_setup()
    assert not marker.kwargs["condition"](), "the stall belongs to the attempt before"

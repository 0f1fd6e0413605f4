"""Whatever people do with music in calls, no task, thread, process, descriptor or file of it is left."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import pytest

from tests.bot.music.histories import left_by_a_history

pytestmark = pytest.mark.usefixtures("forked_decoders")

_log = logging.getLogger(__name__)


@pytest.mark.parametrize(
    "steps", [60, pytest.param(1_000, marks=(pytest.mark.slow, pytest.mark.timeout(1_800)))], ids="{} steps".format
)
async def test_plays_stops_and_interruptions_leave_nothing(
    steps: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    history, left = await left_by_a_history(tmp_path, 19, steps)
    began, refused = (sum(text.startswith(sign) for text in history.told) for sign in ("▶️", "❌"))
    _log.info("%s, %d pieces began, %d were refused; left: %s", dict(history.steps), began, refused, left or "nothing")
    assert not left
    assert history.steps["play"] > steps / 4
    assert began > steps / 50
    assert refused > steps / 50
    assert history.steps["sound heard"] > steps / 100
    assert history.steps["sound refused"] > steps / 100

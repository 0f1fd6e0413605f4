"""Tests of the cache of the toy Whisper: the model is made only once, or again if it is broken, and never by half."""

from __future__ import annotations

import asyncio
import shutil
import sys
from itertools import pairwise
from pathlib import Path

import psutil
import pytest

from config.project import ROOT
from tests.process_state import children_running
from tests.toys.whisper import quick_making
from toys.whisper import weights
from toys.whisper.phrases import HEARD_PHRASES
from toys.whisper.weights import make_toy_whisper, toy_whisper

pytestmark = pytest.mark.timeout(300)

Told = list[tuple[float, str]]


@pytest.fixture
def copied(toy_ears: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(toy_ears, tmp_path / toy_ears.name))


def test_the_model_is_small(toy_ears: Path) -> None:
    assert sum(path.stat().st_size for path in toy_ears.iterdir()) < 20_000_000


def test_a_complete_model_is_used_as_it_is(copied: Path) -> None:
    told: Told = []
    before = {path: path.stat().st_mtime_ns for path in copied.iterdir()}
    assert toy_whisper(copied.parent, lambda *step: told.append(step)) == copied
    assert {path: path.stat().st_mtime_ns for path in copied.iterdir()} == before
    assert told == [(1.0, "ready")]


def test_a_broken_model_is_made_again(copied: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_MODULE", quick_making.__name__)
    with (copied / "model.bin").open("r+b") as file:
        file.truncate(1_000)
    told: Told = []
    assert toy_whisper(copied.parent, lambda *step: told.append(step)) == copied
    assert (copied / "model.bin").stat().st_size > 1_000_000
    shares = [share for share, _ in told]
    assert shares[0] == 0
    assert shares[-1] == 1
    assert max(after - before for before, after in pairwise(shares)) < 0.1
    assert {path.name for path in copied.parent.iterdir()} == {copied.name, weights.LOCK}


def test_a_failure_is_reported_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_MODULE", "toys.whisper.no_such_module")
    with pytest.raises(ChildProcessError, match="no_such_module"):
        toy_whisper(tmp_path, lambda _share, _doing: None)
    assert {path.name for path in tmp_path.iterdir()} <= {weights.LOCK}


def test_remains_of_a_killed_maker_are_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "_MODULE", quick_making.__name__)
    (tmp_path / ".toy-whisper-abandoned" / "model").mkdir(parents=True)
    folder = toy_whisper(tmp_path, lambda _share, _doing: None)
    assert {path.name for path in tmp_path.iterdir()} == {folder.name, weights.LOCK}


async def test_a_cancelled_training_ends_at_once_and_leaves_nothing(tmp_path: Path) -> None:
    making = asyncio.create_task(make_toy_whisper(tmp_path, lambda _share, _doing: None))
    waiting = asyncio.create_task(make_toy_whisper(tmp_path, lambda _share, _doing: None))
    async with asyncio.timeout(30):
        while not makers():
            await asyncio.sleep(0.05)
    for task in (making, waiting):
        task.cancel()
    async with asyncio.timeout(30):
        await asyncio.gather(making, waiting, return_exceptions=True)
        while makers() or workplaces(tmp_path):
            await asyncio.sleep(0.05)
    assert making.cancelled()
    assert waiting.cancelled()


async def test_a_training_ends_with_the_process_that_began_it(tmp_path: Path) -> None:
    begin = (
        "import sys; from pathlib import Path; from toys.whisper.weights import toy_whisper; "
        "toy_whisper(Path(sys.argv[1]), lambda *_: None)"
    )
    parent = psutil.Popen([sys.executable, "-c", begin, str(tmp_path)], cwd=ROOT)
    async with asyncio.timeout(30):
        while not (begun := makers(parent)):
            await asyncio.sleep(0.05)
    parent.kill()
    await asyncio.to_thread(parent.wait)
    _, alive = await asyncio.to_thread(psutil.wait_procs, begun, 30.0)
    assert alive == []


def workplaces(cache_dir: Path) -> list[Path]:
    return list(cache_dir.glob(".toy-whisper-*"))


def makers(parent: psutil.Process | None = None) -> list[psutil.Process]:
    return children_running(weights._MODULE, parent)


def test_a_changed_list_of_sentences_makes_another_model(toy_ears: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = f"toy-whisper-{weights._fingerprint()}"
    assert name == toy_ears.name
    monkeypatch.setattr(weights, "HEARD_PHRASES", HEARD_PHRASES[1:])
    assert f"toy-whisper-{weights._fingerprint()}" != name

"""Stored latents, which XTTS computes from recordings of a voice: they are found again, never run as code, and ignored
if they are wrong.
"""

from __future__ import annotations

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.xtts.speaking import skip_without_libraries
from tests.xtts.trap import Trap
from tts_server.engines.xtts.latents import Latents, LatentsFolder, LatentsKey

skip_without_libraries()

KEY = LatentsKey(voice="ada", recordings="a1b2", model="c3d4", length=12, piece=4)
CHANNELS = 64
_RANDOM = np.random.default_rng(1)
LATENTS = Latents(
    _RANDOM.standard_normal((1, 32, CHANNELS), np.float32), _RANDOM.standard_normal((1, 512, 1), np.float32)
)


@pytest.fixture
def kept(tmp_path: Path) -> LatentsFolder:
    folder = LatentsFolder(tmp_path)
    folder.put(KEY, LATENTS)
    return folder


def the_file(folder: Path) -> Path:
    (file,) = (folder / "ada").iterdir()
    return file


def test_stored_latents_are_loaded(kept: LatentsFolder) -> None:
    again = kept.get(KEY, CHANNELS)
    assert again is not None
    assert np.array_equal(again.conditioning, LATENTS.conditioning)
    assert np.array_equal(again.speaker, LATENTS.speaker)


@pytest.mark.parametrize("change", [{"recordings": "ffff"}, {"model": "eeee"}, {"length": 30}, {"piece": 6}])
def test_latents_of_other_recordings_models_or_lengths_are_not_loaded(
    kept: LatentsFolder, change: dict[str, object]
) -> None:
    assert kept.get(replace(KEY, **change), CHANNELS) is None  # type: ignore[arg-type]  # each has its own type


def test_new_latents_of_a_voice_replace_those_of_its_former_recordings(kept: LatentsFolder, tmp_path: Path) -> None:
    kept.put(replace(KEY, recordings="ffff"), LATENTS)
    assert the_file(tmp_path).name.startswith("ffff-")


@pytest.mark.parametrize("length", [0, 1, 8, 100, 5000])
def test_a_truncated_file_is_ignored(kept: LatentsFolder, tmp_path: Path, length: int) -> None:
    file = the_file(tmp_path)
    file.write_bytes(file.read_bytes()[:length])
    assert kept.get(KEY, CHANNELS) is None


@pytest.mark.parametrize(
    "content",
    [pickle.dumps(Trap()), b"\xff" * 100, (2**62).to_bytes(8, "little") + b"{}", b"\x02" + bytes(7) + b"[]"],
    ids=["pickle", "noise", "endless header", "list"],
)
def test_a_file_with_other_content_is_ignored(kept: LatentsFolder, tmp_path: Path, content: bytes) -> None:
    the_file(tmp_path).write_bytes(content)
    assert kept.get(KEY, CHANNELS) is None


@pytest.mark.parametrize(
    "other",
    [
        replace(LATENTS, conditioning=LATENTS.conditioning[:, :, :32]),
        replace(LATENTS, conditioning=LATENTS.conditioning[:, :0]),
        replace(LATENTS, conditioning=LATENTS.conditioning[0]),
        replace(LATENTS, conditioning=LATENTS.conditioning.astype(np.float64)),
        replace(LATENTS, conditioning=np.full_like(LATENTS.conditioning, np.nan)),
        replace(LATENTS, speaker=LATENTS.speaker[:, :100]),
        replace(LATENTS, speaker=np.full_like(LATENTS.speaker, np.inf)),
    ],
    ids=["channels", "nothing", "axes", "numbers", "NaN", "speaker", "infinite"],
)
def test_unusable_latents_are_ignored(kept: LatentsFolder, other: Latents) -> None:
    kept.put(KEY, other)
    assert kept.get(KEY, CHANNELS) is None


def test_a_forgotten_voice_leaves_no_latents(kept: LatentsFolder, tmp_path: Path) -> None:
    kept.forget("ada")
    assert list(tmp_path.iterdir()) == []
    kept.forget("ada")


@pytest.mark.parametrize("name", ["..", ".", "", "../outside", "a/b", "/etc", "A", "a\x00b", "*"])
def test_names_cannot_lead_out_of_the_folder(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").mkdir()
    (tmp_path / "inside" / "ada").mkdir(parents=True)
    folder = LatentsFolder(tmp_path / "inside")
    folder.put(replace(KEY, voice=name), LATENTS)
    folder.put(replace(KEY, recordings=name), LATENTS)
    folder.forget(name)
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")) == [
        "inside",
        "inside/ada",
        "outside",
    ]


def test_on_an_unwritable_disk_the_latents_are_not_stored_and_nothing_fails(tmp_path: Path) -> None:
    (tmp_path / "ada").write_text("a file where the folder should be")
    LatentsFolder(tmp_path).put(KEY, LATENTS)
    assert LatentsFolder(tmp_path).get(KEY, CHANNELS) is None

"""The quicker copy of a small language model in Q4_1: its formats, and that no wrong copy is ever used."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from gguf import GGMLQuantizationType as Format

from bot.models.quick_weights import CopyStoppedError, discard_damaged_copy, quick_bytes, quick_weights
from config.project import ROOT
from tests.bot.models.slow_weights import metadata_in, weights_in, write_slow_weights
from toys.llm.weights import toy_weights

HALF_PRECISION = 2.0**-11


@pytest.fixture(scope="module")
def toy(cache_dir: Path) -> Path:
    return toy_weights(cache_dir)


@pytest.fixture
def slow(toy: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "tiny-mind"
    folder.mkdir()
    return write_slow_weights(toy, folder / "mind.gguf")


def sum_of(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def silent(_amount: int) -> Callable[[int], None]:
    return lambda _step: None


def never(_amount: int) -> Callable[[int], None]:
    raise AssertionError("a copy is made")


def made(weights: Path) -> Path:
    return quick_weights(weights, sum_of(weights), silent)


def others_in(folder: Path, *expected: Path) -> set[str]:
    """The names of the files in the folder, without the expected ones and the lock."""
    return {path.name for path in folder.iterdir()} - {".quick.lock", *(path.name for path in expected)}


def test_the_widest_matrices_are_in_q4_0_the_others_in_q8_0_and_the_rest_is_the_same(slow: Path) -> None:
    before, after = weights_in(slow), weights_in(made(slow))
    assert list(after) == list(before)
    for name, (was, weights) in before.items():
        found, quick = after[name]
        part = name.split(".")[-2]
        if was is not Format.Q4_1:
            assert (found, quick.tobytes()) == (was, weights.tobytes()), name
            continue
        assert found is (Format.Q4_0 if part in ("ffn_gate", "ffn_up") else Format.Q8_0), name
        blocks, errors = weights.reshape(-1, 32), np.abs(quick - weights).reshape(-1, 32)
        largest = np.abs(blocks).max(axis=1, keepdims=True)
        if found is Format.Q8_0:
            # A step is a 127th of the largest weight. An error is at most half a step, plus the error of the scale in
            # half precision.
            assert np.all(errors <= largest * (0.5 / 127 + HALF_PRECISION) * 1.001), name
        else:
            # A step is an 8th of the largest weight. The RMS error is at most half a step. A single error may be a
            # whole step: that of a weight of the same size as the largest one, with the other sign.
            assert np.sqrt(np.square(errors).mean()) <= np.sqrt(np.square(largest / 16).mean()), name


def test_all_metadata_are_the_same(slow: Path) -> None:
    assert metadata_in(made(slow)) == metadata_in(slow)


def test_the_same_weights_always_give_the_same_bytes(slow: Path, toy: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = write_slow_weights(toy, tmp_path / "other" / "same.gguf")
    assert made(slow).read_bytes() == made(other).read_bytes()


def test_a_copy_is_made_once_and_its_progress_reaches_the_whole(slow: Path) -> None:
    told: list[int] = []
    amounts: list[int] = []

    def begin(amount: int) -> Callable[[int], None]:
        amounts.append(amount)
        return told.append

    copy = quick_weights(slow, sum_of(slow), begin)
    assert (sum(told), len(amounts)) == (amounts[0], 1)
    seen = copy.stat()
    assert quick_weights(slow, sum_of(slow), never) == copy
    assert copy.stat().st_mtime_ns == seen.st_mtime_ns
    assert quick_bytes(slow.parent) >= seen.st_size


def test_other_weights_get_a_new_copy_and_the_old_one_is_deleted(slow: Path, toy: Path) -> None:
    first = made(slow)
    write_slow_weights(toy, slow, spread=0.2)
    second = made(slow)
    assert (first.exists(), second.exists(), first == second) == (False, True, False)
    assert others_in(slow.parent, slow, second) == {second.with_suffix(".json").name}


def test_a_newer_way_of_copying_makes_a_new_copy_and_the_old_one_is_deleted(
    slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(slow)
    monkeypatch.setattr("bot.models.quick_weights._WAY", 999)
    second = made(slow)
    assert (first.exists(), second.exists()) == (False, True)


@pytest.mark.parametrize("kind", ["toy", "no GGUF", "empty", "cut in its metadata", "cut in its weights"])
def test_files_that_can_not_be_made_quicker_are_used_as_they_are_and_nothing_is_written(
    slow: Path, toy: Path, kind: str
) -> None:
    whole = slow.read_bytes()
    content = {
        "toy": toy.read_bytes(),
        "no GGUF": os.urandom(5000),
        "empty": b"",
        "cut in its metadata": whole[:5000],
        "cut in its weights": whole[:-5000],
    }[kind]
    slow.write_bytes(content)
    assert quick_weights(slow, sum_of(slow), never) == slow
    assert {path.name for path in slow.parent.iterdir()} == {slow.name}


def test_large_weights_are_used_as_they_are(slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.models.quick_weights._LARGEST", slow.stat().st_size - 1)
    assert quick_weights(slow, sum_of(slow), never) == slow


def flip_a_byte(copy: Path) -> None:
    content = bytearray(copy.read_bytes())
    content[-100] ^= 1
    copy.write_bytes(content)


def cut_off(copy: Path) -> None:
    os.truncate(copy, 5000)


def lose_the_note(copy: Path) -> None:
    copy.with_suffix(".json").unlink()


def break_the_note(copy: Path) -> None:
    copy.with_suffix(".json").write_text("[1, 2")


@pytest.mark.parametrize("damage", [flip_a_byte, cut_off, lose_the_note, break_the_note, Path.unlink])
def test_a_damaged_copy_is_made_again(slow: Path, damage: Callable[[Path], None]) -> None:
    copy = made(slow)
    whole = copy.read_bytes()
    damage(copy)
    assert made(slow).read_bytes() == whole


def test_a_copy_with_other_times_is_read_again_and_not_made_again(slow: Path) -> None:
    copy = made(slow)
    os.utime(copy, (1, 1))
    assert quick_weights(slow, sum_of(slow), never) == copy


def test_a_check_deletes_a_damaged_copy_only(slow: Path) -> None:
    digest = sum_of(slow)
    assert not discard_damaged_copy(slow, digest)
    copy = made(slow)
    assert not discard_damaged_copy(slow, digest)
    seen = copy.stat()
    flip_a_byte(copy)
    # Not even the times of the file show the damage.
    os.utime(copy, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert discard_damaged_copy(slow, digest)
    assert not copy.exists()


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_disk_that_becomes_full_is_an_error_and_nothing_is_left(slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as broken:
        broken.setattr("bot.models.quick_conversion.to_q4_0", full)
        with pytest.raises(OSError, match="No space left"):
            made(slow)
        assert others_in(slow.parent, slow) == set()
    assert made(slow) != slow


def without_memory(*_: object) -> None:
    raise MemoryError


def test_too_little_memory_is_an_error_like_a_full_disk_and_nothing_is_left(
    slow: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.models.quick_conversion.to_q4_0", without_memory)
    with pytest.raises(OSError, match="Cannot allocate memory"):
        made(slow)
    assert others_in(slow.parent, slow) == set()


def test_a_disk_with_little_room_is_left_alone(slow: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.models.quick_weights.SPARE_DISK", 10**18)
    with pytest.raises(OSError, match="No space left"):
        quick_weights(slow, sum_of(slow), never)
    assert others_in(slow.parent, slow) == set()


def test_a_copy_that_is_stopped_leaves_nothing(slow: Path) -> None:
    def begin(_amount: int) -> Callable[[int], None]:
        def advance(_step: int) -> None:
            raise CopyStoppedError

        return advance

    with pytest.raises(CopyStoppedError):
        quick_weights(slow, sum_of(slow), begin)
    assert others_in(slow.parent, slow) == set()


def test_what_a_killed_process_has_left_is_deleted(slow: Path) -> None:
    copy = made(slow)
    left = copy.with_name("quick-1-000000000000.gguf.part")
    left.write_bytes(b"half")
    copy.unlink()
    assert made(slow) == copy
    assert not left.exists()


def test_two_processes_at_once_make_one_whole_copy(slow: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from bot.models.quick_weights import quick_weights\n"
        "def begin(amount): print('made', flush=True); return lambda step: None\n"
        "print(quick_weights(Path(sys.argv[1]), sys.argv[2], begin))"
    )
    command = [sys.executable, "-c", script, str(slow), sum_of(slow)]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60)[0].split() for process in both]
    copy = quick_weights(slow, sum_of(slow), never)
    assert sorted(said, key=len) == [[str(copy)], ["made", str(copy)]]
    assert metadata_in(copy) == metadata_in(slow)

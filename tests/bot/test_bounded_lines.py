"""Tests of a file of lines that keeps only its newest lines, so that its size is bounded."""

from __future__ import annotations

import asyncio
import stat
from pathlib import Path

import pytest

from bot.bounded_lines import BoundedLines


async def test_the_newest_lines_stay_and_the_file_stays_small_and_private(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    lines = BoundedLines(file, 100)
    assert await lines.read() == []
    sizes = []
    for number in range(50):
        await lines.append(f"line {number:03}".encode())
        sizes.append(file.stat().st_size)
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert max(sizes) <= 100
    kept = await lines.read()
    assert len(kept) >= 5
    assert kept == [f"line {number:03}".encode() for number in range(50 - len(kept), 50)]


async def test_the_file_stays_small_whatever_the_lengths_of_its_lines(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    lines = BoundedLines(file, 100)
    lengths = (40, 9, 80, 30, 99, 50, 48, 60)
    written = [bytes([ord("a") + number]) * length for number, length in enumerate(lengths)]
    for number, line in enumerate(written):
        await lines.append(line)
        assert file.stat().st_size <= 100
        kept = await lines.read()
        assert kept == written[number + 1 - len(kept) : number + 1]
        assert kept, "the newest line is always kept"
    with pytest.raises(ValueError, match="100 bytes"):
        await lines.append(b"x" * 100)
    assert await lines.read() == kept


async def test_lines_of_several_tasks_come_in_their_order(tmp_path: Path) -> None:
    lines = BoundedLines(tmp_path / "lines", 10_000)
    await asyncio.gather(*(lines.append(str(number).encode()) for number in range(30)))
    assert await lines.read() == [str(number).encode() for number in range(30)]


async def test_half_a_line_that_a_crash_left_is_no_part_of_the_next_one(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"whole\nhal")
    lines = BoundedLines(file, 100)
    await lines.append(b"next")
    assert await lines.read() == [b"whole", b"hal", b"next"]


async def test_a_file_that_became_too_large_is_cut_and_a_link_is_not_followed(tmp_path: Path) -> None:
    file = tmp_path / "lines"
    file.write_bytes(b"x" * 5_000)
    await BoundedLines(file, 100).append(b"next")
    assert file.read_bytes() == b"next\n"
    link = tmp_path / "link"
    link.symlink_to(file)
    with pytest.raises(OSError, match="symbolic links"):
        await BoundedLines(link, 100).append(b"elsewhere")
    assert file.read_bytes() == b"next\n"

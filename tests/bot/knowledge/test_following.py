"""Files of every kind are read and found; changes are followed; one bad file never stops the others."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.knowledge.following import FolderError, Update, update
from bot.knowledge.index import FILE, Index
from tests.bot.knowledge.files import pdf, pdf_of, write_usual_files

pytestmark = pytest.mark.usefixtures("forked_readers")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "knowledge"
    write_usual_files(folder)
    return folder


def best(index: Index, question: str) -> tuple[str, str]:
    """Source and text of what is found first."""
    found = index.search(question, 5)
    return (found[0].source, found[0].text) if found else ("", "")


async def test_files_of_every_kind_are_found_with_their_headings_and_sources(folder: Path, tmp_path: Path) -> None:
    with Index(tmp_path / FILE) as index:
        done = await update(index, folder)
        assert (done.read, done.removed, done.problems) == (7, 0, [])
        assert best(index, "how much does the virtual number cost?") == (
            "onesuite-business-data.json",
            "services › Virtual number\nname: Virtual number\nprice: 4.95 dollars a month\ncountries: Germany, Japan",
        )
        assert "weekdays: 9-18" in best(index, "opening hours of OneSuite")[1]
        assert "点击充值按钮" in best(index, "怎么充值")[1]
        assert best(index, "When do I descale the coffee machine?") == (
            "sub/handbook.md",
            "Handbook › Coffee machine\nDescale it every four weeks.\n```\n# not a heading\n```",
        )
        assert best(index, "In welchem Stock wohnt Müller?")[0] == "notes.txt"
        assert best(index, "龙井茶的产地") == ("茶.txt", "龙井茶产于杭州。")
        assert best(index, "Tuesday timetable") == ("page.html", "Ferry › Timetable\nMonday | 8:15\nTuesday | 9:30")
        assert best(index, "warranty")[0] == "manual.pdf, page 2"
        assert best(index, "Brindle") == (
            "lore.json",
            "The Vale › Inn\nthe character owes the innkeeper of Brindle money.",
        )
        assert not [
            each for each in index.search("dragon alert Home", 9) if "dragon" in each.text or "Home" in each.text
        ]


async def test_changed_files_are_read_again_and_removed_ones_forgotten(folder: Path, tmp_path: Path) -> None:
    with Index(tmp_path / FILE) as index:
        await update(index, folder)
        assert await update(index, folder) == Update()
        (folder / "manual.pdf").write_bytes(pdf(["It lasts for seven winters."]))
        (folder / "notes.txt").unlink()
        done = await update(index, folder)
        assert (done.read, done.removed) == (1, 1)
        assert best(index, "seven winters")[0] == "manual.pdf, page 1"
        assert best(index, "warranty") == best(index, "Müller") == ("", "")
    # The index is kept, and a damaged one is made anew.
    with Index(tmp_path / FILE) as index:
        assert best(index, "seven winters")[0] == "manual.pdf, page 1"
    (tmp_path / FILE).write_bytes(b"SQLite format 3\0" + b"\xff" * 5_000)
    with Index(tmp_path / FILE) as index:
        assert (await update(index, folder)).read == 6


async def test_a_bad_file_is_reported_by_name_and_the_others_are_indexed(folder: Path, tmp_path: Path) -> None:
    bad = {
        "broken.pdf": pdf(["x"])[:60],
        "loop.pdf": pdf_of(["<< /Type /Catalog /Pages 2 0 R >>", "<< /Type /Pages /Kids [2 0 R] /Count 1 >>"]),
        "deep.json": b"[" * 1_000_000,
        "half.json": b'{"a": ',
        "binary.txt": bytes(range(256)) * 10,
        "empty.md": b"",
        "entities.html": b"<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;'>]><p>&b;</p>" + b"<div>" * 100_000,
    }
    for name, content in bad.items():
        (folder / name).write_bytes(content)
    (folder / "picture.png").write_bytes(b"\x89PNG")
    with Index(tmp_path / FILE) as index:
        done = await update(index, folder)
        told = "\n".join(done.problems)
        for name in ("broken.pdf", "loop.pdf", "deep.json", "half.json", "binary.txt", "empty.md"):
            assert f"{name} can't be read: " in told, told
        assert "1 × .png" in told
        assert best(index, "龙井茶")[0] == "茶.txt"
        assert (await update(index, folder)).read == 0  # A bad file is not tried again until it changes.


async def test_a_folder_that_is_missing_is_reported_and_the_index_stays(folder: Path, tmp_path: Path) -> None:
    with Index(tmp_path / FILE) as index:
        await update(index, folder)
        with pytest.raises(
            FolderError, match=r"KNOWLEDGE_DIR=.*nowhere can't be read: there is no such file or folder"
        ):
            await update(index, tmp_path / "nowhere")
        assert index.count() > 5

"""The doctor says how many files are known, which ones can't be read, and whether the server for embeddings fits the
index.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.doctor.knowledge import check_knowledge
from bot.knowledge.following import update
from bot.knowledge.index import Index
from bot.knowledge.opening import index_file
from bot.settings_check import setting_notices
from config.engine_sections import EmbeddingsSettings
from config.settings import Settings
from tests.bot.embeddings_server import EmbeddingsServer

pytestmark = pytest.mark.usefixtures("clean_environment")


async def test_files_and_embeddings_are_checked(tmp_path: Path) -> None:
    folder, data = tmp_path / "knowledge", tmp_path / "data"
    data.mkdir()
    assert (await check_knowledge(Settings(data_dir=data))).good is None
    plain = Settings(data_dir=data, knowledge_dir=folder)
    missing = await check_knowledge(plain)
    assert (missing.good, "can't be read" in missing.text) == (False, True)
    (notice,) = setting_notices(plain)
    assert notice.startswith(f"{missing.text}. "), "a start says it too"

    folder.mkdir()
    (folder / "good.md").write_text("# Heron\n\nIt sleeps.", encoding="utf-8")
    assert setting_notices(plain) == []
    fresh = await check_knowledge(plain)
    assert (fresh.good, "1 file in" in fresh.text, "knowledge index" in fresh.text) == (None, True, True)
    with Index(index_file(plain)) as index:
        await update(index, folder)
        whole = await check_knowledge(plain)
        assert (whole.good, whole.text.startswith("1 file read, 1 passage; EMBEDDINGS_URL is not set")) == (
            True,
            True,
        )
        (folder / "broken.pdf").write_bytes(b"%PDF")
        await update(index, folder)
        broken = await check_knowledge(plain)
        assert (broken.good, "broken.pdf can't be read: " in broken.text) == (None, True)
        (folder / "broken.pdf").unlink()
        await update(index, folder)

        async with EmbeddingsServer() as server:
            embeddings = EmbeddingsSettings(url=server.url, model="bge-m3")
            asking = plain.model_copy(update={"embeddings": embeddings})
            answers = await check_knowledge(asking)
            assert answers.good is True, answers.text
            assert "gives vectors of 4 numbers" in answers.text
            # The same name and address, but another model behind them.
            index.vector_ids(f"bge-m3 at {server.url}")
            index.add_vectors([(index.ids()[0], bytes(2 * 1024))])
            other = await check_knowledge(asking)
            assert (other.good, "those of the index have 1024" in other.text) == (False, True)
        gone = await check_knowledge(asking)
        assert (gone.good, "EMBEDDINGS_URL: " in gone.text) == (False, True)

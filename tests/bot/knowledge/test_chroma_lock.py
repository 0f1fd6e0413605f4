"""Only one process uses the folder of ChromaDB; the others are told which one does."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bot.knowledge.chroma_lock import lock_folder
from bot.knowledge.index import KnowledgeError


def test_a_second_process_is_told_which_one_has_the_folder_until_the_first_is_done(tmp_path: Path) -> None:
    folder = tmp_path / "data" / "chroma"
    with lock_folder(folder):
        with pytest.raises(KnowledgeError, match=rf"chroma is used by process {os.getpid()}, perhaps the running bot"):
            lock_folder(folder)
        with pytest.raises(KnowledgeError):
            lock_folder(folder)
    lock_folder(folder).close()

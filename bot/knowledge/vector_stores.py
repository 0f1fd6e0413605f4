"""Where the vectors of passages are kept: in ChromaDB if its package is installed, otherwise beside the full text."""

from __future__ import annotations

import importlib.util
import logging
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from bot.embeddings import Vectors
from bot.knowledge.chroma_lock import lock_folder
from bot.knowledge.index import Index, KnowledgeError
from config.place import how_to_install_knowledge
from config.reasons import reason

_log = logging.getLogger(__name__)

MAX_IN_MEMORY = 50_000
"""Largest number of passages whose vectors are kept without ChromaDB. All of these vectors are in memory."""
_REMOVED_AT_ONCE = 1_000
"""Number of vectors that ChromaDB is asked to remove at once. It refuses to remove many thousands."""
WITHOUT_CHROMA = (
    "ChromaDB is not installed, so the vectors are kept in DATA_DIR/knowledge.db, for at most "
    f"{MAX_IN_MEMORY:,} passages. To install it, {{how}}"
)


class VectorStore(Protocol):
    """Vectors of passages, all of one model. The methods block, are thread-safe, and raise :class:`KnowledgeError`."""

    def ids(self, model: str) -> set[int]:
        """The ids of all passages that have a vector of this model. Vectors of other models are removed."""
        ...

    def add(self, ids: Sequence[int], vectors: Vectors) -> None:
        """Add vectors, one for each id."""
        ...

    def remove(self, ids: Sequence[int]) -> None:
        """Remove vectors."""
        ...

    def nearest(self, vector: Vectors, count: int) -> Mapping[int, float]:
        """The ids of the passages with the nearest vectors, the nearest first, each with the cosine of the angle
        between the two vectors.

        Args:
            vector: the vector to compare with, as an array of a single row.
            count: the maximum number of passages.
        """
        ...


def open_store(index: Index, folder: Path) -> VectorStore:
    """Open the store. Blocks; importing ChromaDB takes seconds.

    Args:
        folder: where ChromaDB keeps its files.

    Raises:
        KnowledgeError: it can't be opened.
    """
    if importlib.util.find_spec("chromadb") is None:
        _log.warning("Knowledge: %s", WITHOUT_CHROMA.format(how=how_to_install_knowledge()))
        return IndexStore(index)
    return ChromaStore(folder, index.identity)


class IndexStore:
    """Keeps the vectors in the file of the index, and compares each of them with the question's."""

    def __init__(self, index: Index) -> None:
        self._index = index
        self._lock = threading.Lock()
        self._ids: list[int] = []
        self._matrix: Vectors | None = None

    def ids(self, model: str) -> set[int]:
        """See :class:`VectorStore`."""
        return set(self._index.vector_ids(model))

    def add(self, ids: Sequence[int], vectors: Vectors) -> None:
        """See :class:`VectorStore`."""
        room = MAX_IN_MEMORY - self._index.count_vectors()
        rows = [(key, vector.astype(np.float16).tobytes()) for key, vector in zip(ids, vectors, strict=True)]
        self._index.add_vectors(rows[: max(room, 0)])
        self._forget()

    def remove(self, ids: Sequence[int]) -> None:
        """See :class:`VectorStore`."""
        self._index.remove_vectors(ids)
        self._forget()

    def nearest(self, vector: Vectors, count: int) -> Mapping[int, float]:
        """See :class:`VectorStore`."""
        with self._lock:
            if self._matrix is None:
                rows = self._index.vectors()
                self._ids = [key for key, _ in rows]
                self._matrix = np.array([np.frombuffer(data, np.float16) for _, data in rows], dtype=np.float32)
            ids, matrix = self._ids, self._matrix
        if not ids or matrix.shape[1] != vector.shape[1]:
            return {}
        # All vectors have length 1, so the products are cosines.
        cosines = matrix @ vector[0]
        return {ids[at]: float(cosines[at]) for at in np.argsort(-cosines, kind="stable")[:count]}

    def _forget(self) -> None:
        with self._lock:
            self._matrix = None


class ChromaStore:
    """Keeps the vectors in ChromaDB, which runs in this process.

    The folder is locked against other processes for as long as the store exists.
    """

    def __init__(self, folder: Path, identity: str) -> None:
        self._folder = folder
        self._name = f"knowledge-{identity}"
        self._lock = threading.Lock()
        try:
            self._folder_lock = lock_folder(folder)
        except OSError as error:
            raise KnowledgeError(f"CHROMA_DIR={folder} can't be used: {reason(error)}") from error
        try:
            import chromadb
            from chromadb.config import Settings

            self._client = chromadb.PersistentClient(str(folder), Settings(anonymized_telemetry=False))
            # Vectors of an earlier index are deleted: in this index, their ids belong to other passages.
            for other in self._client.list_collections():
                if other.name.startswith("knowledge-") and other.name != self._name:
                    self._client.delete_collection(other.name)
            self._collection = self._opened()
        # ChromaDB raises errors of many classes, not only of its own.
        except Exception as error:
            raise KnowledgeError(f"CHROMA_DIR={folder} can't be used: {error}") from error

    def _opened(self, model: str | None = None) -> Any:
        return self._client.get_or_create_collection(
            self._name, metadata={"hnsw:space": "cosine", "model": model or ""}, embedding_function=None
        )

    def ids(self, model: str) -> set[int]:
        """See :class:`VectorStore`."""
        with self._lock, _KnowledgeErrors(self._folder):
            if (self._collection.metadata or {}).get("model") != model:
                self._client.delete_collection(self._name)
                self._collection = self._opened(model)
            return {int(key) for key in self._collection.get(include=[])["ids"]}

    def add(self, ids: Sequence[int], vectors: Vectors) -> None:
        """See :class:`VectorStore`."""
        with self._lock, _KnowledgeErrors(self._folder):
            self._collection.upsert(ids=[str(key) for key in ids], embeddings=vectors)

    def remove(self, ids: Sequence[int]) -> None:
        """See :class:`VectorStore`."""
        with self._lock, _KnowledgeErrors(self._folder):
            for at in range(0, len(ids), _REMOVED_AT_ONCE):
                self._collection.delete(ids=[str(key) for key in ids[at : at + _REMOVED_AT_ONCE]])

    def nearest(self, vector: Vectors, count: int) -> Mapping[int, float]:
        """See :class:`VectorStore`."""
        with self._lock, _KnowledgeErrors(self._folder):
            stored = self._collection.count()
            if not stored:
                return {}
            found = self._collection.query(query_embeddings=vector, n_results=min(count, stored), include=["distances"])
            return {
                int(key): 1 - float(distance)
                for key, distance in zip(found["ids"][0], found["distances"][0], strict=True)
            }


class _KnowledgeErrors:
    """Turns ChromaDB's errors into :class:`KnowledgeError`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __enter__(self) -> None:
        return

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, Exception):
            raise KnowledgeError(f"CHROMA_DIR={self._folder} can't be used: {error}") from error

"""Serves :class:`~benchmarks.embeddings.e5.E5` as ``/v1/embeddings``, as llama-server and Ollama serve such a model."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiohttp import web

from benchmarks.embeddings.e5 import E5
from benchmarks.stand_in_server import StandInServer

MODEL = "multilingual-e5-small"


class EmbeddingsServer(StandInServer):
    """The server, on a free port of loopback. Use it as an async context manager.

    Args:
        weights: see :func:`~benchmarks.embeddings.weights.weights_file`. Reading them blocks.
    """

    def __init__(self, weights: Path) -> None:
        super().__init__("/embeddings", self._answer)
        self._model = E5(weights)

    async def _answer(self, request: web.Request) -> web.Response:
        texts: list[str] = (await request.json())["input"]
        vectors = [await asyncio.to_thread(self._model.embed, text) for text in texts]
        data = [{"object": "embedding", "index": at, "embedding": vector.tolist()} for at, vector in enumerate(vectors)]
        return web.json_response({"object": "list", "model": MODEL, "data": data})

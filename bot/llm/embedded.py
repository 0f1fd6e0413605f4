"""A model server inside this process: llama.cpp's own HTTP server, on loopback, for weights that fit anywhere."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.cores import usable_cores
from config.sections import ModelApi

_HOST = "127.0.0.1"
_SILENT = -1
_CLIENT_TIMEOUT = 5
# In seconds. A stop that meets the end of a reply can miss its wake-up and then waits for the next ping.
_PING_INTERVAL = 1
_MOST_THREADS = 8
_BATCH = 128
"""Tokens that are read in one go: who hangs up meanwhile, and the other slot, wait for no more than these."""


def threads_for(cores: int) -> int:
    """How many threads compute: one core is left to ears, voice and network.

    llama.cpp's threads wait for each other at every layer. One thread too many, and each layer waits until the system
    lets the last of them run: on two cores with something else to do, a reply then has gaps of many seconds.
    """
    return max(1, min(cores - 1, _MOST_THREADS))


class EmbeddedModelServer:
    """llama.cpp's HTTP server as a library (xllamacpp), on a free port of 127.0.0.1; an async context manager.

    ``slots`` replies run at once, with ``context_tokens`` tokens each: what is asked goes to the slot that knows most
    of it, so a guess that is thrown away costs the call nothing. ``threads`` compute; unset: as :func:`threads_for`
    says. Loading and stopping run in a thread, but the library keeps the interpreter's lock while it stops: 1 ms once
    the clients have hung up, but up to 2 s in the middle of a reply. So close the clients first.
    """

    def __init__(
        self, weights: Path, *, name: str, slots: int = 2, threads: int | None = None, context_tokens: int = 4096
    ) -> None:
        self._weights = weights
        self._name = name
        self._slots = slots
        self._threads = threads or threads_for(usable_cores())
        self._context_tokens = context_tokens
        self._server: Any = None
        self._address = ""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Load the weights and listen; returns when requests are answered. Starting twice is fine.

        Raises:
            FileNotFoundError: there are no weights at the path.
            RuntimeError: llama.cpp can't load them.
        """
        if self._server is None:
            self._server, self._address = await asyncio.to_thread(self._load)

    async def stop(self) -> None:
        """Close the port, end the threads and free the weights. Stopping twice is fine."""
        if self._server is not None:
            await asyncio.to_thread(self._unload)

    def base_url(self, api: ModelApi) -> str:
        """The base that a ``ModelClient`` is given for ``api``; llama.cpp keeps its own endpoint outside /v1."""
        if self._server is None:
            raise RuntimeError("the embedded model server is not running")
        return self._address if api is ModelApi.COMPLETION else f"{self._address}/v1"

    @property
    def url(self) -> str:
        """The base for the OpenAI-style endpoints."""
        return self.base_url(ModelApi.CHAT)

    def _load(self) -> tuple[Any, str]:
        # Imported here because it maps tens of megabytes that only this profile needs.
        import xllamacpp

        if not self._weights.is_file():
            raise FileNotFoundError(f"no model weights at {self._weights}")
        params = xllamacpp.CommonParams()
        params.model.path = str(self._weights)
        params.model_alias = {self._name}
        params.hostnames = [_HOST]
        params.port = 0
        params.n_parallel = self._slots
        params.n_ctx = self._context_tokens * self._slots
        params.cpuparams.n_threads = self._threads
        params.cpuparams_batch.n_threads = self._threads
        params.n_batch = params.n_ubatch = _BATCH
        params.n_threads_http = self._slots + 1
        params.timeout_read = params.timeout_write = _CLIENT_TIMEOUT
        params.sse_ping_interval = _PING_INTERVAL
        params.use_jinja = True
        params.endpoint_metrics = True
        params.verbosity = _SILENT
        server = xllamacpp.Server(params)
        # The constructor returns before the task loop runs, and a stop that comes before it is never noticed: the
        # destructor waits for ever. The figures are answered by that loop, so it runs once they are here.
        server.handle_metrics()
        return server, str(server.listening_address)

    def _unload(self) -> None:
        # The library stops in the destructor, so dropping the last reference is the way to stop.
        self._server = None

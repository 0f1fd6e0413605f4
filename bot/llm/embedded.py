"""Embedded model server: runs llama.cpp's HTTP server inside of the bot's process, for small weights."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from bot.cores import usable_cores
from config.engine_sections import ModelApi

_HOST = "127.0.0.1"
_SILENT = -1
_CLIENT_TIMEOUT = 5
"""Read and write timeout of the HTTP server, in seconds."""
_PING_INTERVAL = 1
"""Seconds between two pings in a stream. If the server is stopped just as a reply ends, its thread sometimes misses the
wake-up, and notices the stop only at the next ping."""
_MAX_THREADS = 8
_BATCH = 128
"""Number of prompt tokens that are computed in one go. A cancellation, or a reply in the other slot, has to wait for at
most this many tokens."""
_OLD_PROMPTS = 0
"""Memory for the prompts that a slot has held before, in MiB. By default llama.cpp keeps up to 8 GiB of them."""


def threads_for(cores: int) -> int:
    """Number of compute threads for ``cores`` cores. One core is left for recognition, speech synthesis and network.

    llama.cpp's threads wait for each other at every layer. If there is one thread too many, each layer waits until the
    operating system runs the last thread. On two busy cores, a reply then has gaps of many seconds.
    """
    return max(1, min(cores - 1, _MAX_THREADS))


class EmbeddedModelServer:
    """llama.cpp's HTTP server as a library (xllamacpp), on a free port of 127.0.0.1; an async context manager.

    Loading and stopping run in a thread. But while the server stops, the library holds Python's interpreter lock: for
    1 ms if the clients have closed their connections, for up to 2 s in the middle of a reply. So close the clients
    first.

    Args:
        weights: the GGUF file.
        name: the model's name for clients.
        slots: number of replies that can run at the same time. Each slot has a prompt cache. Calls stay in one slot
            (:mod:`bot.llm.slots`); any other request goes to the slot whose cache fits best.
        threads: number of compute threads; ``None`` for :func:`threads_for`.
        context_tokens: context size of each slot, in tokens.
        chat_template: the chat template (Jinja); "" for the one in the weights.
    """

    def __init__(
        self,
        weights: Path,
        *,
        name: str,
        slots: int = 2,
        threads: int | None = None,
        context_tokens: int = 4096,
        chat_template: str = "",
    ) -> None:
        self._weights = weights
        self._name = name
        self._slots = slots
        self._threads = threads or threads_for(usable_cores())
        self._context_tokens = context_tokens
        self._chat_template = chat_template
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
        """Load the weights and listen. Returns when requests are answered. Starting again does nothing.

        Raises:
            FileNotFoundError: the weights' file does not exist.
            RuntimeError: llama.cpp can't load the weights.
        """
        if self._server is None:
            self._server, self._address = await asyncio.to_thread(self._load)

    async def stop(self) -> None:
        """Close the port, end the threads and free the weights. Stopping again does nothing."""
        if self._server is not None:
            await asyncio.to_thread(self._unload)

    def base_url(self, api: ModelApi) -> str:
        """The base address for a ``ModelClient`` that uses ``api``. llama.cpp's own API is outside of ``/v1``."""
        if self._server is None:
            raise RuntimeError("the embedded model server is not running")
        return self._address if api is ModelApi.COMPLETION else f"{self._address}/v1"

    @property
    def url(self) -> str:
        """The base address of the OpenAI-style API."""
        return self.base_url(ModelApi.CHAT)

    def _load(self) -> tuple[Any, str]:
        # Imported here, because the library takes tens of megabytes, and only the embedded server needs it.
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
        params.cache_ram_mib = _OLD_PROMPTS
        params.n_threads_http = self._slots + 1
        params.timeout_read = params.timeout_write = _CLIENT_TIMEOUT
        params.sse_ping_interval = _PING_INTERVAL
        params.use_jinja = True
        if self._chat_template:
            params.chat_template = self._chat_template
        params.endpoint_metrics = True
        params.verbosity = _SILENT
        server = xllamacpp.Server(params)
        # The constructor returns before the server's task loop runs. If the server were stopped before that, the
        # destructor would wait for ever. The loop answers `handle_metrics`, so it runs when that call returns.
        server.handle_metrics()
        return server, str(server.listening_address)

    def _unload(self) -> None:
        # The library stops the server in its destructor, so dropping the last reference stops it.
        self._server = None

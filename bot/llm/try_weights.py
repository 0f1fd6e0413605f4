"""Test load of a model's weights in a separate process, since llama.cpp aborts the process if a file is damaged.

It is used for weights that no checksum protects. ``python -m bot.llm.try_weights FILE`` is the process that loads them.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
from pathlib import Path

from bot.llm.embedded import EmbeddedModelServer
from config.children import run_child

LOAD_LIMIT = 900.0
"""If loading takes longer than this many seconds, it has failed. A large model on a slow disk takes some minutes."""
_REFUSED = 3
"""Exit status if llama.cpp can't load the weights."""
_MAX_REASON = 400
"""Maximum number of characters of the reason that are passed on."""


async def try_weights(file: Path) -> None:
    """Load the weights in another process, which then ends.

    Raises:
        RuntimeError: llama.cpp can't load the weights. The message has the reason, as far as it is known.
    """
    # Without this variable, llama.cpp starts a debugger when it aborts, and the debugger prints several pages.
    environment = {"GGML_NO_BACKTRACE": "1"}
    try:
        child = await run_child("-m", "bot.llm.try_weights", str(file), environment=environment, limit=LOAD_LIMIT)
    except TimeoutError:
        raise RuntimeError(f"llama.cpp did not load {file} within {LOAD_LIMIT:.0f} s") from None
    if child.status == _REFUSED:
        raise RuntimeError(child.output.decode(errors="replace").strip()[:_MAX_REASON])
    if child.status:
        raise RuntimeError(f"llama.cpp breaks off as it reads {file}, which seems to be damaged")


async def _load(file: Path) -> None:
    await EmbeddedModelServer(file, name=file.stem).start()


def main(file: str) -> int:
    """Load the weights, and return the exit status of this process."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    try:
        asyncio.run(_load(Path(file)))
    except (RuntimeError, OSError) as error:
        sys.stdout.write(str(error))
        sys.stdout.flush()
        return _REFUSED
    return 0


if __name__ == "__main__":
    # The weights are not unloaded first: unloading may have to wait, and the end of the process frees them anyway.
    os._exit(main(sys.argv[1]))

"""An event loop on which a name server that does not answer holds up only those who ask it."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any, TypeVar

from typing_extensions import override

MAX_LOOKUPS = 256
"""Maximum number of names that are looked up at once. Further ones fail at once."""

T = TypeVar("T")
Host = bytes | str | None
Found = list[tuple[Any, ...]]


def run_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run ``work`` as :func:`asyncio.run` does, on a :class:`LookupLoop`."""
    with asyncio.Runner(loop_factory=LookupLoop) as runner:
        return runner.run(work)


class LookupLoop(asyncio.SelectorEventLoop):
    """The usual event loop, but each lookup of a name has a thread of its own.

    A name server that does not answer takes up to half a minute of a thread, even if nobody waits for the name any
    more. asyncio would use the few threads of :func:`asyncio.to_thread`, in which files are written and calls end, and
    it would wait for them at the end of the program.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lookups: dict[tuple[Any, ...], asyncio.Future[Found]] = {}

    @override
    async def getaddrinfo(
        self, host: Host, port: Host | int, *, family: int = 0, type: int = 0, proto: int = 0, flags: int = 0
    ) -> Found:
        """Look up a name. Several who ask for the same name at once share one lookup."""
        wanted = host, port, family, type, proto, flags
        if wanted not in self._lookups:
            if len(self._lookups) >= MAX_LOOKUPS:
                raise socket.gaierror(socket.EAI_AGAIN, "Too many names are being looked up")
            threading.Thread(target=self._look_up, args=(wanted,), name=f"lookup of {host!r}", daemon=True).start()
            self._lookups[wanted] = self.create_future()
        return await asyncio.shield(self._lookups[wanted])

    def _look_up(self, wanted: tuple[Any, ...]) -> None:
        found: Found | Exception
        try:
            found = socket.getaddrinfo(*wanted)
        except Exception as error:
            # Whatever it is, those who wait for the name get it. Otherwise they would wait for ever.
            found = error
        # The loop may have been closed meanwhile.
        with suppress(RuntimeError):
            self.call_soon_threadsafe(self._end, wanted, found)

    def _end(self, wanted: tuple[Any, ...], found: Found | Exception) -> None:
        lookup = self._lookups.pop(wanted)
        if isinstance(found, Exception):
            lookup.set_exception(found)
            # Perhaps nobody waits any more. Without this, asyncio would log that.
            lookup.exception()
        else:
            lookup.set_result(found)

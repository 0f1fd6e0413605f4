"""One reply on its way through the server: tokens in at one end, segments out at the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from tts_server.text.segmenter import Segmenter
from wire.fields import WireError
from wire.parameters import SpeechParameters

MAX_WAITING_CHARACTERS = 20_000
"""Of one reply, written and not yet taken to be spoken: about 25 minutes of speech."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A piece of a reply as it was written. ``completed_at``: when it could first be cut, in monotonic seconds."""

    number: int
    text: str
    completed_at: float


class Reply:
    """What was written of a reply and is still to be spoken. For the event loop alone.

    ``parameters`` may be settled until it is spoken.
    """

    def __init__(self, reply_id: str | None, parameters: SpeechParameters, clock: Callable[[], float]) -> None:
        self.id = reply_id
        self.parameters = parameters
        self._clock = clock
        self._segmenter = Segmenter(parameters.language)
        self._items: asyncio.Queue[Segment | WireError | None] = asyncio.Queue()
        self._count = 0
        self._waiting = 0
        self._over = False

    def add(self, token: str) -> None:
        """Take what the model wrote next; of a reply that failed, nothing more is taken."""
        if self._over:
            return
        self._waiting += len(token)
        if self._waiting > MAX_WAITING_CHARACTERS:
            self.fail(
                WireError("too_long", f"more than {MAX_WAITING_CHARACTERS} characters wait to be spoken", self.id)
            )
        else:
            self._put(self._segmenter.feed(token))

    def end(self) -> None:
        """Nothing more will be written."""
        if not self._over:
            self._put(self._segmenter.flush())
            self._over = True
            self._items.put_nowait(None)

    def fail(self, error: WireError) -> None:
        """Drop what is not yet spoken; whoever reads :meth:`segments` gets ``error``."""
        while not self._items.empty():
            self._items.get_nowait()
        self._over = True
        self._items.put_nowait(error)

    def _put(self, texts: list[str]) -> None:
        for text in texts:
            self._items.put_nowait(Segment(self._count, text, self._clock()))
            self._count += 1

    async def segments(self) -> AsyncIterator[Segment]:
        """Every segment as soon as it can be cut, until the reply's end. One reader.

        Raises:
            WireError: the reply failed.
        """
        while (item := await self._items.get()) is not None:
            if isinstance(item, WireError):
                raise item
            self._waiting -= len(item.text)
            yield item

"""Captions: lines in a text channel with what people said and what the bot answered."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from bot.llm.cleaning import DiscordNames, clean_name, clean_prompt
from bot.text import MESSAGE_LIMIT, counted, escape_markdown, split_message
from bot.voice.events import CallEvent, ReplyEnded, UtteranceHeard
from bot.voice.transport import CaptionError, CaptionOutlet
from config.sections import Captions
from config.tasks import end_tasks

_log = logging.getLogger(__name__)

MAX_WAITING = 200
"""Maximum number of lines that wait to be written. If more come, the oldest are left out."""
GATHER_SECONDS = 0.5
"""Seconds for which a line waits, so that lines that come soon after it are written into the same message."""
INTERVAL_SECONDS = 2.0
"""Minimum number of seconds between two messages. Discord allows a bot five messages in five seconds, answers
included."""
CLOSE_SECONDS = 3.0
"""Maximum number of seconds that the end of a call waits for the last captions."""
# Escaping may double the length of a line. The other 100 characters are for the name before the line.
_LINE_CHARS = (MESSAGE_LIMIT - 100) // 2


@dataclass(frozen=True, slots=True)
class CaptionLine:
    """A line of captions. ``person`` is the speaker's user id, or ``None`` for the bot."""

    person: int | None
    text: str


def caption(name: str, text: str, *, interrupted: bool = False) -> list[str]:
    """The lines for something that was said, with markdown escaped. The list is empty if there are no words.

    Args:
        name: the speaker's display name.
    """
    words = clean_prompt(text, DiscordNames())
    if not words:
        return []
    words += " —" if interrupted else ""
    return [
        f"**{escape_markdown(clean_name(name))}:** {escape_markdown(part)}"
        for part in split_message(words, _LINE_CHARS)
    ]


class CaptionWriter:
    """Writes captions in the background, between :meth:`start` and :meth:`close`. Use it only on the event loop.

    It is a :data:`~bot.voice.events.Watcher`: calling it with an event returns at once.

    Args:
        outlet: writes messages into the text channel or its thread.
        bot_name: called for each answer; returns the bot's name.
        place: the place where captions are written at first.
        clock: returns monotonic seconds.

    Attributes:
        place: the place where captions are written. It can be changed at any time.
    """

    def __init__(
        self,
        outlet: CaptionOutlet,
        bot_name: Callable[[], str],
        place: Captions = Captions.OFF,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.place = place
        self._outlet = outlet
        self._bot_name = bot_name
        self._clock = clock
        self._lines: deque[CaptionLine] = deque()
        self._left_out = 0
        self._more = asyncio.Event()
        self._closing = asyncio.Event()
        self._writing: asyncio.Task[None] | None = None

    def __call__(self, event: CallEvent) -> None:
        """Add lines for what a person said, or for the part of an answer that was heard. Ignore other events."""
        match event:
            case UtteranceHeard(person, author, text):
                self._add(person, caption(author, text))
            case ReplyEnded(_, heard):
                self._add(None, caption(self._bot_name(), heard, interrupted=event.interrupted))
            case _:
                pass

    def _add(self, person: int | None, texts: list[str]) -> None:
        if self.place is Captions.OFF:
            return
        for text in texts:
            if len(self._lines) == MAX_WAITING:
                self._lines.popleft()
                self._left_out += 1
            self._lines.append(CaptionLine(person, text))
            self._more.set()

    def forget(self, person: int) -> None:
        """Drop this person's lines that are not written yet."""
        self._lines = deque(line for line in self._lines if line.person != person)

    def start(self) -> None:
        """Start to write."""
        self._writing = asyncio.create_task(self._write(), name="captions")

    async def close(self) -> None:
        """Write the waiting lines, within :data:`CLOSE_SECONDS`, and end."""
        if self._writing is None:
            return
        self._closing.set()
        self._more.set()
        await asyncio.wait([self._writing], timeout=CLOSE_SECONDS)
        await end_tasks(self._writing)

    async def _write(self) -> None:
        free_at = self._clock()
        while self._lines or not self._closing.is_set():
            await self._more.wait()
            await self._pause(max(GATHER_SECONDS, free_at - self._clock()))
            if self._lines:
                await self._send(self._next_message())
                free_at = self._clock() + INTERVAL_SECONDS
            if not self._lines and not self._closing.is_set():
                self._more.clear()

    async def _pause(self, seconds: float) -> None:
        """Wait for ``seconds``, or until :meth:`close`."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            pass

    def _next_message(self) -> str:
        """Take as many waiting lines as fit into one message, and join them."""
        message = f"*({counted(self._left_out, 'line')} left out)*" if self._left_out else ""
        self._left_out = 0
        while self._lines and len(message) + 1 + len(self._lines[0].text) <= MESSAGE_LIMIT:
            message = f"{message}\n{self._lines.popleft().text}".lstrip("\n")
        return message

    async def _send(self, message: str) -> None:
        if self.place is Captions.OFF:
            return
        try:
            await self._outlet.write(message, self.place)
        except CaptionError as error:
            _log.warning("Captions are lost: %s", error)
        except Exception:
            _log.exception("Captions are lost")

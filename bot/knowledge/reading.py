"""Reads a file in a child process with limits of time, memory and output: :mod:`bot.knowledge.readers.child`."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import dataclass
from pathlib import Path

from bot.knowledge.readers import child
from bot.knowledge.readers.splitting import FilePassage
from config.children import end_child

SECONDS = 180.0
"""Seconds in which a file must be read. The child's own limit of processor time is lower."""
MAX_LINE = 1024 * 1024
"""Maximum number of bytes of a line of the child's output."""
MAX_OUTPUT = 64 * 1024 * 1024
"""Of a file with more text, only this much is kept, in bytes of the child's output."""


@dataclass(frozen=True, slots=True)
class FileContent:
    """What was read of a file.

    Attributes:
        notices: what was left out, in words for people.
        fault: why nothing, or not everything, could be read; ``None`` if everything could.
    """

    passages: tuple[FilePassage, ...]
    notices: tuple[str, ...] = ()
    fault: str | None = None


def kind_of(file: Path) -> str | None:
    """The name of the reader for a file; ``None`` if files of its kind are not read."""
    return child.KINDS.get(file.suffix.lower())


async def read_file(file: Path, kind: str, seconds: float = SECONDS) -> FileContent:
    """Read a file in a child process. What was read before a limit was reached is kept.

    Raises:
        OSError: the child process can't be started.
    """
    process = await start_reader(Path(child.__file__), str(file), kind)
    assert process.stdout is not None  # noqa: S101  # it is a pipe
    output = _Output()
    try:
        async with asyncio.timeout(seconds):
            while not output.ended and (line := await process.stdout.readline()):
                output.take(line)
    except TimeoutError:
        output.fault = "reading it takes too long"
    except ValueError:
        output.fault = "its text can't be read"
    finally:
        await end_child(process)
    return output.content()


async def start_reader(program: Path, *arguments: str) -> asyncio.subprocess.Process:
    """Start :mod:`bot.knowledge.readers.child`."""
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", str(program), *arguments),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=MAX_LINE,
    )


class _Output:
    """The lines of the child so far."""

    def __init__(self) -> None:
        self.ended = False
        self.fault: str | None = None
        self._passages: list[FilePassage] = []
        self._notices: list[str] = []
        self._size = 0

    def take(self, line: bytes) -> None:
        """Take a line; raises :class:`ValueError` if the child can't have written it."""
        self._size += len(line)
        match json.loads(line):
            case ["passage", str(headings), str(text), str(place), str(also)]:
                if self._size <= MAX_OUTPUT:
                    self._passages.append(FilePassage(headings, text, place, also))
                else:
                    self._notices.append(f"only the first {MAX_OUTPUT >> 20} MiB of its text are kept")
                    self.ended = True
            case ["notice", str(text)]:
                self._notices.append(text)
            case ["error", str(text)]:
                self.fault, self.ended = text, True
            case ["end"]:
                self.ended = True
            case _:
                raise ValueError("not a line of the child program")

    def content(self) -> FileContent:
        if not self.ended and self.fault is None:
            self.fault = "reading it takes too much time or memory"
        return FileContent(tuple(self._passages), tuple(self._notices), self.fault)

"""The file of corrections while the bot runs. People's corrections are added to it, and its changes are read."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from bot.voice.transcribe.corrections import Corrections, CorrectionsError
from config.reasons import reason

MAX_WORDS = 300
"""Transcripts with more words are not compared, because the time grows with their square."""
MAX_STRETCH = 5
"""Maximum number of words in a misheard stretch, and in what was meant instead."""
MIN_LETTERS = 3
"""Stretches with fewer letters are not learned: they are usually right elsewhere."""
MAX_BYTES = 1_000_000
"""Maximum size of the file, in bytes. Nothing is added to a larger one."""

LOOK_SECONDS = 5.0
"""Seconds between two looks whether the file has changed."""
HEADER = "# What was heard, and what was meant. The bot adds to this file, and reads it again when it changes.\n"
"""The first line of a file that is made here."""
_PRIVATE = 0o600

_WORD = re.compile(r"\w(?:[\w'’-]*\w)?")
_log = logging.getLogger(__name__)

FILE = "The file of corrections (corrections.yaml in DATA_DIR, or STT_CORRECTIONS)"
OTHER_FORM = f"{FILE} can't be added to: it does not have one correction on each line, or its disk is full."
NOTHING_NEW = f"Only a replacement of 1 to {MAX_STRETCH} words, with {MIN_LETTERS} letters or more, can be learned."


@dataclass(frozen=True, slots=True)
class Learned:
    """What was added to the file.

    Attributes:
        pairs: misheard words as keys, and the words that were meant as values.
        reason: the reason for which nothing was added; empty if something was.
    """

    pairs: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


_Signature = tuple[int, int, int]
"""A file's time of the last change, size and inode number."""


class LearnedCorrections:
    """Learns from corrected transcripts: adds to the file, and at once to the corrections that the recogniser uses.

    Args:
        path: the file of corrections. If there is none, it is made when something is learned.
        corrections: the corrections that the recogniser uses.
        sleep: waits the given seconds.
    """

    def __init__(
        self, path: Path, corrections: Corrections, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    ) -> None:
        self._path = path
        self._corrections = corrections
        self._sleep = sleep
        self._using_file = asyncio.Lock()
        self._seen: _Signature | None = None

    async def learn(self, heard: str, meant: str) -> Learned:
        """Learn the words of ``heard`` that were replaced in ``meant``."""
        async with self._using_file:
            learned = await asyncio.to_thread(_learn, self._path, heard, meant)
            self._corrections.add(learned.pairs)
        return learned

    async def follow(self) -> None:
        """Read the file again whenever somebody has changed it, until cancelled."""
        while True:
            async with self._using_file:
                await self._read_if_changed()
            await self._sleep(LOOK_SECONDS)

    async def _read_if_changed(self) -> None:
        try:
            now = await asyncio.to_thread(_signature, self._path)
        except OSError:
            # Perhaps the disk does not answer for a moment. The next look tells.
            return
        if now == self._seen:
            return
        self._seen = now
        try:
            fresh = await asyncio.to_thread(Corrections.read, self._path) if now is not None else Corrections()
        except CorrectionsError as error:
            _log.warning("The corrections stay as they were: %s", error)
        else:
            self._corrections.replace_by(fresh)


def replaced_words(heard: str, meant: str) -> dict[str, str]:
    """The stretches of words that differ, with what was meant. Blocks for a moment."""
    before, after = _WORD.findall(heard), _WORD.findall(meant)
    if max(len(before), len(after)) > MAX_WORDS:
        return {}
    matcher = SequenceMatcher(
        None, [word.casefold() for word in before], [word.casefold() for word in after], autojunk=False
    )
    pairs = {}
    for kind, start, end, begun, ended in matcher.get_opcodes():
        words, instead = " ".join(before[start:end]), " ".join(after[begun:ended])
        short = max(end - start, ended - begun) <= MAX_STRETCH
        if kind == "replace" and short and len(words.replace(" ", "")) >= MIN_LETTERS:
            pairs[words] = instead
    return pairs


def _signature(path: Path) -> _Signature | None:
    """Values that differ after the file has changed; ``None`` if there is no file. Raises :class:`OSError`."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _learn(path: Path, heard: str, meant: str) -> Learned:
    pairs = replaced_words(heard, meant)
    if not pairs:
        return Learned(reason=NOTHING_NEW)
    made = False
    try:
        made = _make_if_missing(path)
        if path.stat().st_size > MAX_BYTES:
            return Learned(reason=f"{FILE} is too large to add to it.")
        Corrections.read(path)
        if _append(path, HEADER if made else "", pairs):
            made = False
            return Learned(pairs)
        return Learned(reason=OTHER_FORM)
    except CorrectionsError as error:
        _log.warning("Nothing was learned: %s", error)
        return Learned(reason=f"{FILE} can't be read; the log says why.")
    except OSError as error:
        return Learned(reason=f"{FILE} can't be written: {reason(error)}.")
    finally:
        if made:
            with contextlib.suppress(OSError):
                path.unlink()


def _make_if_missing(path: Path) -> bool:
    """Make an empty file, which only its owner can read, unless there is one. Returns whether it was made."""
    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE))
    except FileExistsError:
        return False
    return True


def _append(path: Path, header: str, pairs: Mapping[str, str]) -> bool:
    """Add a header and a line for each pair. If the lines have no effect, leaves the file as it was and returns False.

    Raises:
        OSError: the file can't be written. It stays as it was.
    """
    # A JSON string is a YAML string too, if nothing in it is escaped. Words have no characters that need escaping.
    lines = header + "".join(
        f"{json.dumps(heard, ensure_ascii=False)}: {json.dumps(meant, ensure_ascii=False)}\n"
        for heard, meant in pairs.items()
    )
    with path.open("r+b", buffering=0) as file:
        before = file.read()
        added = (b"" if before.endswith(b"\n") or not before else b"\n") + lines.encode()
        whole = False
        try:
            whole = file.write(added) == len(added) and _has(path, pairs)
            os.fsync(file.fileno())
        finally:
            if not whole:
                file.truncate(len(before))
    return whole


def _has(path: Path, pairs: Mapping[str, str]) -> bool:
    try:
        corrections = Corrections.read(path)
    except CorrectionsError:
        return False
    return all(corrections.apply(heard) == meant for heard, meant in pairs.items())

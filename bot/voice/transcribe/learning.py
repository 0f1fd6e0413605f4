"""Adds to the operator's file of corrections what people have corrected in transcripts."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from bot.voice.transcribe.corrections import Corrections, CorrectionsError
from config.reasons import reason

MAX_WORDS = 300
"""Transcripts with more words are not compared, because the time grows with their square."""
MAX_STRETCH = 5
"""Longest stretch of misheard words, and of the words that were meant."""
MIN_LETTERS = 3
"""Shorter stretches are not learned: they are usually right elsewhere."""
MAX_BYTES = 1_000_000
"""Largest file that is added to."""

_WORD = re.compile(r"\w(?:[\w'’-]*\w)?")

NO_FILE = "STT_CORRECTIONS names no file, so nothing can be added to it."
OTHER_FORM = "The file of STT_CORRECTIONS does not have one correction a line, or its disk is full."
NOTHING_NEW = f"No stretch of {MIN_LETTERS} letters to {MAX_STRETCH} words was replaced, so there is nothing to learn."


@dataclass(frozen=True, slots=True)
class Learned:
    """What was added to the file.

    Attributes:
        pairs: misheard words as keys, and the words that were meant as values.
        reason: the reason for which nothing was added; empty if something was.
    """

    pairs: Mapping[str, str] = field(default_factory=dict)
    reason: str = ""


class LearnedCorrections:
    """Learns from corrected transcripts: into the file, and into the recogniser's corrections at once.

    Args:
        path: the operator's file; ``None`` if there is none.
        corrections: the corrections that the recogniser uses.
    """

    def __init__(self, path: Path | None, corrections: Corrections) -> None:
        self._path = path
        self._corrections = corrections
        self._writing = asyncio.Lock()

    async def learn(self, heard: str, meant: str) -> Learned:
        """Learn the words of ``heard`` that were replaced in ``meant``."""
        if self._path is None:
            return Learned(reason=NO_FILE)
        async with self._writing:
            learned = await asyncio.to_thread(_learn, self._path, heard, meant)
            self._corrections.add(learned.pairs)
        return learned


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


def _learn(path: Path, heard: str, meant: str) -> Learned:
    pairs = replaced_words(heard, meant)
    if not pairs:
        return Learned(reason=NOTHING_NEW)
    try:
        if path.stat().st_size > MAX_BYTES:
            return Learned(reason="The file of STT_CORRECTIONS is too large to add to it.")
        Corrections.read(path)
        return Learned(pairs) if _append(path, pairs) else Learned(reason=OTHER_FORM)
    except CorrectionsError:
        return Learned(reason="The file of STT_CORRECTIONS can't be read.")
    except OSError as error:
        return Learned(reason=f"The file of STT_CORRECTIONS can't be written: {reason(error)}.")


def _append(path: Path, pairs: Mapping[str, str]) -> bool:
    """Add lines to the file. If they don't have the wanted effect there, the file stays as it was; returns False.

    Raises:
        OSError: the file can't be written. It stays as it was.
    """
    # JSON's texts are YAML's too. Words have no signs that would have to be escaped.
    lines = "".join(
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

"""The operator's music and sounds: the sound files of a folder, found by their names."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from bot.music.titles import TitleIndex
from bot.text import escape_markdown, shorten

ENDINGS = frozenset({".mp3", ".ogg", ".oga", ".opus", ".flac", ".wav", ".m4a", ".mp4", ".aac", ".mka", ".webm"})
MAX_FILES = 5_000
"""Maximum number of files that are looked at, in alphabetical order. Files behind them are not found."""
MAX_SHOWN = 5
MAX_TITLE = 80
MAX_SUGGESTION = 100
NAMELESS = "(no name)"
_JOINERS = "\u200c\u200d"
"""Characters between letters or signs that join them or keep them apart. They can't be seen, but what is around them
looks different without them."""


class NotFoundInLibraryError(Exception):
    """No piece, or more than one, has this name. The text is for users."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A file that can be played. ``title`` is its name without its ending."""

    title: str
    path: Path


def shown_title(title: str) -> str:
    """A title as people see it: on one line, not too long, not as markdown, and without what can't be seen or sent.

    A name of a file may hold any character, and bytes that are no text at all.
    """
    return escape_markdown(shorten(_seen(title), MAX_TITLE)) or NAMELESS


def suggested_titles(pieces: Iterable[Piece], most: int) -> list[str]:
    """The first titles for a list from which people choose. It leaves out those that Discord would not take."""
    return list(islice((each.title[:MAX_SUGGESTION] for each in pieces if each.title == _seen(each.title)), most))


def _seen(title: str) -> str:
    seen = "".join(each if each.isprintable() or each in _JOINERS else " " for each in title)
    return " ".join(seen.split())


class MusicLibrary:
    """The sound files of a folder and its subfolders. Blocks: it reads the folder.

    A name is only compared with the names of files that are there, so no name leads out of the folder. Links that lead
    out of it are not followed.

    Args:
        what: the word for its pieces in texts for users.
        skips: says whether a subfolder is left out. It gets the subfolder's path.

    Attributes:
        index: the titles that were there when the folder was read last. Using this index does not block.
    """

    def __init__(self, folder: Path, what: str = "music", skips: Callable[[Path], bool] = lambda _: False) -> None:
        self.index = TitleIndex()
        self._skips = skips
        self._folder = folder
        self._what = what
        self._known: Sequence[Piece] = ()

    def pieces(self) -> list[Piece]:
        """All pieces, by title. Empty if the folder can't be read."""
        pieces = sorted(self._walk(), key=lambda piece: piece.title.casefold())
        if pieces != self._known:
            self._known, self.index = list(pieces), TitleIndex.of(piece.title for piece in pieces)
        return pieces

    def search(self, words: str) -> list[Piece]:
        """The pieces whose titles contain all words. Titles that begin with them come first."""
        wanted = words.casefold().split()
        found = [piece for piece in self.pieces() if all(word in piece.title.casefold() for word in wanted)]
        return sorted(found, key=lambda piece: not piece.title.casefold().startswith(words.casefold().strip()))

    def named(self, name: str) -> Piece | None:
        """The piece with exactly this title or file name, if there is one. Case is ignored."""
        wanted = name.strip().casefold()
        same = (each for each in self.pieces() if wanted in (each.title.casefold(), each.path.name.casefold()))
        return next(same, None)

    def find(self, name: str) -> Piece:
        """The piece with this title or file name, or the only one that the name can mean.

        The name may leave out capitals, signs, and a number or a composer before the title, as spoken names do
        (:class:`~bot.music.titles.TitleIndex`). Some words of the title are enough, too.

        Raises:
            NotFoundInLibraryError: there is none, or more than one.
        """
        exact = self.named(name)
        if exact is not None:
            return exact
        wanted = name.strip().casefold()
        found = self.search(wanted) if wanted else []
        if len(found) == 1:
            return found[0]
        said = self.index.exact(name) or self.index.only(name)
        meant = next((piece for piece in self._known if piece.title == said), None)
        if meant is not None:
            return meant
        if not found:
            raise NotFoundInLibraryError(f"❌ I have no {self._what} of that name.{self._suggestion(wanted)}")
        shown = ", ".join(_seen(piece.title) for piece in found[:MAX_SHOWN])
        more = f" and {len(found) - MAX_SHOWN} more" if len(found) > MAX_SHOWN else ""
        raise NotFoundInLibraryError(f"❓ Which one: {shown}{more}?")

    def _suggestion(self, wanted: str) -> str:
        titles = {piece.title.casefold(): piece.title for piece in self.pieces()}
        near = difflib.get_close_matches(wanted, titles, n=3)
        return f" Did you mean {' or '.join(_seen(titles[title]) for title in near)}?" if near else ""

    def _walk(self) -> Iterator[Piece]:
        root, seen = os.path.realpath(self._folder), 0
        for folder, folders, files in os.walk(root):
            folders[:] = sorted(each for each in folders if not self._skips(Path(folder, each)))
            for name in sorted(files):
                seen += 1
                if seen > MAX_FILES:
                    return
                path = Path(folder, name)
                inside = Path(os.path.realpath(path)).is_relative_to(root)
                if path.suffix.lower() in ENDINGS and inside and path.is_file():
                    yield Piece(path.stem, path)

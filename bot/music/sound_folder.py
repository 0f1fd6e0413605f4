"""The sounds of the sound board: short sound files in a folder, to which people may add some."""

from __future__ import annotations

import os
import re
import unicodedata
from pathlib import Path

from bot.music.library import ENDINGS, MusicLibrary, NotFoundInLibraryError, Piece, shown_title
from bot.text import escape_markdown
from bot.user_error import UserError

MAX_NAME = 32
"""Length of the longest name that people may give a sound."""
MAX_MB = 10
"""Size of the largest sound that people may add."""
MAX_SOUNDS = 100
"""Number of sounds from which on people may add none."""
RESERVED = frozenset({"add", "list", "remove", "stop", "play"})
"""First words of what is typed after the command that are no names."""
UNFINISHED = ".upload.new"
"""The file in which an upload stands until it is complete. Its ending is that of no sound."""

BAD_NAME = (
    f"❌ A sound's name has at most {MAX_NAME} letters, digits, spaces, apostrophes, hyphens and underscores. "
    "It begins with a letter or a digit."
)
RESERVED_NAME = "❌ A sound's name can't begin with the word {word}, which says what to do with a sound."
EXISTS = "❌ There is a sound {name} already. Remove it before, or choose another name."
FULL = f"❌ There are {MAX_SOUNDS} sounds already. Remove one before."
NOT_SOUND = f"❌ {{name}} is not a sound file that I can keep. I take {', '.join(sorted(ENDINGS))}."
TOO_LARGE = f"❌ {{name}} is too large: {MAX_MB} MB is the limit."
NOT_WRITTEN = "❌ I can't change the folder of sounds: {cause}."
_NAME = re.compile(r"[^\W_][\w '\-]*")


def sound_name(text: str) -> str:
    """The name that a person wants to give a sound, in its tidy form; raises :class:`~bot.user_error.UserError`."""
    name = unicodedata.normalize("NFC", " ".join(text.split()))
    if len(name) > MAX_NAME or _NAME.fullmatch(name) is None:
        raise UserError(BAD_NAME)
    word = name.split()[0].casefold()
    if word in RESERVED:
        raise UserError(RESERVED_NAME.format(word=word))
    return name


def sound_ending(filename: str) -> str:
    """The ending of a sound file's name, with its dot; raises :class:`~bot.user_error.UserError` for other files."""
    ending = Path(filename).suffix.lower()
    if ending not in ENDINGS:
        raise UserError(NOT_SOUND.format(name=shown_title(filename)))
    return ending


class SoundFolder:
    """The sounds of a folder and its subfolders. Everything blocks, as it reads or writes the folder.

    The methods raise :class:`~bot.user_error.UserError`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._library = MusicLibrary(folder, "sound")

    def sounds(self) -> list[Piece]:
        """All sounds, by name. Empty if the folder can't be read."""
        return self._library.pieces()

    def search(self, words: str) -> list[Piece]:
        """The sounds whose names contain all words, those first that begin with them."""
        return self._library.search(words)

    def find(self, name: str) -> Piece:
        """The sound with this name, or the only one whose name contains all words of it."""
        try:
            return self._library.find(name)
        except NotFoundInLibraryError as error:
            raise UserError(escape_markdown(str(error))) from error

    def require_room(self, name: str) -> None:
        """Check that a sound of this name can be added."""
        if self._library.named(name) is not None:
            raise UserError(EXISTS.format(name=shown_title(name)))
        if len(self.sounds()) >= MAX_SOUNDS:
            raise UserError(FULL)

    def add(self, name: str, ending: str, data: bytes) -> None:
        """Store a sound. It is there as a whole, or not at all. No two calls may run at the same time.

        Args:
            name: see :func:`sound_name`.
            ending: see :func:`sound_ending`.
        """
        self.require_room(name)
        new = self._folder / UNFINISHED
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            new.unlink(missing_ok=True)
            try:
                with new.open("xb") as file:
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                new.replace(self._folder / f"{name}{ending}")
            finally:
                new.unlink(missing_ok=True)
        except OSError as error:
            raise UserError(NOT_WRITTEN.format(cause=error.strerror or error)) from error

    def remove(self, name: str) -> str:
        """Delete the sound with exactly this name. Returns its name as it was written."""
        sound = self._library.named(name)
        if sound is None:
            # A part of a name is enough to play a sound, but not to delete it.
            near = self.find(name).title
            raise UserError(f"❓ Did you mean {shown_title(near)}? Say its whole name.")
        try:
            sound.path.unlink()
        except OSError as error:
            raise UserError(NOT_WRITTEN.format(cause=error.strerror or error)) from error
        return sound.title
